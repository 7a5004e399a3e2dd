// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "memory.h"
#include "module.h"
#include "process.h"
#include "say.h"
#include "trace.h"

#define PREFIX "vfio-type1x-"
#define EVENTS "events/vfio_type1x"

/* tracefs has had two places; NULL and told where it is in none. */
static const char *find_tracefs(void)
{
	static const char *const places[] = { "/sys/kernel/tracing",
					      "/sys/kernel/debug/tracing" };
	size_t i;

	for (i = 0; i < 2; i++)
		if (t1x_file_exists("%s/instances", places[i]))
			return places[i];
	if (t1x_mounted("tracefs") && geteuid())
		t1x_fail("%s cannot be read: run this as root", places[0]);
	else if (t1x_mounted("tracefs"))
		t1x_fail(
			"%s has no folder instances: the kernel is built without tracing, or locked down (confidentiality)",
			places[0]);
	else
		t1x_fail("tracefs is not mounted: mount -t tracefs none %s",
			 places[0]);
	return NULL;
}

/* What a monitor that was killed has left */
static void remove_stale(const char *tracefs)
{
	char **names = t1x_dir_list("%s/instances", tracefs);
	char **name;
	u64 pid;

	for (name = names; name && *name; name++) {
		char *path;

		if (strncmp(*name, PREFIX, strlen(PREFIX)) ||
		    !t1x_number(*name + strlen(PREFIX), &pid) ||
		    t1x_file_exists("/proc/%llu", pid))
			continue;
		path = t1x_path("%s/instances/%s", tracefs, *name);
		rmdir(path);
		free(path);
	}
	t1x_dir_free(names);
}

static int make_instance(struct t1x_trace *trace)
{
	char *path = t1x_path("%s", trace->dir);
	int ret = T1X_OK;

	if (mkdir(path, 0700))
		ret = t1x_fail("%s cannot be made: %s", trace->dir,
			       t1x_strerror(errno));
	free(path);
	return ret;
}

static int write_file(const struct t1x_trace *trace, const char *name,
		      const char *text)
{
	int ret = t1x_file_write(text, "%s/%s", trace->dir, name);

	if (ret)
		return t1x_fail("%s/%s cannot be written: %s", trace->dir, name,
				t1x_strerror(-ret));
	return T1X_OK;
}

static int enable(const struct t1x_trace *trace, bool errors, unsigned long id)
{
	char filter[40];
	int ret = T1X_OK;

	/* The clock of the module's file "errors", where the kernel has it. */
	t1x_file_write("boot", "%s/trace_clock", trace->dir);
	if (id) {
		snprintf(filter, sizeof(filter), "id == %lu", id);
		ret = write_file(trace,
				 errors ? EVENTS "/error/filter" :
					  EVENTS "/filter",
				 filter);
	}
	if (!ret)
		ret = write_file(trace,
				 errors ? EVENTS "/error/enable" :
					  EVENTS "/enable",
				 "1");
	return ret;
}

static int open_pipe(struct t1x_trace *trace)
{
	char *path = t1x_path("%s/trace_pipe", trace->dir);

	trace->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	free(path);
	if (trace->pipe < 0)
		return t1x_fail("%s/trace_pipe cannot be read: %s", trace->dir,
				t1x_strerror(errno));
	return T1X_OK;
}

static int tell_no_events(const char *tracefs)
{
	if (!t1x_module_loaded(T1X_OURS))
		return t1x_fail("%s is not loaded: modprobe %s", T1X_OURS,
				T1X_OURS);
	return t1x_fail(
		"%s/%s is not there: the module is older than this program",
		tracefs, EVENTS);
}

int t1x_trace_open(struct t1x_trace *trace, bool errors, unsigned long id)
{
	const char *tracefs = find_tracefs();

	*trace = (struct t1x_trace){ .pipe = -1 };
	if (!tracefs)
		return T1X_FAILED;
	if (!t1x_file_exists("%s/" EVENTS, tracefs))
		return tell_no_events(tracefs);

	remove_stale(tracefs);
	trace->dir = t1x_format("%s/instances/" PREFIX "%d", tracefs, getpid());
	if (make_instance(trace)) {
		free(trace->dir);
		return T1X_FAILED;
	}
	if (open_pipe(trace) || enable(trace, errors, id)) {
		t1x_trace_close(trace);
		return T1X_FAILED;
	}
	return T1X_OK;
}

int t1x_trace_close(struct t1x_trace *trace)
{
	char *path = t1x_path("%s", trace->dir);
	int ret = T1X_OK;

	if (trace->pipe >= 0)
		close(trace->pipe);
	if (rmdir(path))
		ret = t1x_fail("%s stays: %s; rmdir it, or it goes on tracing",
			       trace->dir, t1x_strerror(errno));
	free(path);
	free(trace->dir);
	free(trace->buffer);
	return ret;
}

