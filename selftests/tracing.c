// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints of type1x, against the calls that were made: in a tracing instance
 * of the test's own. Fields are found by their names, wherever they are.
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
/* Pages that are as many physical runs */
#define NRUNS 3
/* Where no IOVA is mapped, on x86 */
#define MSIS "first=0xfee00000 last=0xfeefffff"

/* What events there are, and the fields that each has */
static const struct kind {
	const char *name, *fields;
} kinds[] = {
	{ "map", "id iova last pages runs leaves ns ret" },
	{ "unmap", "id iova last pages mappings ns ret" },
	{ "split", "id iova last at" },
	{ "pin", "id iova last pages ret" },
	{ "unpin", "id iova last pages" },
	{ "attach", "id group emulated ns ret" },
	{ "detach", "id group" },
	{ "replay", "id iova last pages runs ret" },
	{ "dirty_get", "id iova last pages no_clear ns ret" },
	{ "error", "id call iova last ret reason" },
};

/* When it was begun to trace what is read next, and the most that a call then took */
static u64 since_ms, most_ns;

/* All that was traced since it was read last, to be freed */
static char *traced(void)
{
	FILE *file = fopen(INSTANCE "/trace", "r");
	char *text = calloc(1, 1 << 20);
	u64 now = t1x_now_ms();
	size_t n;

	t1x_require(file, INSTANCE "/trace: %s", strerror(errno));
	n = fread(text, 1, (1 << 20) - 1, file);
	text[n] = 0;
	fclose(file);
	/* Opened so, it is emptied */
	close(open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	/* Twice as much: the clock of an emulated CPU is not that of the machine */
	most_ns = (2 * (now - since_ms) + 1000) * 1000000;
	since_ms = now;
	return text;
}

FIXTURE(tracing)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf, *other;
	char *mem;
	u64 id;
	bool second_domain;
};

FIXTURE_SETUP(tracing)
{
	self->bdf = t1x_any_device();
	self->other = t1x_nvme(1);
	if (!t1x_is_type1x() || !self->bdf || !self->other)
		SKIP(return, "needs type1x and two devices");
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		SKIP(return, "this kernel has no tracing instances");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(64));
	self->second_domain = t1x_second_domain_load();
	t1x_leak_begin(&self->leak);
	t1x_write_text(INSTANCE "/events/vfio_type1x/enable", "1");
	free(traced());
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

/* What ends a field */
#define ENDS "\n "

/* The first value of that name in the fields of an event, NULL if it has none */
static const char *value_of(const char *fields, const char *name, size_t len)
{
	for (; *fields && *fields != '\n'; fields++)
		if (*fields == ' ' && !strncmp(fields + 1, name, len) &&
		    fields[1 + len] == '=')
			return fields + len + 2;
	return NULL;
}

static u64 number_of(const char *fields, const char *name)
{
	const char *value = value_of(fields, name, strlen(name));

	t1x_require(value, "an event without %s:%.*s", name,
		    (int)strcspn(fields, "\n"), fields);
	return strtoul(value, NULL, 0);
}

/* Has an event all of "name=value ..."? A reason has values, too: to the end. */
static bool has_fields(const char *fields, const char *want)
{
	while (*want) {
		size_t name = strcspn(want, "="), len;
		const char *value = value_of(fields, want, name);
		const char *end = strncmp(want, "reason=", 7) ? ENDS : "\n";

		want += name + 1;
		len = strcspn(want, end);
		if (!value || strcspn(value, end) != len ||
		    strncmp(value, want, len))
			return false;
		want += len;
		want += strspn(want, " ");
	}
	return true;
}

/* The fields of the next event of a kind, from the blank before the first on */
static const char *next_event(const char *text, const char *name)
{
	char mark[32];
	const char *at;

	snprintf(mark, sizeof(mark), ": %s: ", name);
	at = strstr(text, mark);
	return at ? at + strlen(mark) - 1 : NULL;
}

