// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "say.h"

static void *require(void *memory)
{
	if (!memory)
		exit(t1x_fail("out of memory: stop other programs"));
	return memory;
}

/* Doubled at the powers of two, so that growing to n is O(n). */
void *t1x_grow(void *array, size_t n, size_t size)
{
	if (!(n & (n - 1)))
		array = require(reallocarray(array, n ? 2 * n : 1, size));
	memset((char *)array + n * size, 0, size);
	return array;
}

char *t1x_copy(const char *text)
{
	return require(strdup(text));
}

char *t1x_format(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return require(text);
}

char *t1x_join(char *list, const char *separator, const char *word)
{
	char *longer = t1x_format("%s%s%s", list, *list ? separator : "", word);

	free(list);
	return longer;
}
