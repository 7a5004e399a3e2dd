// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmem.h"

#define TRACING "/sys/kernel/tracing/"
#define EVENT(name) TRACING "events/kmem/" name
/* For some 400,000 events */
#define BUFFER_KIB 32768

/* The last word that the trace has on an address */
struct event {
	u64 ptr;
	u64 nr; /* they are in order of time */
	s64 bytes; /* 0 where it was freed */
	struct kmem_site *site;
};

static struct {
	struct event *events;
	size_t nr, room;
	int on; /* its switch: to open a file takes memory, too */
} trace;

static void tracing_set(const char *file, const char *value)
{
	int ret = t1x_write_text(file, value);

	t1x_require(!ret, "%s: %s", file, strerror(-ret));
}

static struct kmem_site *site_of(struct kmem *kmem, const char *name)
{
	size_t len = strcspn(name, "+ ");
	struct kmem_site *site = kmem->sites;

	for (; site < kmem->sites + kmem->nr_sites; site++)
		if (!strncmp(site->name, name, len) && !site->name[len])
			return site;
	t1x_require(kmem->nr_sites < KMEM_SITES, "too many callers");
	kmem->nr_sites++;
	memset(site, 0, sizeof(*site));
	snprintf(site->name, sizeof(site->name), "%.*s", (int)len, name);
	return site;
}

/* Adds sign times what modules have from vmalloc; the stacks of threads are none of it */
static void add_vmalloc(struct kmem *kmem, int sign)
{
	struct kmem_site *site;
	char line[512], name[256];
	unsigned long npages;
	const char *pages;
	FILE *file;

	file = fopen("/proc/vmallocinfo", "re");
	t1x_require(file, "no /proc/vmallocinfo");
	while (fgets(line, sizeof(line), file)) {
		pages = strstr(line, " pages=");
		if (!pages || !strchr(line, '[') ||
		    sscanf(line, "%*s %*u %255s", name) != 1 ||
		    sscanf(pages, " pages=%lu", &npages) != 1)
			continue;
		site = site_of(kmem, name);
		site->objects += sign;
		site->bytes += sign * (s64)(npages * T1X_PAGE);
	}
	fclose(file);
}

static struct event *new_event(void)
{
	if (trace.nr == trace.room) {
		trace.room = trace.room ? 2 * trace.room : 4096;
		trace.events = realloc(trace.events,
				       trace.room * sizeof(*trace.events));
		t1x_require(trace.events, "no memory for the trace");
	}
	trace.events[trace.nr].nr = trace.nr;
	return &trace.events[trace.nr++];
}

static const char *value_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	t1x_require(at, "a trace without %s: %s", key, line);
	return at + strlen(key);
}

static void read_event(struct kmem *kmem, const char *line)
{
	bool freed = strstr(line, ": kfree: ") ||
		     strstr(line, ": kmem_cache_free: ");
	struct event *event;

	/* A title */
	if (!strstr(line, "call_site="))
		return;

	event = new_event();
	event->ptr = strtoul(value_of(line, " ptr="), NULL, 16);
	event->bytes = 0;
	event->site = NULL;
	if (freed)
		return;
	event->bytes = strtoul(value_of(line, "bytes_alloc="), NULL, 10);
	event->site = site_of(kmem, value_of(line, "call_site="));
}

static void require_whole(void)
{
	char text[1024], *at;

	t1x_require(!t1x_read_text(TRACING "per_cpu/cpu0/stats", text,
				   sizeof(text)),
		    "no statistics of the trace");
	at = strstr(text, "overrun: ");
	t1x_require(at && !strtoul(at + strlen("overrun: "), NULL, 10),
		    "the trace is longer than its buffer");
}

static int by_address(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->ptr != b->ptr)
		return a->ptr < b->ptr ? -1 : 1;
	return a->nr < b->nr ? -1 : a->nr > b->nr;
}

/* What is allocated and not freed */
static void add_left(void)
{
	const struct event *event, *end = trace.events + trace.nr;

	qsort(trace.events, trace.nr, sizeof(*trace.events), by_address);
	for (event = trace.events; event < end; event++) {
		if (!event->site ||
		    (event + 1 < end && event[1].ptr == event->ptr))
			continue;
		event->site->objects++;
		event->site->bytes += event->bytes;
	}
}

static void read_trace(struct kmem *kmem)
{
	char line[1024];
	FILE *file;

	file = fopen(TRACING "trace", "re");
	t1x_require(file, "no " TRACING "trace");
	while (fgets(line, sizeof(line), file))
		read_event(kmem, line);
	fclose(file);
	require_whole();
	add_left();
	free(trace.events);
	trace.events = NULL;
	trace.nr = 0;
	trace.room = 0;
}

static void events_set(const char *value)
{
	/* Whoever frees, but not who allocates in an interrupt or beside us */
	char filter[64];

	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	tracing_set(EVENT("kmalloc/filter"), filter);
	tracing_set(EVENT("kmem_cache_alloc/filter"), filter);
	tracing_set(EVENT("kmalloc/enable"), value);
	tracing_set(EVENT("kmem_cache_alloc/enable"), value);
	tracing_set(EVENT("kfree/enable"), value);
	tracing_set(EVENT("kmem_cache_free/enable"), value);
}

static void clear_trace(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	t1x_require(fd >= 0, "cannot clear the trace");
	close(fd);
}

static void trace_switch(const char *value)
{
	t1x_require(write(trace.on, value, 1) == 1, "no trace");
}

void kmem_begin(struct kmem *kmem)
{
	char size[16];

	memset(kmem, 0, sizeof(*kmem));
	snprintf(size, sizeof(size), "%d", BUFFER_KIB);
	tracing_set(TRACING "buffer_size_kb", size);
	tracing_set(TRACING "options/hash-ptr", "0");
	events_set("1");
	clear_trace();
	trace.on = open(TRACING "tracing_on", O_WRONLY | O_CLOEXEC);
	add_vmalloc(kmem, -1);
	trace_switch("1");
}

s64 kmem_end(struct kmem *kmem)
{
	int i, left = 0;
	s64 bytes = 0;

	trace_switch("0");
	close(trace.on);
	add_vmalloc(kmem, 1);
	events_set("0");
	read_trace(kmem);
	tracing_set(TRACING "buffer_size_kb", "64");
	for (i = 0; i < kmem->nr_sites; i++) {
		if (!kmem->sites[i].objects)
			continue;
		bytes += kmem->sites[i].bytes;
		kmem->sites[left++] = kmem->sites[i];
	}
	kmem->nr_sites = left;
	return bytes;
}
