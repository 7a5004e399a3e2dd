// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "meter.h"
#include "profile.h"

/*
 * Nanoseconds, which are instructions: far more than a sample takes, or the kernel
 * would do nothing but sample. A prime.
 */
#define PERIOD 100003UL
#define RING_PAGES 4096UL
/* Of a hundred samples, to be worth a line */
#define SHOWN_PERCENT 1
#define MAX_DEPTH 128

struct symbol {
	u64 start;
	char *name;
	u64 self[METER_PHASES];
	u64 total[METER_PHASES];
	u64 seen; /* number of the last sample that had it */
};

/* As the ring has it; nr entries follow */
struct sample {
	struct perf_event_header header;
	u64 ip;
	u64 nr;
	u64 ips[];
};

static struct {
	int fd;
	struct perf_event_mmap_page *page;
	struct symbol *symbols;
	size_t nr_symbols;
	u64 samples[METER_PHASES];
	u64 nr;
} profile = { .fd = -1 };

static int by_start(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void read_symbols(void)
{
	size_t room = 1 << 19;
	char line[512], name[256];
	unsigned long start;
	FILE *file;
	char type;

	profile.symbols = calloc(room, sizeof(*profile.symbols));
	file = fopen("/proc/kallsyms", "re");
	t1x_require(file && profile.symbols, "no /proc/kallsyms, or no memory");
	while (fgets(line, sizeof(line), file) && profile.nr_symbols < room) {
		if (sscanf(line, "%lx %c %255s", &start, &type, name) != 3 ||
		    !strchr("tTwW", type))
			continue;
		profile.symbols[profile.nr_symbols].start = start;
		profile.symbols[profile.nr_symbols++].name = strdup(name);
	}
	fclose(file);
	qsort(profile.symbols, profile.nr_symbols, sizeof(*profile.symbols),
	      by_start);
}

static struct symbol *find_symbol(u64 ip)
{
	size_t low = 0, high = profile.nr_symbols;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (profile.symbols[middle].start <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &profile.symbols[low - 1] : NULL;
}

bool profile_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.exclude_user = 1,
		.exclude_callchain_user = 1,
	};

	/* It is no load that must be limited */
	t1x_write_text("/proc/sys/kernel/perf_cpu_time_max_percent", "0");
	t1x_write_text("/proc/sys/kernel/perf_event_max_sample_rate", "200000");
	profile.fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			     PERF_FLAG_FD_CLOEXEC);
	if (profile.fd < 0)
		return false;

	profile.page = mmap(NULL, (RING_PAGES + 1) * T1X_PAGE,
			    PROT_READ | PROT_WRITE, MAP_SHARED, profile.fd, 0);
	t1x_require(profile.page != MAP_FAILED, "mapping the ring: %s",
		    strerror(errno));
	read_symbols();
	return true;
}

void profile_close(void)
{
	size_t i;

	munmap(profile.page, (RING_PAGES + 1) * T1X_PAGE);
	close(profile.fd);
	for (i = 0; i < profile.nr_symbols; i++)
		free(profile.symbols[i].name);
	free(profile.symbols);
	memset(&profile, 0, sizeof(profile));
	profile.fd = -1;
}

static void read_ring(void *to, u64 at, size_t len)
{
	const char *data = (const char *)profile.page + T1X_PAGE;
	u64 size = RING_PAGES * T1X_PAGE;
	size_t i;

	for (i = 0; i < len; i++)
		((char *)to)[i] = data[(at + i) % size];
}

static void tally_sample(const struct sample *sample, int tally)
{
	struct symbol *symbol = find_symbol(sample->ip);
	u64 i;

	profile.nr++;
	profile.samples[tally]++;
	if (symbol)
		symbol->self[tally]++;
	for (i = 0; i < sample->nr; i++) {
		if (sample->ips[i] >= (u64)PERF_CONTEXT_MAX)
			continue;
		symbol = find_symbol(sample->ips[i]);
		if (!symbol || symbol->seen == profile.nr)
			continue;
		symbol->seen = profile.nr;
		symbol->total[tally]++;
	}
}

void profile_start(void)
{
	ioctl(profile.fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(profile.fd, PERF_EVENT_IOC_ENABLE, 0);
}

void profile_stop(int tally)
{
	u64 buf[MAX_DEPTH + 16];
	struct sample *sample = (struct sample *)buf;
	u64 head, tail;

	ioctl(profile.fd, PERF_EVENT_IOC_DISABLE, 0);
	head = __atomic_load_n(&profile.page->data_head, __ATOMIC_ACQUIRE);
	for (tail = profile.page->data_tail; tail < head;
	     tail += sample->header.size) {
		read_ring(buf, tail, sizeof(sample->header));
		if (sample->header.type != PERF_RECORD_SAMPLE ||
		    sample->header.size > sizeof(buf))
			continue;
		read_ring(buf, tail, sample->header.size);
		tally_sample(sample, tally);
	}
	__atomic_store_n(&profile.page->data_tail, head, __ATOMIC_RELEASE);
}

static int sorted_tally;

static int by_total(const void *left, const void *right)
{
	const struct symbol *const *a = left, *const *b = right;
	u64 x = (*a)->total[sorted_tally], y = (*b)->total[sorted_tally];

	return x < y ? 1 : x > y ? -1 : 0;
}

void profile_print(int tally, const char *prefix)
{
	struct symbol **hit = calloc(profile.nr_symbols, sizeof(*hit));
	u64 all = profile.samples[tally];
	size_t i, n = 0;

	t1x_require(hit, "no memory for a profile");
	for (i = 0; i < profile.nr_symbols; i++)
		if (profile.symbols[i].total[tally] * 100 >=
		    all * SHOWN_PERCENT)
			hit[n++] = &profile.symbols[i];
	sorted_tally = tally;
	qsort(hit, n, sizeof(*hit), by_total);
	printf("%s %lu samples\n", prefix, all);
	for (i = 0; i < n && all; i++)
		printf("%s %5.1f %5.1f %s\n", prefix,
		       100.0 * hit[i]->self[tally] / all,
		       100.0 * hit[i]->total[tally] / all, hit[i]->name);
	for (i = 0; i < profile.nr_symbols; i++)
		profile.symbols[i].self[tally] =
			profile.symbols[i].total[tally] = 0;
	profile.samples[tally] = 0;
	free(hit);
}
