// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "util.h"
#include "waits.h"

/* A buffer of our own, beside whatever else traces */
#define TRACE "/sys/kernel/tracing/instances/t1x_waits"
#define EVENT TRACE "/events/lock/contention_begin"

/* All but spinlocks: the only one of either module is taken by calls that fail */
#define FLAGS "(flags & 0x20 || flags == 2 || flags == 4)"

/* Threads that are watched at once */
#define MAX_WATCHED 4

#define MAX_PLACES 16

/* A function that asks for a lock, and in which way */
struct place {
	char function[64];
	char how[32];
	unsigned int count;
	bool is_mmap_lock;
};

struct report {
	struct place place[MAX_PLACES];
	int nr;
	struct t1x_waits waits;
};

static void set(const char *file, const char *text)
{
	int ret = t1x_write_text(file, text);

	t1x_require(!ret, "\"%s\" into %s: %s", text, file, strerror(-ret));
}

/*
 * By the filter, and not by set_event_pid: that has the scheduler tell of each switch,
 * for which the code of the scheduler is patched while it runs, and now and then QEMU's
 * TCG goes on with what was there before.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long watched[MAX_WATCHED]; /* the last ones */
static unsigned int nr_watched;

static void set_filter(void)
{
	char text[256] = FLAGS " && (common_pid == -1";
	size_t len = strlen(text);
	int i;

	for (i = 0; i < MAX_WATCHED; i++)
		if (watched[i])
			len += snprintf(text + len, sizeof(text) - len,
					" || common_pid == %ld", watched[i]);
	snprintf(text + len, sizeof(text) - len, ")");
	set(EVENT "/filter", text);
}

bool t1x_waits_begin(void)
{
	if (access("/sys/kernel/tracing/events/lock/contention_begin", F_OK))
		return false;
	/* Of a test that was broken off */
	rmdir(TRACE);
	t1x_require(!mkdir(TRACE, 0700), "mkdir " TRACE ": %s",
		    strerror(errno));
	set(TRACE "/buffer_size_kb", "4096");
	set(TRACE "/options/stacktrace", "1");
	/* The names of modules go with offsets only */
	set(TRACE "/options/sym-offset", "1");
	memset(watched, 0, sizeof(watched)); /* nobody yet */
	set_filter();
	set(EVENT "/enable", "1");
	return true;
}

void t1x_waits_watch(void)
{
	pthread_mutex_lock(&lock);
	watched[nr_watched++ % MAX_WATCHED] = syscall(SYS_gettid);
	set_filter();
	pthread_mutex_unlock(&lock);
}

/* The functions of the kernel between the tracepoint and who asked for the lock */
static bool is_of_locks(const char *name)
{
	static const char *const parts[] = { "contention_begin", "mutex",
					     "rwsem", "down_" };
	unsigned int i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/*
 * In-tree has no rwsem of its own. Of type1x, those who charge and who pin take the
 * mmap_lock and no rwsem of the container: account.c and pin.c, whose functions are
 * named so, whichever of them the compiler has made a part of another.
 */
static bool is_mmap_lock(const char *function, const char *how)
{
	if (strstr(how, "MUTEX"))
		return false;
	return !t1x_is_type1x() || begins(function, "t1x_account_") ||
	       begins(function, "t1x_pin_") || begins(function, "pin_");
}

static struct place *find_place(struct report *report, const char *function,
				const char *how)
{
	struct place *place = report->place;
	int i;

	for (i = 0; i < report->nr; i++, place++)
		if (!strcmp(place->function, function) &&
		    !strcmp(place->how, how))
			return place;

	t1x_require(report->nr < MAX_PLACES, "too many places that wait");
	report->nr++;
	snprintf(place->function, sizeof(place->function), "%s", function);
	snprintf(place->how, sizeof(place->how), "%s", how);
	place->is_mmap_lock = is_mmap_lock(function, how);
	return place;
}

/* With lockdep a mutex has no fast path, and each that is taken comes by the tracepoint. */
static bool tells_of_spinning(void)
{
	return access("/proc/lockdep", F_OK) != 0;
}

static void add(struct report *report, const char *function, const char *how)
{
	struct place *place;

	if (strstr(how, "SPIN") && !tells_of_spinning())
		return;
	place = find_place(report, function, how);
	place->count++;
	if (place->is_mmap_lock)
		report->waits.mmap_lock++;
	else if (strstr(how, "SPIN"))
		report->waits.spun++;
	else
		report->waits.slept++;
}

/* "=> function+0x.../0x... [module]": is that who asked? Adds it if it is ours. */
static bool add_caller(struct report *report, char *frame, const char *how)
{
	char *end = frame + strcspn(frame, "+\n");
	const char *module = strchr(end, '[');
	size_t len = strlen(t1x_module());

	if (*end == '+')
		*end = '\0';
	if (!module)
		return !is_of_locks(frame);
	if (!strncmp(module + 1, t1x_module(), len) && module[1 + len] == ']')
		add(report, frame, how);
	return true;
}

/* What a waiter is told to have waited for, NULL where the line is no event */
static char *how_of(char *line)
{
	char *at = strstr(line, "contention_begin: ");

	at = at ? strstr(at, "(flags=") : NULL;
	if (!at)
		return NULL;
	at += strlen("(flags=");
	at[strcspn(at, ")")] = '\0';
	return at;
}

static void read_trace(struct report *report, FILE *file)
{
	unsigned long kept = 0, written = 1;
	char line[512], how[32] = "";
	bool known = true;
	char *at;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu",
			   &kept, &written) == 2)
			continue;
		at = how_of(line);
		if (at) {
			snprintf(how, sizeof(how), "%s", at);
			known = false;
			continue;
		}
		at = strstr(line, " => ");
		if (at && !known)
			known = add_caller(report, at + 4, how);
	}
	t1x_require(kept == written, "of %lu entries of the trace %lu are left",
		    written, kept);
}

struct t1x_waits t1x_waits_end(void)
{
	struct report report = {};
	FILE *file;
	int i;

	set(EVENT "/enable", "0");
	file = fopen(TRACE "/trace", "re");
	t1x_require(file, "open " TRACE "/trace: %s", strerror(errno));
	read_trace(&report, file);
	fclose(file);
	rmdir(TRACE);

	for (i = 0; i < report.nr; i++) {
		const struct place *place = &report.place[i];

		printf("# %u waits of %s for %s (%s)\n", place->count,
		       place->function,
		       place->is_mmap_lock ? "the mmap_lock" :
					     "a lock of the module",
		       place->how);
	}
	return report.waits;
}
