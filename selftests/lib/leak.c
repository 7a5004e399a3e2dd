// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "leak.h"
#include "util.h"

/* How long freed memory may take to show in the counters */
#define SETTLE_MS 2000

static const char *const splats[] = {
	"WARNING:",
	"BUG:",
	"KASAN",
	"UBSAN",
	"possible circular locking",
	"possible recursive locking",
	"inconsistent lock state",
	"suspicious RCU usage",
	"INFO: task",
	"refcount_t:",
	"Oops",
	"general protection fault",
	"unreferenced object",
	"soft lockup",
	"bad unlock balance",
	"held lock freed",
};

static const char *const faults[] = {
	"DMAR: [DMA",
	"fault status reg",
	"IO_PAGE_FAULT",
	"AMD-Vi: Event",
	"PTE Read access is not set",
	"PTE Write access is not set",
};

/* /proc/PID/status, open */
struct status {
	pid_t pid;
	int fd;
};

static bool contains_any(const char *text, const char *const *words, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static bool is_splat(const char *text)
{
	return contains_any(text, splats, sizeof(splats) / sizeof(*splats));
}

/* Of in-tree's L01 lockdep tells once a boot, in whichever test that is: dmesg.clean has it */
static bool is_known(const char *text)
{
	return strstr(text, "possible circular locking") &&
	       t1x_is_type1_on_debug();
}

static bool is_fault(const char *text)
{
	return contains_any(text, faults, sizeof(faults) / sizeof(*faults));
}

/* The number behind key in what is read from fd; false where nothing can be */
static bool value_in(int fd, const char *key, long *value)
{
	static char text[65536];
	char *line = NULL;
	size_t have = 0;
	ssize_t n;

	/* What follows the line is not asked for: the kernel would make it */
	while (!line || !strchr(line, '\n')) {
		n = pread(fd, text + have, sizeof(text) - 1 - have, have);
		if (n <= 0)
			break;
		have += n;
		text[have] = '\0';
		line = strstr(text, key);
	}
	if (line)
		*value = strtol(line + strlen(key), NULL, 10);
	return line;
}

static long file_value(const char *path, const char *key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found;
	long value;

	t1x_require(fd >= 0, "open %s: %s", path, strerror(errno));
	found = value_in(fd, key, &value);
	close(fd);
	t1x_require(found, "%s has no line %s", path, key);
	return value;
}

long t1x_pins(void)
{
	/* Per-CPU deltas are folded into the counters only on request */
	t1x_write_text("/proc/sys/vm/stat_refresh", "1");
	return file_value("/proc/vmstat", "nr_foll_pin_acquired ") -
	       file_value("/proc/vmstat", "nr_foll_pin_released ");
}

/*
 * Asked after each step of some tests, so the file stays open. What was opened
 * for a process that has ended tells nothing, whoever has its number now.
 */
static long locked_of(pid_t pid, struct status *status)
{
	char path[64];
	long value;

	if (status->pid != pid || !value_in(status->fd, "VmLck:", &value)) {
		if (status->pid)
			close(status->fd);
		status->pid = pid;
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		status->fd = open(path, O_RDONLY | O_CLOEXEC);
		t1x_require(status->fd >= 0, "open %s: %s", path,
			    strerror(errno));
		t1x_require(value_in(status->fd, "VmLck:", &value),
			    "%s has no line VmLck:", path);
	}
	return value * 1024 / T1X_PAGE;
}

long t1x_locked(void)
{
	static struct status self;

	return locked_of(getpid(), &self);
}

long t1x_locked_of(pid_t pid)
{
	static struct status other;

	return locked_of(pid, &other);
}

int t1x_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	t1x_require(fd >= 0, "open /dev/kmsg: %s", strerror(errno));
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* One line of the log, or NULL when there is none left */
static const char *kmsg_line(int fd)
{
	static char line[8192];
	char *text;
	ssize_t n;

	do {
		n = read(fd, line, sizeof(line) - 1);
	} while (n < 0 && (errno == EPIPE || errno == EINTR));
	if (n <= 0)
		return NULL;

	line[n] = '\0';
	text = strchr(line, ';');
	return text ? text + 1 : line;
}

int t1x_kmsg_count(int fd, const char *pattern)
{
	const char *line;
	regex_t regex;
	int n = 0;

	t1x_require(!regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), "%s",
		    pattern);
	while ((line = kmsg_line(fd)))
		n += !regexec(&regex, line, 0, NULL, 0);
	regfree(&regex);
	return n;
}

bool t1x_saw_dma_fault(int kmsg, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;
	const char *line;

	do {
		while ((line = kmsg_line(kmsg)))
			if (is_fault(line))
				return true;
		t1x_sleep_ms(10);
	} while (t1x_now_ms() < end);
	return false;
}

void t1x_leak_begin(struct t1x_leak *leak)
{
	memset(leak, 0, sizeof(*leak));
	leak->pins = t1x_pins();
	leak->locked = t1x_locked();
	leak->huge_free = file_value("/proc/meminfo", "HugePages_Free:");
	leak->kmsg = t1x_kmsg_open();
}

bool t1x_pinned_are(const struct t1x_leak *leak, long locked, long pins)
{
	long has_locked = t1x_locked();
	long has_pins = t1x_pins() - leak->pins;

	if (has_locked == locked && has_pins == pins)
		return true;
	printf("# VmLck is %ld pages, %ld pins; expected %ld, %ld\n",
	       has_locked, has_pins, locked, pins);
	return false;
}

int t1x_leak_log(struct t1x_leak *leak)
{
	const char *line;
	int bad = 0;

	while ((line = kmsg_line(leak->kmsg))) {
		if (!is_splat(line) && (leak->allow_faults || !is_fault(line)))
			continue;
		if (is_known(line))
			continue;
		if (bad++ < 5)
			printf("# kernel log: %.*s\n", (int)strcspn(line, "\n"),
			       line);
	}
	return bad;
}

int t1x_leak_end(struct t1x_leak *leak)
{
	u64 end = t1x_now_ms() + SETTLE_MS;
	long pins, locked, huge;
	int bad = 0;

	for (;;) {
		pins = t1x_pins() - leak->pins;
		huge = file_value("/proc/meminfo", "HugePages_Free:") -
		       leak->huge_free;
		if ((!pins && !huge) || t1x_now_ms() >= end)
			break;
		t1x_sleep_ms(50);
	}
	locked = t1x_locked() - leak->locked;

	if (pins)
		bad += printf("# leak: %+ld pins\n", pins) > 0;
	if (locked)
		bad += printf("# leak: VmLck %+ld pages\n", locked) > 0;
	if (huge)
		bad += printf("# leak: HugePages_Free %+ld\n", huge) > 0;

	bad += t1x_leak_log(leak);
	close(leak->kmsg);
	fflush(stdout);
	return bad;
}
