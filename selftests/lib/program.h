/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that a test runs: its exit code, and what it prints on either stream.
 */
#ifndef T1X_PROGRAM_H
#define T1X_PROGRAM_H

#include "util.h"

/* Zeroed before it is started for the first time */
struct t1x_program {
	pid_t pid;
	int file; /* what it has printed so far */
	char *output; /* all of it, once it has ended, until the next start */
};

/* prepare may be NULL; the new process calls it before it becomes the program */
void t1x_program_start(struct t1x_program *program, const char *const argv[],
		       void (*prepare)(void));
/* Wait until it has printed something; fails the test after so many ms */
void t1x_program_wait_output(struct t1x_program *program, unsigned int ms);
/*
 * Exit code; its output is in the log too. The test fails if it has not ended by
 * itself after so many ms.
 */
int t1x_program_end(struct t1x_program *program, unsigned int ms);

#endif
