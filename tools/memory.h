/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the program's own; where there is none, it ends with T1X_FAILED.
 */
#ifndef T1X_MEMORY_H
#define T1X_MEMORY_H

#include <stddef.h>

#include "format.h"

/* An array of n elements with room for one more, which is all zero */
void *t1x_grow(void *array, size_t n, size_t size);

char *t1x_copy(const char *text);
/* A list with one word more, in place of the list */
char *t1x_join(char *list, const char *separator, const char *word);
T1X_FORMAT(1) char *t1x_format(const char *fmt, ...);

#endif
