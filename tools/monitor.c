// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor: what happens, as it happens.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"
#include "container.h"
#include "json.h"
#include "mapping.h"
#include "reason.h"
#include "say.h"
#include "trace.h"

struct options {
	bool json;
	bool errors;
	unsigned long id; /* 0: all */
	u64 count; /* of events; 0: no end */
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "errors", no_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{},
	};
	int c;

	*o = (struct options){};
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "jen:", options, NULL)) != -1) {
		if (c == 'j')
			o->json = true;
		else if (c == 'e')
			o->errors = true;
		else if (c != 'n' || !t1x_number(optarg, &o->count) ||
			 !o->count)
			return t1x_usage(argv[0]);
	}
	if (argc - optind > 1)
		return t1x_usage(argv[0]);
	return optind < argc ? t1x_args_id(argv[optind], &o->id) : T1X_OK;
}

/* Nothing would ever come of one that there is not. */
static bool is_there(unsigned long id)
{
	struct t1x_container container;
	bool there = t1x_container_read(&container, id);

	t1x_container_free(&container);
	return there;
}

static void print_value(const char *name, const char *value)
{
	u64 number;

	if (!strcmp(name, "ret")) {
		if (strcmp(value, "0"))
			printf(" %s", t1x_errno(strtol(value, NULL, 10)));
	} else if (!t1x_number(value, &number)) {
		printf(" %s=%s", name, value);
	} else if (!strcmp(name, "ns")) {
		printf(" in %s", t1x_ns(number));
	} else if (!strcmp(name, "pages")) {
		printf(" %s", t1x_size(number * T1X_PAGE));
	} else if (!strcmp(name, "leaves")) {
		if (number)
			printf(" of %s", t1x_sizes(number));
	} else {
		printf(" %s=%s", name, value);
	}
}

/* "iova=0x0 last=0xfff" is a range, all other values come one by one. */
static void print_values(const struct t1x_values *values)
{
	const char *iova = t1x_value_find(values, "iova");
	const char *last = t1x_value_find(values, "last");
	int i;

	if (iova && last)
		printf(" %s-%s", iova, last);
	for (i = 0; i < values->n; i++) {
		const char *name = values->item[i].name;

		if (!strcmp(name, "id"))
			continue;
		if (iova && last &&
		    (!strcmp(name, "iova") || !strcmp(name, "last")))
			continue;
		print_value(name, values->item[i].value);
	}
}

static void print_failure(const struct t1x_failure *f)
{
	struct t1x_container container;
	char *what;

	/* It may be closed by now; then less is known. */
	t1x_container_find(&container, f->id);
	what = t1x_reason_what(f, &container);
	printf(" %s", t1x_reason_call(f->call));
	if (f->ranged)
		printf(" 0x%llx-0x%llx", f->first, f->last);
	printf(" %s: %s", t1x_errno(f->error), what);
	free(what);
	t1x_container_free(&container);
}

static void print_event(const struct t1x_event *event)
{
	const char *id = t1x_value_find(&event->values, "id");
	struct t1x_failure failure;

	printf("%14s %7llu %-15s %4s %-9s", event->time, event->pid,
	       event->comm, id ?: "-", event->name);
	if (t1x_event_failure(event, &failure))
		print_failure(&failure);
	else
		print_values(&event->values);
	printf("%s%s\n", *event->rest ? " " : "", event->rest);
}

static void json_event(const struct t1x_event *event)
{
	struct t1x_failure failure;

	t1x_json_object(NULL);
	t1x_json_string("time", event->time);
	t1x_json_process("process", event->pid, event->comm);
	t1x_json_string("container", t1x_value_find(&event->values, "id"));
	t1x_json_string("event", event->name);
	if (t1x_event_failure(event, &failure))
		t1x_failure_json(&failure);
	else
		t1x_values_json(&event->values);
	t1x_json_end();
}

/* "CPU:1 [LOST 42 EVENTS]"; lines of events begin with blanks. */
static void tell_lost(char *line)
{
	u64 n;

	t1x_word(&line);
	t1x_word(&line);
	if (t1x_next_number(&line, &n))
		t1x_fail(
			"%llu events were lost, as they came too fast: watch one container, or -e",
			n);
}

/* Return: was it an event? */
static bool tell(char *line, bool json)
{
	struct t1x_event event;

	if (!strncmp(line, "CPU:", strlen("CPU:"))) {
		tell_lost(line);
		return false;
	}
	if (!t1x_event_parse(line, &event))
		return false;
	if (json)
		json_event(&event);
	else
		print_event(&event);
	return true;
}

/*
 * What ends a program is read from a descriptor from here on: the instance has to
 * be removed first. Return: the descriptor, or -1 and told.
 */
static int hold_signals(void)
{
	sigset_t ends;
	int fd;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	/* A reader that goes away ends it by a write that fails. */
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &ends, SFD_CLOEXEC);
	if (fd < 0)
		t1x_fail("signals cannot be read: %s", t1x_strerror(errno));
	return fd;
}

static void watch(struct t1x_trace *trace, const struct options *o, int stop)
{
	u64 n = 0;
	char *line;

	if (o->json)
		t1x_json_lines();
	else
		printf("%14s %7s %-15s %4s %s\n", "SECONDS", "PID", "COMMAND",
		       "ID", "EVENT");
	while (!fflush(stdout) && (!o->count || n < o->count)) {
		line = t1x_trace_line(trace, stop);
		if (!line)
			return;
		n += tell(line, o->json);
	}
}

int t1x_monitor(int argc, char **argv)
{
	struct t1x_trace trace;
	struct options options;
	int stop, ret;

	if (parse_options(argc, argv, &options))
		return T1X_FAILED;
	if (options.id && !is_there(options.id))
		return T1X_FAILED;
	stop = hold_signals();
	if (stop < 0 || t1x_trace_open(&trace, options.errors, options.id))
		return T1X_FAILED;
	watch(&trace, &options, stop);
	ret = t1x_trace_close(&trace);
	close(stop);
	return ret;
}