/* Which process an event tells of: "comm-pid [cpu] ..." */
static int pid_of(const char *text, const char *fields)
{
	const char *line = fields, *at;

	while (line > text && line[-1] != '\n')
		line--;
	at = strstr(line, " [");
	t1x_require(at && at < fields, "no CPU in %.80s", line);
	while (at > line && *at != '-')
		at--;
	return atoi(at + 1);
}

/* Fails the test where an event lacks a field, or took longer than there was time */
static void require_whole(const struct kind *kind, const char *fields)
{
	int len = strcspn(fields, "\n");
	const char *name;

	for (name = kind->fields; *name; name += strspn(name, " ")) {
		size_t n = strcspn(name, " ");
		const char *value = value_of(fields, name, n);

		t1x_require(value && !strchr(ENDS, *value),
			    "%s has no %.*s:%.*s", kind->name, (int)n, name,
			    len, fields);
		if (!strncmp(name, "ns ", 3))
			t1x_require(strtoul(value, NULL, 10) < most_ns,
				    "%s took more than %lu ns:%.*s", kind->name,
				    most_ns, len, fields);
		name += n;
	}
}

static const struct kind *kind_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	t1x_require(false, "no event is called %s", name);
}

/* Number of events of a container with these fields, of what a process has done */
__attribute((format(printf, 5, 6))) static int
count_of(int pid, const char *text, const char *name, u64 id, const char *fmt,
	 ...)
{
	const char *fields = text;
	char want[256];
	va_list args;
	int n = 0, len;

	len = snprintf(want, sizeof(want), "id=%lu ", id);
	va_start(args, fmt);
	vsnprintf(want + len, sizeof(want) - len, fmt, args);
	va_end(args);
	while ((fields = next_event(fields, name))) {
		if (!has_fields(fields, want) || pid_of(text, fields) != pid)
			continue;
		require_whole(kind_of(name), fields);
		n++;
	}
	return n;
}

#define count(...) count_of(getpid(), __VA_ARGS__)

TEST_F(tracing, every_event_is_there_with_its_fields)
{
	char path[128], text[8192], *format;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path),
			 INSTANCE "/events/vfio_type1x/%s/format",
			 kinds[i].name);
		ASSERT_EQ(0, t1x_read_text(path, text, sizeof(text)))
		TH_LOG("%s", path);
		format = strstr(text, "print fmt: \"");
		ASSERT_NE(NULL, format);
		format = strchr(format, '"');
		*format = ' ';
		require_whole(&kinds[i], format);
	}
}

TEST_F(tracing, map_and_unmap_tell_what_was_done)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, T1X_2M), *text;

	t1x_mem_scatter(self->mem, NRUNS);
	free(traced());
	t1x_map(&self->c, huge, T1X_BASE, T1X_2M);
	t1x_map(&self->c, self->mem + PAGES(NRUNS), 0, PAGES(1));
	t1x_map(&self->c, self->mem, PAGES(8), PAGES(NRUNS));
	t1x_unmap(&self->c, 0, PAGES(1));
	t1x_unmap_all(&self->c);
	text = traced();
	EXPECT_EQ(
		1,
		count(text, "map", self->id,
		      "iova=0x%lx last=0x%lx pages=512 runs=1 leaves=0x200000 ret=0",
		      T1X_BASE, T1X_BASE + T1X_2M - 1));
	EXPECT_EQ(
		1,
		count(text, "map", self->id,
		      "iova=0x0 last=0xfff pages=1 runs=1 leaves=0x1000 ret=0"));
	EXPECT_EQ(
		1,
		count(text, "map", self->id,
		      "iova=0x%lx last=0x%lx pages=%d runs=%d leaves=0x1000 ret=0",
		      PAGES(8), PAGES(8 + NRUNS) - 1, NRUNS, NRUNS));
	EXPECT_EQ(1, count(text, "unmap", self->id,
			   "iova=0x0 last=0xfff pages=1 mappings=1 ret=0"));
	/* The pages that went, not those of the range */
	EXPECT_EQ(
		1,
		count(text, "unmap", self->id,
		      "iova=0x0 last=0xffffffffffffffff pages=%d mappings=2 ret=0",
		      512 + NRUNS));
	EXPECT_EQ(3, count(text, "map", self->id, "ret=0"));
	EXPECT_EQ(2, count(text, "unmap", self->id, "ret=0"));
	EXPECT_EQ(NULL, strstr(text, ": error: "));
	free(text);
	t1x_mem_free(T1X_MEM_2M, huge, T1X_2M);
}

