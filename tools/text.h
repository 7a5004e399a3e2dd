/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading words and numbers out of text, and writing numbers for people.
 */
#ifndef T1X_TEXT_H
#define T1X_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;

/*
 * Make text safe for a terminal and for JSON: what is neither printable nor valid
 * UTF-8 becomes '?'; newlines and tabs stay. Process names are chosen by users.
 */
void t1x_clean(char *text);

/* The next line, or the next word of it, cut out of *text; NULL at the end */
char *t1x_line(char **text);
char *t1x_word(char **line);
/* What is left of a line, without blanks before it */
char *t1x_rest(char *line);

/* A whole word that is a number, decimal or with 0x */
bool t1x_number(const char *word, u64 *value);
/* The next word of a line as a number */
bool t1x_next_number(char **line, u64 *value);
/* "first-last"; one that wraps has a last below its first */
bool t1x_range(const char *word, u64 *first, u64 *last);

/*
 * For people; one of a few static buffers, good for one printf. Sizes are bytes:
 * "4K", "2047M", "1.5G". The sizes of a bitmap: "4K 2M 1G", "4K-256G", or "none".
 */
const char *t1x_size(u64 bytes);
const char *t1x_sizes(u64 bitmap);
const char *t1x_span(u64 first, u64 last); /* the size of a range */
const char *t1x_ns(u64 ns);
const char *t1x_plural(u64 n, const char *thing);

/* "EINVAL" for -22 or 22; the number where it has no name here */
const char *t1x_errno(long error);

#endif
