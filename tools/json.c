// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "json.h"

#define DEPTH_MAX 16

static char closing[DEPTH_MAX];
static int depth;
static bool follows; /* something stands before it on its level */
static bool lines;

void t1x_json_lines(void)
{
	lines = true;
}

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text == '\n' || *text == '\t')
			printf("\\%c", *text == '\n' ? 'n' : 't');
		else
			putchar(*text);
	}
	putchar('"');
}

static void line_break(void)
{
	if (lines)
		printf("%s", follows ? " " : "");
	else if (depth)
		printf("\n%*s", 2 * depth, "");
}

static void begin_value(const char *key)
{
	if (follows)
		putchar(',');
	line_break();
	if (key) {
		print_string(key);
		printf(": ");
	}
	follows = true;
}

static void open_level(const char *key, char open, char close)
{
	begin_value(key);
	putchar(open);
	closing[depth++] = close;
	follows = false;
}

void t1x_json_object(const char *key)
{
	open_level(key, '{', '}');
}

void t1x_json_array(const char *key)
{
	open_level(key, '[', ']');
}

void t1x_json_end(void)
{
	bool empty = !follows;

	depth--;
	if (!empty && !lines)
		printf("\n%*s", 2 * depth, "");
	putchar(closing[depth]);
	follows = depth;
	if (!depth)
		putchar('\n');
}

void t1x_json_string(const char *key, const char *value)
{
	begin_value(key);
	if (value)
		print_string(value);
	else
		printf("null");
}

void t1x_json_number(const char *key, u64 value)
{
	begin_value(key);
	printf("%llu", value);
}

void t1x_json_hex(const char *key, u64 value)
{
	begin_value(key);
	printf("\"0x%llx\"", value);
}

void t1x_json_bool(const char *key, bool value)
{
	begin_value(key);
	printf("%s", value ? "true" : "false");
}

void t1x_json_sizes(const char *key, u64 bitmap)
{
	t1x_json_array(key);
	for (; bitmap; bitmap &= bitmap - 1)
		t1x_json_number(NULL, bitmap & -bitmap);
	t1x_json_end();
}

void t1x_json_process(const char *key, u64 pid, const char *comm)
{
	if (!pid) {
		t1x_json_string(key, NULL);
		return;
	}
	t1x_json_object(key);
	t1x_json_number("pid", pid);
	t1x_json_string("comm", comm);
	t1x_json_end();
}