/* Sum of the times that are told of a kind of calls */
static u64 sum_ns(const char *text, const char *name)
{
	u64 sum = 0;

	while ((text = next_event(text, name)))
		sum += number_of(text, "ns");
	return sum;
}

/* A call may take none, where ticks are the clock: but not all calls for so long. */
TEST_F(tracing, times_add_up_to_no_more_than_has_passed)
{
	static const char *const timed[] = { "map", "unmap", "dirty_get",
					     "attach" };
	u64 word, sum = 0;
	unsigned int i;
	char *text;

	t1x_dirty_start(&self->c);
	free(traced());
	for (i = 0; i < 20; i++) {
		t1x_map(&self->c, self->mem, T1X_BASE, PAGES(64));
		EXPECT_EQ(0, __t1x_dirty_get(&self->c, T1X_BASE, PAGES(64),
					     &word));
		t1x_unmap(&self->c, T1X_BASE, PAGES(64));
		t1x_add_group(&self->c, self->other);
		t1x_del_group(&self->c, self->other);
		t1x_sleep_ms(10);
	}
	text = traced();
	for (i = 0; i < ARRAY_SIZE(timed); i++) {
		EXPECT_EQ(20, count(text, timed[i], self->id, "ret=0"));
		EXPECT_LT(0, sum_ns(text, timed[i])) TH_LOG("%s", timed[i]);
		sum += sum_ns(text, timed[i]);
	}
	EXPECT_GT(most_ns, sum);
	free(text);
}

static int maps_and_fails(struct _test_data_tracing *self)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1));
	return __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1)) == -EEXIST ?
		       0 :
		       1;
}

TEST_F(tracing, process_is_the_one_that_calls)
{
	int status = 1;
	char *text;
	pid_t pid;

	free(traced());
	pid = t1x_fork();
	if (!pid)
		_exit(maps_and_fails(self));
	ASSERT_EQ(0, t1x_wait(pid, 30000, &status));
	ASSERT_EQ(0, status);
	t1x_unmap_all(&self->c);
	text = traced();
	EXPECT_EQ(1, count_of(pid, text, "map", self->id, "ret=0"));
	EXPECT_EQ(1, count_of(pid, text, "map", self->id, "ret=-17"));
	EXPECT_EQ(1, count_of(pid, text, "error", self->id, "ret=-17"));
	EXPECT_EQ(0, count(text, "map", self->id, "iova=0x%lx", T1X_BASE));
	EXPECT_EQ(1, count(text, "unmap", self->id, "pages=1 ret=0"));
	free(text);
}

