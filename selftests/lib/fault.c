// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "util.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"

/* Open throughout: what opening it takes is not to be counted */
static int fail_nth = -1;

/* Also what may wait for memory, and single pages; not a stack for each */
static void settings(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc",
					     "fail_usercopy" };
	static const char *const values[][2] = {
		{ "verbose", "0" },
		{ "ignore-gfp-wait", "N" },
		{ "min-order", "0" },
	};
	char path[64];
	int i, k;

	for (i = 0; i < 3; i++)
		for (k = 0; k < 3; k++) {
			snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s",
				 kinds[i], values[k][0]);
			t1x_write_text(path, values[k][1]);
		}
}

bool t1x_fault_available(void)
{
	return !access(FAIL_NTH, W_OK);
}

void t1x_fault_begin(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	settings();
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	t1x_require(fail_nth >= 0, "open " FAIL_NTH ": %s", strerror(errno));
	t1x_require(write(fail_nth, text, len) == len, FAIL_NTH ": %s",
		    strerror(errno));
}

bool t1x_fault_end(void)
{
	char text[16] = "";
	bool failed;

	/* This may itself be what fails: then it was not there before */
	failed = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 &&
		 !strtoul(text, NULL, 10);
	if (pwrite(fail_nth, "0", 1, 0) < 0)
		t1x_require(pwrite(fail_nth, "0", 1, 0) == 1, FAIL_NTH ": %s",
			    strerror(errno));
	close(fail_nth);
	return failed;
}
