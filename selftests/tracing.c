// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints of type1x, against the calls that were made: in a tracing instance
 * of the test's own.
 */
#include "device_emu.h"
#include "dirty.h"
#include "ranges.h"
#include "second_domain.h"
#include "seen.h"
#include "suite.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define INSTANCE "/sys/kernel/tracing/instances/t1x"

FIXTURE(tracing)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf;
	char *mem;
	u64 id;
	bool second_domain;
};

FIXTURE_SETUP(tracing)
{
	self->bdf = t1x_any_device();
	if (!t1x_is_type1x() || !self->bdf)
		SKIP(return, "needs type1x and a device");
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "this kernel has no tracing instances");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(64));
	self->second_domain = t1x_second_domain_load();
	t1x_leak_begin(&self->leak);
	t1x_write_text(INSTANCE "/events/vfio_type1x/enable", "1");
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->bdf);
	self->id = t1x_seen_id();
}

FIXTURE_TEARDOWN(tracing)
{
	t1x_close(&self->c);
	t1x_write_text(INSTANCE "/events/vfio_type1x/enable", "0");
	rmdir(INSTANCE);
	EXPECT_EQ(0, t1x_second_domain_unload());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* All that was traced since it was read last, to be freed */
static char *traced(void)
{
	FILE *file = fopen(INSTANCE "/trace", "r");
	char *text = calloc(1, 1 << 20);
	size_t n;

	t1x_require(file, INSTANCE "/trace: %s", strerror(errno));
	n = fread(text, 1, (1 << 20) - 1, file);
	text[n] = 0;
	fclose(file);
	/* Opened so, it is emptied */
	close(open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	return text;
}

/* Number of events whose text begins so, behind the number of the container */
static int __attribute((format(printf, 4, 5)))
count(const char *text, const char *event, u64 id, const char *fmt, ...)
{
	char want[256];
	va_list args;
	int n = 0, len;

	len = snprintf(want, sizeof(want), ": %s: id=%lu ", event, id);
	va_start(args, fmt);
	vsnprintf(want + len, sizeof(want) - len, fmt, args);
	va_end(args);
	for (; (text = strstr(text, want)); text++)
		n++;
	return n;
}

/* Number of events that end with a result */
static int count_results(const char *text, int ret)
{
	char want[32];
	int n = 0;

	snprintf(want, sizeof(want), " ret=%d\n", ret);
	for (; (text = strstr(text, want)); text++)
		n++;
	return n;
}

TEST_F(tracing, every_event_is_there)
{
	static const char *const events[] = { "map",	"unmap",  "split",
					      "pin",	"unpin",  "attach",
					      "detach", "replay", "dirty_get",
					      "error" };
	char path[128];
	struct stat st;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), INSTANCE "/events/vfio_type1x/%s",
			 events[i]);
		EXPECT_EQ(0, stat(path, &st))
		TH_LOG("%s", path);
	}
}

TEST_F(tracing, map_and_unmap_tell_what_was_done)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M), *text;

	free(traced());
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	t1x_map(&self->c, self->mem, 0, PAGES(1));
	t1x_unmap_all(&self->c);
	text = traced();
	EXPECT_EQ(
		1,
		count(text, "map", self->id,
		      "iova=0x%lx last=0x%lx pages=512 runs=1 leaves=0x200000 ns=",
		      T1X_BASE, T1X_BASE + T1X_2M - 1));
	EXPECT_EQ(
		1,
		count(text, "map", self->id,
		      "iova=0x0 last=0xfff pages=1 runs=1 leaves=0x1000 ns="));
	EXPECT_EQ(1, count(text, "unmap", self->id,
			   "iova=0x0 last=0xffffffffffffffff mappings=2 ns="));
	EXPECT_EQ(3, count_results(text, 0));
	EXPECT_EQ(NULL, strstr(text, ": error: "));
	free(text);
	t1x_mem_free(T1X_MEM_2M, huge, T1X_2M);
}

