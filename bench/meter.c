// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meter.h"
#include "profile.h"

#define TRACING "/sys/kernel/tracing/"
#define PROBE_GROUP "bench"
#define LOOPS 1000000UL

/*
 * Who takes the mmap_lock for write does so inline, where no probe can be. An event
 * of it goes to a buffer of its own, which counts what went in. Its name is that of
 * the last "function".
 */
#define LOCKS TRACING "instances/" PROBE_GROUP "/"
#define LOCKED LOCKS "events/mmap_lock/mmap_lock_acquire_returned/"
#define LOCK_WRITES (METER_PROBES - 1)

/* Of the kernels from 6.1 on; none has all of them */
static const char *const functions[METER_PROBES] = {
	"iommu_iova_to_phys",
	"iommu_map",
	"iommu_map_sg",
	"iommu_unmap",
	"iommu_unmap_fast",
	"intel_iommu_tlb_sync",
	"amd_iommu_iotlb_sync",
	"qi_submit_sync",
	"__account_locked_vm",
	"pin_user_pages_fast",
	"pin_user_pages_remote",
	"unpin_user_page_range_dirty_lock",
	"unpin_user_pages_dirty_lock",
	"unpin_user_pages",
	"unpin_user_page",
	"follow_pfnmap_start",
	"follow_pte",
	[LOCK_WRITES] = "mmap_lock_write",
};

static bool probed[METER_PROBES];

static u64 now(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

void meter_check(void)
{
	u64 best = ~0UL, began, n;
	int i;

	for (i = 0; i < 5; i++) {
		n = LOOPS;
		began = now();
		asm volatile("1: dec %0\n\tjnz 1b" : "+r"(n)::"cc");
		n = now() - began;
		best = n < best ? n : best;
	}
	n = 2 * LOOPS;
	t1x_require(best >= n && best < n + n / 100,
		    "%lu instructions are %lu ticks: no -icount shift=0?", n,
		    best);
}

u64 meter_rep_cost(void)
{
	static char page[T1X_PAGE];
	u64 best = ~0UL, began, len;
	void *at;
	int i;

	for (i = 0; i < 5; i++) {
		at = page;
		len = sizeof(page);
		began = now();
		asm volatile("rep stosb"
			     : "+D"(at), "+c"(len)
			     : "a"(0)
			     : "memory");
		len = now() - began;
		best = len < best ? len : best;
	}
	return best;
}

static unsigned long stat_of(const char *stats, const char *key)
{
	const char *at = strstr(stats, key);

	t1x_require(at, LOCKS "per_cpu/cpu0/stats has no %s", key);
	return strtoul(at + strlen(key), NULL, 10);
}

/* Those that are in the buffer, and those that made room for them */
static u64 lock_writes(void)
{
	char stats[512];

	if (!probed[LOCK_WRITES])
		return 0;
	t1x_require(!t1x_read_text(LOCKS "per_cpu/cpu0/stats", stats,
				   sizeof(stats)),
		    "no statistics of " LOCKS);
	return stat_of(stats, "entries: ") + stat_of(stats, "\noverrun: ");
}

static void read_hits(u64 *hits)
{
	unsigned long hit, missed;
	char line[256], name[64];
	FILE *file;
	int i;

	memset(hits, 0, METER_PROBES * sizeof(*hits));
	file = fopen(TRACING "kprobe_profile", "re");
	t1x_require(file, "no " TRACING "kprobe_profile");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %63s %lu %lu", name, &hit, &missed) != 3)
			continue;
		for (i = 0; i < LOCK_WRITES; i++)
			if (functions[i] && !strcmp(functions[i], name))
				hits[i] = hit;
	}
	fclose(file);
}

void meter_reset(struct meter *meter, enum meter_mode mode)
{
	memset(meter, 0, sizeof(*meter));
	meter->mode = mode;
}

void meter_begin(struct meter *meter)
{
	if (meter->mode == METER_COUNTS) {
		read_hits(meter->hits_began);
		meter->hits_began[LOCK_WRITES] = lock_writes();
	} else if (meter->mode == METER_PROFILE) {
		profile_start();
	}
	meter->began = now();
}

void meter_end(struct meter *meter, int phase)
{
	u64 hits[METER_PROBES];
	u64 ended = now();
	u64 locks;
	int i;

	meter->spent[phase] += ended - meter->began;
	if (meter->mode == METER_PROFILE)
		profile_stop(phase);
	if (meter->mode != METER_COUNTS)
		return;

	/* First: what follows may take the lock itself */
	locks = lock_writes();
	read_hits(hits);
	hits[LOCK_WRITES] = locks;
	for (i = 0; i < METER_PROBES; i++)
		meter->hits[phase][i] += hits[i] - meter->hits_began[i];
}

static bool append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, len) == len;
	close(fd);
	return done;
}

/* Those of this process alone */
static bool count_lock_writes(void)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "write == 1 && common_pid == %d",
		 getpid());
	return !mkdir(LOCKS, 0700) && append(LOCKED "filter", filter);
}

void meter_probes_define(void)
{
	char text[256];
	int i;

	for (i = 0; i < LOCK_WRITES; i++) {
		if (!functions[i])
			continue;
		snprintf(text, sizeof(text), "p:" PROBE_GROUP "/%s %s\n",
			 functions[i], functions[i]);
		probed[i] = append(TRACING "kprobe_events", text);
	}
	probed[LOCK_WRITES] = count_lock_writes();
	/* Only the counts are wanted */
	append(TRACING "tracing_on", "0");
}

void meter_probes_enable(bool on)
{
	const char *value = on ? "1" : "0";

	t1x_require(append(TRACING "events/" PROBE_GROUP "/enable", value),
		    "this kernel takes no probes");
	if (probed[LOCK_WRITES])
		t1x_require(append(LOCKED "enable", value),
			    "this kernel does not tell of the mmap_lock");
}

const char *meter_probe(int n)
{
	return probed[n] ? functions[n] : NULL;
}
