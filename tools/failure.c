// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "json.h"

bool t1x_value_add(struct t1x_values *values, char *word)
{
	char *equals = strchr(word, '=');

	if (!equals || values->n == T1X_VALUES_MAX)
		return false;
	*equals = '\0';
	values->item[values->n++] = (struct t1x_value){ word, equals + 1 };
	return true;
}

const char *t1x_value_find(const struct t1x_values *values, const char *name)
{
	int i;

	for (i = 0; i < values->n; i++)
		if (!strcmp(values->item[i].name, name))
			return values->item[i].value;
	return NULL;
}

/* 12.345678 */
static bool parse_time(char *word, u64 *us)
{
	char *seconds = word ? strsep(&word, ".") : NULL;
	u64 whole, part = 0;

	if (!t1x_number(seconds, &whole) || (word && strlen(word) != 6))
		return false;
	if (word)
		part = strtoull(word, NULL, 10);
	*us = whole * 1000000 + part;
	return true;
}

/*
 * 12.345678 map -17 0x1000-0x1fff overlap first=0x0 last=0xffff pid=1234
 * by 1234 qemu-system-x86
 */
static bool parse(char *line, unsigned long id, struct t1x_failure *f)
{
	u64 number = id;
	char *word;

	if (!id && !t1x_next_number(&line, &number))
		return false;
	*f = (struct t1x_failure){ .id = number, .times = 1, .comm = "" };
	if (!parse_time(t1x_word(&line), &f->us))
		return false;
	f->call = t1x_word(&line);
	word = t1x_word(&line);
	if (!word)
		return false;
	f->error = strtol(word, NULL, 10);
	f->ranged = t1x_range(t1x_word(&line), &f->first, &f->last);
	f->reason = t1x_word(&line);
	while ((word = t1x_word(&line)) && strcmp(word, "by"))
		t1x_value_add(&f->values, word);
	if (word && t1x_next_number(&line, &f->pid))
		f->comm = t1x_rest(line) ?: "";
	return f->reason;
}

bool t1x_failure_next(char **text, unsigned long id,
		      struct t1x_failure *failure)
{
	char *line;

	while ((line = t1x_line(text)))
		if (parse(line, id, failure))
			return true;
	return false;
}

static bool same_values(const struct t1x_values *a, const struct t1x_values *b)
{
	int i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->item[i].name, b->item[i].name) ||
		    strcmp(a->item[i].value, b->item[i].value))
			return false;
	return a->n == b->n;
}

bool t1x_failure_same(const struct t1x_failure *a, const struct t1x_failure *b)
{
	return a->id == b->id && a->error == b->error &&
	       a->ranged == b->ranged && a->first == b->first &&
	       a->last == b->last && a->pid == b->pid &&
	       !strcmp(a->call, b->call) && !strcmp(a->reason, b->reason) &&
	       !strcmp(a->comm, b->comm) && same_values(&a->values, &b->values);
}

void t1x_values_json(const struct t1x_values *values)
{
	int i;

	t1x_json_object("values");
	for (i = 0; i < values->n; i++)
		t1x_json_string(values->item[i].name, values->item[i].value);
	t1x_json_end();
}

void t1x_failure_json(const struct t1x_failure *failure)
{
	t1x_json_string("call", failure->call);
	t1x_json_string("errno", t1x_errno(failure->error));
	if (failure->ranged) {
		t1x_json_object("range");
		t1x_json_hex("first", failure->first);
		t1x_json_hex("last", failure->last);
		t1x_json_end();
	} else {
		t1x_json_string("range", NULL);
	}
	t1x_json_string("reason", failure->reason);
	t1x_values_json(&failure->values);
}