/* A whole line that was read already, or NULL. */
static char *buffered(struct t1x_trace *trace)
{
	char *line = trace->buffer + trace->at;
	char *end;

	if (!trace->buffer)
		return NULL;
	end = memchr(line, '\n', trace->len - trace->at);
	if (!end)
		return NULL;
	*end = '\0';
	trace->at = end + 1 - trace->buffer;
	t1x_clean(line);
	return line;
}

/* Read more behind what is left. Return: bytes, 0 at the end, or -errno. */
static ssize_t read_more(struct t1x_trace *trace)
{
	const size_t chunk = 65536;
	size_t left = trace->len - trace->at;
	char *buffer = malloc(left + chunk);
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	if (left)
		memcpy(buffer, trace->buffer + trace->at, left);
	free(trace->buffer);
	trace->buffer = buffer;
	trace->at = 0;
	trace->len = left;

	n = read(trace->pipe, buffer + left, chunk);
	if (n > 0)
		trace->len += n;
	return n < 0 ? -errno : n;
}

char *t1x_trace_line(struct t1x_trace *trace, int stop)
{
	struct pollfd fds[] = {
		{ .fd = stop, .events = POLLIN },
		{ .fd = trace->pipe, .events = POLLIN },
	};
	char *line;
	ssize_t n;

	while (!(line = buffered(trace))) {
		if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[0].revents)
			return NULL;
		n = read_more(trace);
		if (!n || (n < 0 && n != -EAGAIN && n != -EINTR))
			return NULL;
	}
	return line;
}

/*
 * "  qemu-system-x8-1234    [001] ...1.   123.456789: map: ...". The name may hold
 * anything, so that its width counts, not what is in it.
 */
#define COMM_WIDTH 16

/* The trace names only who has lost the CPU since it began. */
static void find_comm(struct t1x_event *event)
{
	char *comm;

	if (strcmp(event->comm, "<...>"))
		return;
	comm = t1x_process_comm(event->pid);
	if (*comm) {
		snprintf(event->known, sizeof(event->known), "%s", comm);
		event->comm = event->known;
	}
	free(comm);
}

static char *parse_process(char *line, struct t1x_event *event)
{
	char *at = line + COMM_WIDTH;

	if (strlen(line) <= COMM_WIDTH || *at != '-')
		return NULL;
	*at++ = '\0';
	event->comm = t1x_rest(line);
	if (!t1x_next_number(&at, &event->pid))
		return NULL;
	find_comm(event);
	/* Something may stand before the CPU. */
	at = at ? strchr(at, ']') : NULL;
	return at ? at + 1 : NULL;
}

/* The next word, which ends with a colon that is cut off, or NULL. */
static char *label(char **at)
{
	char *word = t1x_word(at);
	size_t len = word ? strlen(word) : 0;

	if (!len || word[len - 1] != ':')
		return NULL;
	word[len - 1] = '\0';
	return word;
}

/* Values come first; what then follows is told as it is. */
static void parse_values(char *text, struct t1x_event *event)
{
	char *word;

	while ((text = t1x_rest(text)) && *text) {
		size_t len = strcspn(text, " ");

		if (!memchr(text, '=', len))
			break;
		word = t1x_word(&text);
		if (!t1x_value_add(&event->values, word))
			break;
	}
	event->rest = text ?: "";
}

bool t1x_event_parse(char *line, struct t1x_event *event)
{
	char *at;

	*event = (struct t1x_event){};
	at = parse_process(line, event);
	if (!t1x_word(&at)) /* flags */
		return false;
	event->time = label(&at);
	event->name = label(&at);
	if (!event->time || !event->name)
		return false;
	parse_values(at, event);
	return true;
}

bool t1x_event_failure(const struct t1x_event *event, struct t1x_failure *f)
{
	const char *value;
	u64 number;
	int i;

	if (strcmp(event->name, "error"))
		return false;
	*f = (struct t1x_failure){ .pid = event->pid, .comm = event->comm };
	/* Behind the reason are its values, whose names may be those before it. */
	for (i = 0; i < event->values.n && !f->reason; i++) {
		const char *name = event->values.item[i].name;

		value = event->values.item[i].value;
		if (!strcmp(name, "id") && t1x_number(value, &number))
			f->id = number;
		else if (!strcmp(name, "call"))
			f->call = value;
		else if (!strcmp(name, "ret"))
			f->error = strtol(value, NULL, 10);
		else if (!strcmp(name, "reason"))
			f->reason = value;
		else if (!strcmp(name, "iova") && t1x_number(value, &number))
			f->first = number;
		else if (!strcmp(name, "last") && t1x_number(value, &number))
			f->last = number;
	}
	for (; i < event->values.n; i++)
		f->values.item[f->values.n++] = event->values.item[i];
	f->ranged = f->first || f->last;
	return f->reason && f->call;
}