TEST_F(tracing, error_tells_the_reason)
{
	char *text;

	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
	free(traced());
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1)));
	EXPECT_EQ(-EINVAL, __t1x_unmap(&self->c, T1X_BASE, PAGES(1), NULL));
	text = traced();
	EXPECT_EQ(
		1,
		count(text, "error", self->id,
		      "call=map iova=0x%lx last=0x%lx ret=-17 reason=overlap first=0x%lx last=0x%lx pid=%d",
		      T1X_BASE, T1X_BASE + PAGES(1) - 1, T1X_BASE,
		      T1X_BASE + PAGES(2) - 1, getpid()));
	EXPECT_EQ(
		1,
		count(text, "error", self->id,
		      "call=unmap iova=0x%lx last=0x%lx ret=-22 reason=cut first=0x%lx last=0x%lx granule=0",
		      T1X_BASE, T1X_BASE + PAGES(1) - 1, T1X_BASE,
		      T1X_BASE + PAGES(2) - 1));
	/* Each call tells of itself, too, and there was no other */
	EXPECT_EQ(1,
		  count(text, "map", self->id, "iova=0x%lx last=0x%lx ret=-17",
			T1X_BASE, T1X_BASE + PAGES(1) - 1));
	EXPECT_EQ(1, count(text, "unmap", self->id,
			   "iova=0x%lx last=0x%lx ret=-22", T1X_BASE,
			   T1X_BASE + PAGES(1) - 1));
	EXPECT_EQ(0, count(text, "map", self->id, "ret=0"));
	EXPECT_EQ(0, count(text, "unmap", self->id, "ret=0"));
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
	EXPECT_EQ(1, count(text, "split", self->id,
			   "iova=0x%lx last=0x%lx at=0x%lx", T1X_BASE,
			   T1X_BASE + PAGES(8) - 1, T1X_BASE + PAGES(3)));
	EXPECT_EQ(1, count(text, "split", self->id,
			   "iova=0x%lx last=0x%lx at=0x%lx", T1X_BASE,
			   T1X_BASE + PAGES(3) - 1, T1X_BASE + PAGES(2)));
	EXPECT_EQ(1, count(text, "unmap", self->id,
			   "iova=0x%lx last=0x%lx pages=1 mappings=1 ret=0",
			   T1X_BASE + PAGES(2), T1X_BASE + PAGES(3) - 1));
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
			   "iova=0x%lx last=0x%lx pages=8 no_clear=0 ret=0",
			   T1X_BASE, T1X_BASE + PAGES(8) - 1));
	EXPECT_EQ(1, count(text, "dirty_get", self->id,
			   "iova=0x%lx last=0x%lx pages=1 no_clear=1 ret=0",
			   T1X_BASE, T1X_BASE + PAGES(1) - 1));
	free(text);
}

TEST_F(tracing, groups_are_told_by_their_numbers)
{
	int group = t1x_group_number(self->bdf);
	int other = t1x_group_number(self->other);
	char *text;

	t1x_add_group(&self->c, self->other);
	t1x_del_group(&self->c, self->other);
	text = traced();
	EXPECT_EQ(1, count(text, "attach", self->id,
			   "group=%d emulated=0 ret=0", group));
	EXPECT_EQ(1, count(text, "attach", self->id,
			   "group=%d emulated=0 ret=0", other));
	EXPECT_EQ(0, count(text, "detach", self->id, "group=%d", group));
	EXPECT_EQ(1, count(text, "detach", self->id, "group=%d", other));
	free(text);
}

TEST_F(tracing, emulated_groups_are_told_as_such)
{
	int group;
	char *text;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	group = t1x_group_number(t1x_emu(0));
	free(traced());
	t1x_add_group(&self->c, t1x_emu(0));
	t1x_del_group(&self->c, t1x_emu(0));
	text = traced();
	EXPECT_EQ(1, count(text, "attach", self->id,
			   "group=%d emulated=1 ret=0", group));
	EXPECT_EQ(1, count(text, "detach", self->id, "group=%d", group));
	free(text);
	EXPECT_EQ(0, t1x_emu_settle());
}

TEST_F(tracing, replay_is_told)
{
	char *text;

	if (!self->second_domain)
		SKIP(return, "needs the module t1x_second_domain");
	t1x_mem_scatter(self->mem, NRUNS);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(NRUNS));
	t1x_map(&self->c, self->mem, 0, PAGES(1));
	free(traced());
	t1x_add_in_second_domain(&self->c, self->other);
	t1x_del_group(&self->c, self->other);
	text = traced();
	EXPECT_EQ(1, count(text, "replay", self->id,
			   "iova=0x0 last=0xfff pages=1 runs=1 ret=0"));
	EXPECT_EQ(1,
		  count(text, "replay", self->id,
			"iova=0x%lx last=0x%lx pages=%d runs=%d ret=0",
			T1X_BASE, T1X_BASE + PAGES(NRUNS) - 1, NRUNS, NRUNS));
	free(text);
}

