/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every command is: a function that is given its own name as argv[0], tells
 * of a failure itself, in one line, and returns one of these as the exit code.
 */
#ifndef T1X_COMMAND_H
#define T1X_COMMAND_H

#include <stdbool.h>

#define T1X_OK 0
#define T1X_NO 1 /* the answer is no: not ready, not type1x */
#define T1X_FAILED 2 /* wrong usage, or it could not be done */

/* Which containers does a command tell of, and what if no id is given? */
enum t1x_operand {
	T1X_NO_ID,
	T1X_ONE, /* of one; without an id of the one that there is */
	T1X_ONE_OR_ALL, /* without an id of all */
};

struct t1x_args {
	bool json;
	unsigned long id; /* of the container; 0: all */
};

/*
 * The options and the operand of a command that takes -j and perhaps the id of a
 * container. T1X_OK or T1X_FAILED.
 */
int t1x_args_parse(int argc, char **argv, enum t1x_operand operand,
		   struct t1x_args *args);

/* The number of a container. T1X_OK or T1X_FAILED */
int t1x_args_id(const char *word, unsigned long *id);

/* T1X_FAILED, having told how the command is used */
int t1x_usage(const char *command);

int t1x_status(int argc, char **argv);
int t1x_list(int argc, char **argv);
int t1x_show(int argc, char **argv);
int t1x_maps(int argc, char **argv);
int t1x_huge(int argc, char **argv);
int t1x_explain(int argc, char **argv);
int t1x_monitor(int argc, char **argv);
int t1x_check(int argc, char **argv);
int t1x_takeover(int argc, char **argv);

#endif
