// SPDX-License-Identifier: GPL-2.0-only
/*
 * explain: the last calls of a container that failed, in plain words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "container.h"
#include "failure.h"
#include "file.h"
#include "json.h"
#include "memory.h"
#include "reason.h"
#include "say.h"

struct failures {
	struct t1x_failure *item;
	size_t n;
};

/* Put a failure behind the others, and with it those that are the same. */
static void add(struct failures *failures, struct t1x_failure *f)
{
	size_t i, kept = 0;

	for (i = 0; i < failures->n; i++) {
		if (t1x_failure_same(&failures->item[i], f))
			f->times += failures->item[i].times;
		else
			failures->item[kept++] = failures->item[i];
	}
	failures->n = kept;
	failures->item = t1x_grow(failures->item, kept, sizeof(*f));
	failures->item[failures->n++] = *f;
}

/* "3 min ago", or how long after boot where that is not known. */
static char *when(u64 us)
{
	char *line = t1x_file_line("/proc/uptime");
	u64 then = us / 1000000;
	long ago = -1;

	if (line)
		ago = strtoul(line, NULL, 10) - then;
	free(line);
	if (ago < 0)
		return t1x_format("%llu s after boot", then);
	if (ago < 120)
		return t1x_format("%ld s ago", ago);
	if (ago < 2 * 3600)
		return t1x_format("%ld min ago", ago / 60);
	return t1x_format("%ld h ago", ago / 3600);
}

static void print_head(const struct t1x_failure *f)
{
	char *ago = when(f->us);

	printf("%s", t1x_reason_call(f->call));
	if (f->ranged)
		printf(" of 0x%llx-0x%llx (%s)", f->first, f->last,
		       t1x_span(f->first, f->last));
	if (f->pid)
		printf(" by %llu %s", f->pid, f->comm);
	printf(": %s, ", t1x_errno(f->error));
	if (f->times > 1)
		printf("%u times, last ", f->times);
	printf("%s\n", ago);
	free(ago);
}

static void print(const struct t1x_failure *f, const struct t1x_container *c)
{
	char *what = t1x_reason_what(f, c);
	char *todo = t1x_reason_todo(f, c);

	print_head(f);
	t1x_wrap(2, "why", what);
	t1x_wrap(2, "do", todo);
	if (!strcmp(f->call, "attach"))
		t1x_wrap(
			2, "note",
			"If it was the container's first group, vfio went on to in-tree type1, where that is loaded: see 'vfio-type1x status'.");
	free(what);
	free(todo);
}

static void print_json(const struct t1x_failure *f,
		       const struct t1x_container *c)
{
	char *what = t1x_reason_what(f, c);
	char *todo = t1x_reason_todo(f, c);

	t1x_json_object(NULL);
	t1x_failure_json(f);
	t1x_json_number("times", f->times);
	t1x_json_number("last_us", f->us);
	t1x_json_process("by", f->pid, f->comm);
	t1x_json_string("why", what);
	t1x_json_string("do", todo);
	t1x_json_end();
	free(what);
	free(todo);
}

static void print_all(const struct failures *failures,
		      const struct t1x_container *c, bool json)
{
	size_t i;

	if (json)
		t1x_json_array(NULL);
	else if (!failures->n)
		printf("No call of container %lu has failed.\n", c->id);
	for (i = 0; i < failures->n; i++) {
		if (json)
			print_json(&failures->item[i], c);
		else
			printf("%s", i ? "\n" : "");
		if (!json)
			print(&failures->item[i], c);
	}
	if (json)
		t1x_json_end();
}

int t1x_explain(int argc, char **argv)
{
	struct t1x_container container;
	struct failures failures = {};
	struct t1x_failure failure;
	struct t1x_args args;
	char *text, *at;

	if (t1x_args_parse(argc, argv, true, &args))
		return T1X_FAILED;
	if (!t1x_container_read(&container, args.id))
		return T1X_FAILED;
	text = t1x_container_file(args.id, "errors");
	at = text;
	while (t1x_failure_next(&at, &failure))
		add(&failures, &failure);
	if (text)
		print_all(&failures, &container, args.json);
	free(failures.item);
	free(text);
	t1x_container_free(&container);
	return text ? T1X_OK : T1X_FAILED;
}
