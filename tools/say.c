// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "say.h"

#define WIDTH_MIN 40
#define WIDTH_MAX 200
#define WIDTH_DEFAULT 80
#define LABEL_WIDTH 6

int t1x_fail(const char *fmt, ...)
{
	va_list ap;

	/* What was found out before comes first, where both go to one place. */
	fflush(stdout);
	fprintf(stderr, "vfio-type1x: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return T1X_FAILED;
}

const char *t1x_strerror(int error)
{
	if ((error == EACCES || error == EPERM) && geteuid())
		return "permission denied: run this as root";
	return strerror(error);
}

int t1x_width(void)
{
	const char *columns = getenv("COLUMNS");
	int width = columns ? atoi(columns) : 0;
	struct winsize size;

	if (width <= 0 && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		width = size.ws_col;
	if (width <= 0)
		return WIDTH_DEFAULT;
	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width < WIDTH_MAX ? width : WIDTH_MAX;
}

void t1x_wrap(int indent, const char *label, const char *text)
{
	int width = t1x_width();
	int column;

	column = printf("%*s%-*s", indent, "", LABEL_WIDTH, label);
	indent = column;
	while (*text) {
		int len = strcspn(text, " ");

		if (column > indent && column + 1 + len > width) {
			printf("\n%*s", indent, "");
			column = indent;
		}
		column +=
			printf("%s%.*s", column > indent ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	printf("\n");
}