/* A container with an emulated group, and what it maps before anything is traced */
struct without_iommu {
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	u64 id;
};

static void begin_without_iommu(struct without_iommu *w, char *mem, u64 iova,
				u64 size)
{
	t1x_emu_begin(&w->emu, &w->c, &w->leak);
	w->id = t1x_seen_id();
	t1x_map(&w->c, mem, iova, size);
	free(traced());
}

/* What a container without an IOMMU maps is mapped, and pinned, with the first that comes */
TEST_F(tracing, replay_onto_the_first_domain_is_told)
{
	struct without_iommu w;
	char *text;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	t1x_mem_scatter(self->mem, NRUNS);
	begin_without_iommu(&w, self->mem, T1X_BASE, PAGES(NRUNS));
	t1x_add_group(&w.c, self->other);
	text = traced();
	EXPECT_EQ(1,
		  count(text, "replay", w.id,
			"iova=0x%lx last=0x%lx pages=%d runs=%d ret=0",
			T1X_BASE, T1X_BASE + PAGES(NRUNS) - 1, NRUNS, NRUNS));
	EXPECT_EQ(1, count(text, "attach", w.id, "group=%d emulated=0 ret=0",
			   t1x_group_number(self->other)));
	free(text);
	t1x_del_group(&w.c, self->other);
	EXPECT_EQ(0, t1x_emu_end(&w.emu, &w.c, &w.leak));
}

TEST_F(tracing, pins_of_drivers_are_told_and_why_they_fail)
{
	const u64 first = T1X_BASE + PAGES(1), last = T1X_BASE + PAGES(3) - 1;
	struct without_iommu w;
	char *text;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	begin_without_iommu(&w, self->mem, T1X_BASE, PAGES(4));
	t1x_emu_pin(&w.emu, first, 2);
	t1x_emu_unpin(&w.emu, first, 2);
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&w.emu, 0, 1));
	text = traced();
	EXPECT_EQ(1, count(text, "pin", w.id,
			   "iova=0x%lx last=0x%lx pages=2 ret=0", first, last));
	EXPECT_EQ(1, count(text, "unpin", w.id, "iova=0x%lx last=0x%lx pages=2",
			   first, last));
	EXPECT_EQ(1, count(text, "pin", w.id,
			   "iova=0x0 last=0xfff pages=1 ret=-22"));
	EXPECT_EQ(
		1,
		count(text, "error", w.id,
		      "call=pin iova=0x0 last=0xfff ret=-22 reason=unmapped iova=0x0"));
	free(text);
	EXPECT_EQ(0, t1x_emu_end(&w.emu, &w.c, &w.leak));
}

TEST_F(tracing, attach_that_fails_tells_why)
{
	struct without_iommu w;
	char *text;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	/* Nothing forbids the window of MSIs to a container without an IOMMU */
	begin_without_iommu(&w, self->mem, 0xfee00000, PAGES(1));
	EXPECT_EQ(-EINVAL, __t1x_add_group(&w.c, self->other));
	text = traced();
	EXPECT_EQ(1, count(text, "attach", w.id, "group=%d emulated=0 ret=-22",
			   t1x_group_number(self->other)));
	EXPECT_EQ(
		1,
		count(text, "error", w.id,
		      "call=attach ret=-22 iova=0xfee00000 last=0xfee00fff reason=outside " MSIS));
	free(text);
	EXPECT_EQ(0, t1x_emu_end(&w.emu, &w.c, &w.leak));
}

TEST_HARNESS_MAIN
