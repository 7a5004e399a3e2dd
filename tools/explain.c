// SPDX-License-Identifier: GPL-2.0-only
/*
 * explain: the last calls that failed, of a container or of all, in plain words.
 *
 * A container whose first group cannot be attached is closed before anybody can look:
 * what failed in it is in the file of all containers alone.
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

/* The container, unless it is the one that is meant anyway. */
static void print_container(const struct t1x_container *c, unsigned long meant)
{
	bool closed = !c->text;

	if (closed || c->id != meant)
		printf("Container %lu%s: ", c->id, closed ? " (closed)" : "");
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
	t1x_json_number("container", f->id);
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

static void print_none(unsigned long id)
{
	if (id)
		printf("No call of container %lu has failed.\n", id);
	else
		printf("No call has failed since the module was loaded.\n");
}

static void print_all(const struct failures *failures, unsigned long meant,
		      bool json)
{
	struct t1x_container c = {};
	size_t i;

	if (json)
		t1x_json_array(NULL);
	for (i = 0; i < failures->n; i++) {
		const struct t1x_failure *f = &failures->item[i];

		if (c.id != f->id) {
			t1x_container_free(&c);
			t1x_container_find(&c, f->id);
		}
		if (json) {
			print_json(f, &c);
			continue;
		}
		printf("%s", i ? "\n" : "");
		print_container(&c, meant);
		print(f, &c);
	}
	if (json)
		t1x_json_end();
	t1x_container_free(&c);
}

static void add_wanted(struct failures *failures, char *text,
		       unsigned long file, unsigned long wanted)
{
	struct t1x_failure failure;

	while (t1x_failure_next(&text, file, &failure))
		if (!wanted || failure.id == wanted)
			add(failures, &failure);
}

/*
 * Those of a container, or of all. Of a container that is closed, the file of all may
 * still have them. Return: the text that they point into, or NULL and told.
 */
static char *read_failures(struct failures *failures, unsigned long id)
{
	char *text = id ? t1x_file_read(T1X_DEBUGFS "/%lu/errors", id) : NULL;

	if (text) {
		add_wanted(failures, text, id, id);
		return text;
	}
	text = t1x_containers_file("errors");
	if (!text)
		return NULL;
	add_wanted(failures, text, 0, id);
	if (!id || failures->n)
		return text;
	t1x_container_none(id);
	free(text);
	return NULL;
}

/* The container that need not be named. Return: 0 if there is none. */
static unsigned long find_meant(unsigned long id)
{
	unsigned long *ids;
	size_t n;

	if (id || !t1x_container_ids(&ids, &n))
		return id;
	if (n == 1)
		id = ids[0];
	free(ids);
	return id;
}

int t1x_explain(int argc, char **argv)
{
	struct failures failures = {};
	struct t1x_args args;
	char *text;

	if (t1x_args_parse(argc, argv, T1X_ONE_OR_ALL, &args))
		return T1X_FAILED;
	text = read_failures(&failures, args.id);
	if (!text)
		return T1X_FAILED;
	if (!failures.n && !args.json)
		print_none(args.id);
	else
		print_all(&failures, find_meant(args.id), args.json);
	free(failures.item);
	free(text);
	return T1X_OK;
}
