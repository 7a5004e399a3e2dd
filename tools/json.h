/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON on stdout, as it goes: one value is written after the other. A key is NULL
 * in an array and for the whole document. What a string holds was cleaned by
 * t1x_clean() when it was read.
 */
#ifndef T1X_JSON_H
#define T1X_JSON_H

#include <stdbool.h>

#include "text.h"

void t1x_json_object(const char *key);
void t1x_json_array(const char *key);
/* The end of the innermost object or array, and, of the outermost, a newline */
void t1x_json_end(void);

/* NULL is null */
void t1x_json_string(const char *key, const char *value);
void t1x_json_number(const char *key, u64 value);
/* Addresses: a string with 0x, as numbers above 2^53 are not safe in JSON */
void t1x_json_hex(const char *key, u64 value);
void t1x_json_bool(const char *key, bool value);
/* The sizes in a bitmap, in bytes, smallest first */
void t1x_json_sizes(const char *key, u64 bitmap);
/* Objects with a process and its name; pid 0 is null */
void t1x_json_process(const char *key, u64 pid, const char *comm);

/* From here on, each document on a line of its own */
void t1x_json_lines(void);

#endif