TEST_F(tracing, error_tells_the_reason)
{
	char *text;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	free(traced());
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1)));
	text = traced();
	EXPECT_EQ(
		1,
		count(text, "error", self->id,
		      "call=map iova=0x%lx last=0x%lx ret=-17 reason=overlap first=0x%lx last=0x%lx pid=%d\n",
		      T1X_BASE, T1X_BASE + PAGES(1) - 1, T1X_BASE,
		      T1X_BASE + PAGES(2) - 1, getpid()));
	EXPECT_EQ(1, count(text, "map", self->id, ""));
	EXPECT_EQ(1, count_results(text, -17));
	free(text);
}

TEST_F(tracing, split_tells_where)
{
	char *text;

	t1x_map_granule(&self->c, self->mem, T1X_BASE, PAGES(8), 0);
	free(traced());
	t1x_unmap_range(&self->c, T1X_BASE + PAGES(2), T1X_BASE + PAGES(3) - 1,
			PAGES(1));
	text = traced();
	EXPECT_EQ(2, count(text, "split", self->id, ""));
	EXPECT_EQ(1, count(text, "split", self->id,
			   "iova=0x%lx last=0x%lx at=0x%lx", T1X_BASE,
			   T1X_BASE + PAGES(8) - 1, T1X_BASE + PAGES(3)));
	EXPECT_EQ(1, count(text, "split", self->id,
			   "iova=0x%lx last=0x%lx at=0x%lx", T1X_BASE,
			   T1X_BASE + PAGES(3) - 1, T1X_BASE + PAGES(2)));
	free(text);
}

TEST_F(tracing, reports_are_told)
{
	u64 words[2];
	char *text;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	t1x_dirty_start(&self->c);
	free(traced());
	EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, PAGES(8), words));
	EXPECT_EQ(0,
		  __t1x_dirty_range(&self->c, T1X_BASE, T1X_BASE + PAGES(1) - 1,
				    VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR, words));
	text = traced();
	EXPECT_EQ(1, count(text, "dirty_get", self->id,
			   "iova=0x%lx last=0x%lx no_clear=0 ns=", T1X_BASE,
			   T1X_BASE + PAGES(8) - 1));
	EXPECT_EQ(1, count(text, "dirty_get", self->id,
			   "iova=0x%lx last=0x%lx no_clear=1 ns=", T1X_BASE,
			   T1X_BASE + PAGES(1) - 1));
	free(text);
}

TEST_F(tracing, groups_and_replay_are_told)
{
	const char *other = t1x_nvme(1);
	char *text;

	if (!self->second_domain)
		SKIP(return, "needs the module t1x_second_domain");
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1));
	t1x_map(&self->c, self->mem, 0, PAGES(1));
	free(traced());
	t1x_add_in_second_domain(&self->c, other);
	t1x_del_group(&self->c, other);
	text = traced();
	EXPECT_EQ(1, count(text, "attach", self->id, "group="));
	EXPECT_NE(NULL, strstr(text, " emulated=0 ns="));
	EXPECT_EQ(1, count(text, "replay", self->id,
			   "iova=0x0 last=0xfff runs=1 ret=0"));
	EXPECT_EQ(1, count(text, "replay", self->id,
			   "iova=0x%lx last=0x%lx runs=1 ret=0", T1X_BASE,
			   T1X_BASE + PAGES(1) - 1));
	EXPECT_EQ(1, count(text, "detach", self->id, "group="));
	free(text);
}

TEST_F(tracing, pins_of_drivers_are_told)
{
	struct t1x_emu emu;
	struct t1x_leak leak;
	struct t1x c;
	char *text;
	u64 id;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	t1x_emu_begin(&emu, &c, &leak);
	id = t1x_seen_id();
	t1x_map(&c, self->mem, T1X_BASE, PAGES(4));
	free(traced());
	t1x_emu_pin(&emu, T1X_BASE + PAGES(1), 2);
	t1x_emu_unpin(&emu, T1X_BASE + PAGES(1), 2);
	text = traced();
	EXPECT_EQ(1, count(text, "pin", id,
			   "iova=0x%lx pages=2 ret=", T1X_BASE + PAGES(1)));
	EXPECT_LE(1, count(text, "unpin", id,
			   "iova=0x%lx pages=", T1X_BASE + PAGES(1)));
	free(text);
	EXPECT_EQ(0, t1x_emu_end(&emu, &c, &leak));
}

TEST_HARNESS_MAIN
