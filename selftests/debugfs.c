// SPDX-License-Identifier: GPL-2.0-only
/*
 * What type1x shows of a container in debugfs, against what was asked of it and what
 * the IOMMU's own table says.
 */
#include "device_emu.h"
#include "dirty.h"
#include "iotable.h"
#include "ranges.h"
#include "second_domain.h"
#include "seen.h"
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

FIXTURE(debugfs)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf;
	u64 id;
};

T1X_BOTH_TYPES(debugfs);

FIXTURE_SETUP(debugfs)
{
	self->bdf = t1x_any_device();
	if (!t1x_is_type1x() || !self->bdf)
		SKIP(return, "needs type1x and a device");
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
	self->id = t1x_seen_id();
	ASSERT_NE(0, self->id);
}

FIXTURE_TEARDOWN(debugfs)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* ---- info ---- */

TEST_F(debugfs, info_says_what_get_info_says)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_iommu_type1_info *info;
	char line[128];
	u64 buf[512];
	const char *type = variant->type == VFIO_TYPE1_IOMMU ? "type v1" :
							       "type v2";
	u32 i;

	ASSERT_EQ(0, __t1x_get_info(&self->c, buf, sizeof(buf)));
	info = (void *)buf;
	EXPECT_EQ(self->id, t1x_seen_number(self->id, "info", "id"));
	EXPECT_EQ(info->iova_pgsizes,
		  t1x_seen_number(self->id, "info", "pgsizes"));
	EXPECT_TRUE(t1x_seen_line(self->id, "info", type));
	cap = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, cap);
	for (i = 0; i < cap->nr_iovas; i++) {
		snprintf(line, sizeof(line), "iova 0x%llx-0x%llx",
			 cap->iova_ranges[i].start, cap->iova_ranges[i].end);
		EXPECT_TRUE(t1x_seen_line(self->id, "info", line))
		TH_LOG("%s", line);
	}
	EXPECT_FALSE(t1x_seen_line(self->id, "info", "subset 0x1000"));
	EXPECT_EQ(0, __t1x_pgsizes_set(&self->c, T1X_PAGE));
	EXPECT_TRUE(t1x_seen_line(self->id, "info", "subset 0x1000"));
}

TEST_F(debugfs, info_names_groups_and_devices_as_they_come_and_go)
{
	const char *other = t1x_nvme(1);
	int group = t1x_group_number(other);
	char line[128];

	snprintf(line, sizeof(line), "device %s group %d", other, group);
	EXPECT_FALSE(t1x_seen_line(self->id, "info", line));
	t1x_add_group(&self->c, other);
	EXPECT_TRUE(t1x_seen_line(self->id, "info", line));
	snprintf(line, sizeof(line), "group %d domain 0", group);
	EXPECT_TRUE(t1x_seen_line(self->id, "info", line));
	t1x_del_group(&self->c, other);
	EXPECT_FALSE(t1x_seen_line(self->id, "info", line));
}

/* ---- maps ---- */

TEST_F(debugfs, maps_has_a_line_for_each_mapping)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(16));
	const struct t1x_seen_map *map;
	struct t1x_seen_maps maps;

	t1x_seen_maps(self->id, &maps);
	EXPECT_EQ(0, maps.n);
	t1x_seen_free(&maps);

	t1x_map(&self->c, mem, T1X_BASE, PAGES(3));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE + PAGES(8),
				     PAGES(1), VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem + PAGES(4), PAGES(1),
				     PAGES(1), VFIO_DMA_MAP_FLAG_WRITE));
	t1x_map_granule(&self->c, mem, T1X_BASE + PAGES(16), PAGES(16),
			PAGES(4));

	t1x_seen_maps(self->id, &maps);
	ASSERT_EQ(4, maps.n);
	map = &maps.map[0];
	EXPECT_EQ(PAGES(1), map->iova);
	EXPECT_EQ((u64)mem + PAGES(4), map->vaddr);
	EXPECT_STREQ("w", map->prot);
	map = &maps.map[1];
	EXPECT_EQ(T1X_BASE, map->iova);
	EXPECT_EQ(T1X_BASE + PAGES(3) - 1, map->last);
	EXPECT_EQ((u64)mem, map->vaddr);
	EXPECT_STREQ("rw", map->prot);
	EXPECT_STREQ("live", map->state);
	EXPECT_EQ(0, map->granule);
	EXPECT_EQ(getpid(), map->pid);
	EXPECT_TRUE(map->in_iommu);
	EXPECT_STREQ("r", maps.map[2].prot);
	EXPECT_EQ(PAGES(4), maps.map[3].granule);
	t1x_seen_free(&maps);

	/* A part goes, and the rest is two */
	t1x_unmap_range(&self->c, T1X_BASE + PAGES(20),
			T1X_BASE + PAGES(24) - 1, PAGES(4));
	t1x_seen_maps(self->id, &maps);
	EXPECT_EQ(5, maps.n);
	map = t1x_seen_find(&maps, T1X_BASE + PAGES(24));
	ASSERT_NE(NULL, map);
	EXPECT_EQ((u64)mem + PAGES(8), map->vaddr);
	t1x_seen_free(&maps);

	t1x_unmap_all(&self->c);
	t1x_seen_maps(self->id, &maps);
	EXPECT_EQ(0, maps.n);
	t1x_seen_free(&maps);
}

TEST_F(debugfs, maps_has_the_last_page_of_the_space)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(1));
	struct t1x_emu emu;
	struct t1x_seen_maps maps;
	struct t1x c;
	u64 id;

	if (!t1x_emu_load(1, 0))
		SKIP(return, "needs the module t1x_emu");
	t1x_open(&c, variant->type, t1x_emu(0));
	id = t1x_seen_id();
	EXPECT_NE(self->id, id);
	ASSERT_EQ(0, __t1x_map_range(&c, mem, ~0UL - PAGES(1) + 1, ~0UL));
	ASSERT_EQ(0, __t1x_map_range(&c, mem, 0, PAGES(1) - 1));
	t1x_seen_maps(id, &maps);
	ASSERT_EQ(2, maps.n);
	EXPECT_EQ(0, maps.map[0].iova);
	EXPECT_EQ(~0UL, maps.map[1].last);
	EXPECT_FALSE(maps.map[1].in_iommu);
	EXPECT_STREQ("-", maps.map[1].why);
	t1x_seen_free(&maps);
	t1x_close(&c);
	EXPECT_EQ(0, t1x_emu_settle());
	(void)emu;
}

/* Does maps say of the leaves what the IOMMU's table shows? */
static bool leaves_are_told(const char *bdf, const struct t1x_seen_map *map)
{
	u64 want[T1X_SEEN_SIZES] = { 0 }, from, to;
	struct t1x_iotable table;
	bool same;
	int i;

	if (!t1x_iotable_read(&table, bdf))
		return true;
	for (i = 0; i < table.n; i++) {
		const struct t1x_leaf *leaf = &table.leaf[i];

		from = leaf->iova < map->iova ? map->iova : leaf->iova;
		to = leaf->iova + leaf->size - 1;
		to = to > map->last ? map->last : to;
		if (from <= to)
			want[__builtin_ctzl(leaf->size)] += to - from + 1;
	}
	t1x_iotable_free(&table);
	same = !memcmp(want, map->bytes, sizeof(want));
	for (i = 0; !same && i < T1X_SEEN_SIZES; i++)
		if (want[i] != map->bytes[i])
			printf("# 0x%lx: 0x%lx bytes in pages of 0x%lx, maps says 0x%lx\n",
			       map->iova, want[i], 1UL << i, map->bytes[i]);
	return same;
}

/* Maps memory, and expects why it is not in larger IOMMU pages */
static void expect_why(struct __test_metadata *_metadata,
		       struct _test_data_debugfs *self, const char *mem,
		       u64 iova, u64 size, const char *why)
{
	const struct t1x_seen_map *map;
	struct t1x_seen_maps maps;

	t1x_map(&self->c, mem, iova, size);
	t1x_seen_maps(self->id, &maps);
	map = t1x_seen_find(&maps, iova);
	ASSERT_NE(NULL, map);
	EXPECT_STREQ(why, map->why);
	EXPECT_TRUE(leaves_are_told(self->bdf, map));
	t1x_seen_free(&maps);
	t1x_unmap(&self->c, iova, size);
}

TEST_F(debugfs, maps_tells_the_sizes_of_iommu_pages_and_why_not_larger)
{
	u64 sizes = t1x_pgsizes_supported(&self->c);
	char *small, *huge;

	if (!(sizes & T1X_2M) || sizes & (2 * T1X_2M))
		SKIP(return, "the reasons are those of VT-d's page sizes");
	small = t1x_mem_alloc(T1X_MEM_4K, 2 * T1X_2M);
	t1x_mem_scatter(small, 2 * T1X_2M / T1X_PAGE);
	huge = t1x_mem_alloc(T1X_MEM_2M, 4 * T1X_2M);
	expect_why(_metadata, self, small, T1X_BASE, PAGES(1), "short");
	expect_why(_metadata, self, huge, T1X_BASE, T1X_2M, "short");
	expect_why(_metadata, self, huge, T1X_BASE + PAGES(1), 4 * T1X_2M,
		   "misaligned");
	expect_why(_metadata, self, small, T1X_BASE, 2 * T1X_2M, "scattered");
	/* Of 2 MiB pages alone, a gigabyte has no room */
	expect_why(_metadata, self, huge, T1X_BASE, 4 * T1X_2M, "short");
	ASSERT_EQ(0, __t1x_pgsizes_set(&self->c, T1X_PAGE));
	expect_why(_metadata, self, huge, T1X_BASE, 4 * T1X_2M, "subset");
	ASSERT_EQ(0, __t1x_pgsizes_set(&self->c, sizes));
	t1x_param_set("disable_hugepages", 1);
	expect_why(_metadata, self, huge, T1X_BASE, 4 * T1X_2M, "single");
	t1x_param_set("disable_hugepages", 0);
	t1x_mem_free(T1X_MEM_2M, huge, 4 * T1X_2M);
}

TEST_F(debugfs, maps_tells_the_leaves_of_a_granule_and_of_its_parts)
{
	char *huge = t1x_mem_alloc(T1X_MEM_2M, 4 * T1X_2M);
	struct t1x_seen_maps maps;
	int i;

	t1x_map_granule(&self->c, huge, T1X_BASE, 4 * T1X_2M, 16 * T1X_PAGE);
	t1x_unmap_range(&self->c, T1X_BASE + T1X_2M,
			T1X_BASE + T1X_2M + PAGES(16) - 1, PAGES(16));
	t1x_seen_maps(self->id, &maps);
	ASSERT_EQ(2, maps.n);
	for (i = 0; i < maps.n; i++) {
		EXPECT_STREQ("granule", maps.map[i].why);
		EXPECT_TRUE(leaves_are_told(self->bdf, &maps.map[i]));
	}
	t1x_seen_free(&maps);
	t1x_unmap_all(&self->c);
	t1x_mem_free(T1X_MEM_2M, huge, 4 * T1X_2M);
}

/* Maps and unmaps a page until it is told to stop */
struct busy {
	struct t1x *c;
	char *mem;
	u64 iova, calls, longest_us;
	bool stop;
};

static void *be_busy(void *arg)
{
	struct busy *busy = arg;

	while (!__atomic_load_n(&busy->stop, __ATOMIC_RELAXED)) {
		u64 from = t1x_now_us(), took;

		if (busy->calls % 2)
			t1x_unmap(busy->c, busy->iova, PAGES(1));
		else
			t1x_map(busy->c, busy->mem, busy->iova, PAGES(1));
		took = t1x_now_us() - from;
		if (took > busy->longest_us)
			busy->longest_us = took;
		__atomic_add_fetch(&busy->calls, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static u64 calls_of(struct busy *busy)
{
	return __atomic_load_n(&busy->calls, __ATOMIC_ACQUIRE);
}

/*
 * Lists n mappings, and perhaps a last one, while another thread is busy with that.
 * Did its calls go on? One that waits for the listing takes as long as that does, but
 * so may one whose CPU the machine needs for something else.
 */
static bool list_while_busy(u64 id, struct t1x *c, char *mem, int n)
{
	struct busy busy = { c, mem, T1X_BASE + PAGES(2UL * n) };
	struct t1x_seen_maps maps;
	u64 from, took, calls;
	pthread_t thread;
	char *text;
	int i;

	t1x_require(!pthread_create(&thread, NULL, be_busy, &busy),
		    "pthread_create");
	while (!calls_of(&busy))
		sched_yield();
	calls = calls_of(&busy);
	from = t1x_now_us();
	text = t1x_seen_read(id, "maps");
	took = t1x_now_us() - from;
	calls = calls_of(&busy) - calls;
	__atomic_store_n(&busy.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	if (busy.calls % 2)
		t1x_unmap(c, busy.iova, PAGES(1));

	t1x_seen_parse_maps(text, &maps);
	free(text);
	t1x_require(maps.n == n || maps.n == n + 1, "%d lines of %d mappings",
		    maps.n, n);
	for (i = 0; i < maps.n; i++)
		t1x_require(maps.map[i].iova == T1X_BASE + PAGES(2UL * i),
			    "0x%lx in line %d", maps.map[i].iova, i);
	t1x_seen_free(&maps);
	printf("# %lu us for %d lines; %lu calls meanwhile, %lu us at most\n",
	       took, n, calls, busy.longest_us);
	return calls >= 20 && 4 * busy.longest_us < took;
}

TEST_F_TIMEOUT(debugfs, maps_of_as_many_mappings_as_there_can_be, 600)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(1));
	/* Debug kernels take long */
	int n = getenv("T1X_DEBUG_LANE") ? 5000 : 65535, i;
	struct t1x_seen_maps maps;
	int tries = 10;

	for (i = 0; i < n; i++)
		t1x_map(&self->c, mem, T1X_BASE + PAGES(2UL * i), PAGES(1));
	EXPECT_EQ(n, t1x_seen_number(self->id, "stats", "mappings"));
	EXPECT_EQ(n, t1x_seen_number(self->id, "stats", "pages"));
	t1x_seen_maps(self->id, &maps);
	EXPECT_EQ(n, maps.n);
	for (i = 0; i < maps.n; i++)
		ASSERT_EQ(T1X_BASE + PAGES(2UL * i), maps.map[i].iova);
	t1x_seen_free(&maps);

	/* Nobody waits for such a list */
	t1x_unmap(&self->c, T1X_BASE + PAGES(2UL * (n - 1)), PAGES(1));
	while (tries && !list_while_busy(self->id, &self->c, mem, n - 1))
		tries--;
	EXPECT_NE(0, tries);
}

/* ---- The files while all goes on ---- */

/* Mappings that stay, and those that come and go between them, of a page each */
#define NSTAY 3
#define STAY 16UL
#define NCHURN 2
#define CHURN 32UL
#define MOST (NSTAY + NCHURN * CHURN)

struct churn {
	struct t1x *c;
	char *mem;
	u64 iova;
	bool stop;
	pthread_t thread;
};

static void *map_and_unmap(void *arg)
{
	struct churn *churn = arg;
	u64 step;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		for (step = 0; step < CHURN; step++)
			t1x_map(churn->c, churn->mem + PAGES(step),
				churn->iova + PAGES(step), PAGES(1));
		for (step = 0; step < CHURN; step++)
			t1x_unmap(churn->c, churn->iova + PAGES(step),
				  PAGES(1));
	}
	return NULL;
}

static u64 stay_iova(int i)
{
	return T1X_BASE + PAGES(100 * i);
}

static char *stay_mem(char *mem, int i)
{
	return mem + PAGES(5 * i);
}

/* STAY and more pages that stay, then those that do not */
static void churn_begin(struct churn *churn, struct t1x *c, char *mem)
{
	int i;

	for (i = 0; i < NSTAY; i++)
		t1x_map(c, stay_mem(mem, i), stay_iova(i), PAGES(STAY));
	for (i = 0; i < NCHURN; i++) {
		churn[i] = (struct churn){ c, mem + PAGES(CHURN),
					   stay_iova(i) + PAGES(20) };
		t1x_require(!pthread_create(&churn[i].thread, NULL,
					    map_and_unmap, &churn[i]),
			    "pthread_create");
	}
}

static void churn_end(struct churn *churn)
{
	int i;

	for (i = 0; i < NCHURN; i++) {
		__atomic_store_n(&churn[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(churn[i].thread, NULL);
	}
}

/* Does a line say all that is so of such a mapping, whatever its state? */
static bool is_of(const struct t1x_seen_map *map, u64 iova, u64 npages,
		  const char *vaddr)
{
	bool live = !strcmp(map->state, "live");

	return map->iova == iova && map->last == iova + PAGES(npages) - 1 &&
	       map->vaddr == (u64)vaddr && map->pages == npages &&
	       map->pid == getpid() && !map->granule &&
	       !strcmp(map->prot, "rw") && map->in_iommu == live;
}

static bool comes_and_goes(const struct t1x_seen_map *map,
			   const struct churn *churn)
{
	u64 offset = map->iova - churn->iova;

	return offset < PAGES(CHURN) && !(offset % T1X_PAGE) &&
	       is_of(map, map->iova, 1, churn->mem + offset) &&
	       (!strcmp(map->state, "live") || !strcmp(map->state, "filling") ||
		!strcmp(map->state, "dying"));
}

/* Has "maps" those that stay, and none that cannot be? */
static bool maps_hold(u64 id, char *mem, const struct churn *churn)
{
	const struct t1x_seen_map *map;
	struct t1x_seen_maps maps;
	int i, stay = 0;
	bool ok = true;

	t1x_seen_maps(id, &maps);
	for (i = 0; ok && i < maps.n; i++) {
		map = &maps.map[i];
		if (stay < NSTAY && map->iova == stay_iova(stay)) {
			ok = is_of(map, map->iova, STAY, stay_mem(mem, stay)) &&
			     !strcmp(map->state, "live");
			stay++;
		} else {
			ok = comes_and_goes(map, &churn[0]) ||
			     comes_and_goes(map, &churn[1]);
		}
		if (!ok)
			printf("# 0x%lx-0x%lx 0x%lx %s %s %lu pages, pid %d\n",
			       map->iova, map->last, map->vaddr, map->prot,
			       map->state, map->pages, map->pid);
	}
	ok = ok && stay == NSTAY && maps.n <= (int)MOST;
	t1x_seen_free(&maps);
	return ok;
}

/* Sum of the calls in a histogram of "stats" */
static u64 histogram(const char *text, const char *name)
{
	u64 ns, calls, sum = 0, last = 0;
	size_t len = strlen(name);
	const char *line;

	for (line = text; *line; line = strchr(line, '\n') + 1) {
		if (strncmp(line, name, len) || line[len] != ' ')
			continue;
		t1x_require(sscanf(line + len, "%lu %lu", &ns, &calls) == 2,
			    "%.40s", line);
		t1x_require(calls && ns > last && !(ns & (ns - 1)), "%.40s",
			    line);
		last = ns;
		sum += calls;
	}
	return sum;
}

/*
 * Number of calls of a kind, none of which has failed; 0 if that is not so. All have
 * a place in the histogram, but for those that end while it is read: one of a thread.
 */
static u64 calls_that_did_well(const char *text, const char *kind)
{
	char line[64];
	u64 n;

	snprintf(line, sizeof(line), "calls %s", kind);
	n = t1x_seen_value(text, line);
	snprintf(line, sizeof(line), "calls %s %lu failed 0", kind, n);
	if (!t1x_seen_has(text, line))
		return 0;
	snprintf(line, sizeof(line), "%s_ns", kind);
	return histogram(text, line) + NCHURN < n ? 0 : n;
}

static bool is_between(u64 value, u64 least, u64 most)
{
	return least <= value && value <= most;
}

/* Do the numbers of "stats" fit each other, and those read before? Sets these. */
static bool stats_hold(u64 id, u64 *maps, u64 *unmaps)
{
	const u64 stay = NSTAY * STAY, most = stay + NCHURN * CHURN;
	u64 nr, pages, left, charged, before = *maps, before_unmaps = *unmaps;
	char *text = t1x_seen_read(id, "stats"), account[64];
	bool ok;

	nr = t1x_seen_value(text, "mappings");
	pages = t1x_seen_value(text, "pages");
	left = t1x_seen_value(text, "mappings_left");
	snprintf(account, sizeof(account), "account %d pages", getpid());
	charged = t1x_seen_value(text, account);
	*maps = calls_that_did_well(text, "map");
	*unmaps = calls_that_did_well(text, "unmap");
	ok = is_between(nr, NSTAY, MOST) && pages == nr - NSTAY + stay &&
	     is_between(left, 65535 - MOST, 65535 - NSTAY) &&
	     is_between(charged, stay, most) &&
	     !t1x_seen_value(text, "external_pages") &&
	     !t1x_seen_value(text, "stuck") &&
	     t1x_seen_has(text, "dirty_log off") && *maps >= NSTAY &&
	     *maps >= before && *unmaps >= before_unmaps;
	if (!ok)
		printf("# %lu maps and %lu unmaps before:\n%s", before,
		       before_unmaps, text);
	free(text);
	return ok;
}

TEST_F(debugfs, files_are_right_while_mappings_come_and_go)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(2 * CHURN));
	char *info = t1x_seen_read(self->id, "info"), *text;
	u64 maps = 0, unmaps = 0;
	struct churn churn[NCHURN];
	int i;

	churn_begin(churn, &self->c, mem);
	for (i = 0; i < 50 || maps < 10 * MOST; i++) {
		ASSERT_TRUE(maps_hold(self->id, mem, churn));
		ASSERT_TRUE(stats_hold(self->id, &maps, &unmaps));
		/* Nothing of this comes or goes */
		text = t1x_seen_read(self->id, "info");
		ASSERT_STREQ(info, text);
		free(text);
	}
	churn_end(churn);
	free(info);
	EXPECT_TRUE(maps_hold(self->id, mem, churn));
	EXPECT_EQ(NSTAY, t1x_seen_number(self->id, "stats", "mappings"));
}

struct visitor {
	struct t1x *c;
	const char *bdf;
	u64 visits;
	bool stop;
};

static void *come_and_go(void *arg)
{
	struct visitor *visitor = arg;

	while (!__atomic_load_n(&visitor->stop, __ATOMIC_RELAXED)) {
		t1x_add_group(visitor->c, visitor->bdf);
		t1x_del_group(visitor->c, visitor->bdf);
		__atomic_add_fetch(&visitor->visits, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* With the second group or without it, and nothing between */
TEST_F(debugfs, info_is_right_while_a_group_comes_and_goes)
{
	struct visitor visitor = { &self->c, t1x_nvme(1) };
	char *alone, *both, *text;
	pthread_t thread;
	int i;

	alone = t1x_seen_read(self->id, "info");
	t1x_add_group(&self->c, visitor.bdf);
	both = t1x_seen_read(self->id, "info");
	t1x_del_group(&self->c, visitor.bdf);
	ASSERT_STRNE(alone, both);
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &visitor));
	for (i = 0;
	     i < 50 || __atomic_load_n(&visitor.visits, __ATOMIC_RELAXED) < 5;
	     i++) {
		text = t1x_seen_read(self->id, "info");
		ASSERT_TRUE(!strcmp(text, alone) || !strcmp(text, both))
		TH_LOG("%s", text);
		free(text);
	}
	__atomic_store_n(&visitor.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	free(alone);
	free(both);
}

/* ---- stats ---- */

TEST_F(debugfs, stats_count_calls_mappings_and_pages)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(16)), line[64];

	t1x_map(&self->c, mem, T1X_BASE, PAGES(4));
	t1x_map(&self->c, mem, T1X_BASE + PAGES(8), PAGES(1));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, mem, T1X_BASE, PAGES(1)));
	EXPECT_EQ(2, t1x_seen_number(self->id, "stats", "mappings"));
	EXPECT_EQ(5, t1x_seen_number(self->id, "stats", "pages"));
	EXPECT_EQ(65533, t1x_seen_number(self->id, "stats", "mappings_left"));
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", "calls map 3 failed 1"));
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", "calls unmap 0 failed 0"));
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", "dirty_log off"));
	snprintf(line, sizeof(line), "account %d pages 5 limit unlimited",
		 getpid());
	t1x_set_memlock(RLIM_INFINITY);
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", line));
	t1x_unmap_all(&self->c);
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", "calls unmap 1 failed 0"));
	EXPECT_EQ(0, t1x_seen_number(self->id, "stats", "mappings"));
}

TEST_F(debugfs, stats_tell_how_long_calls_took)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(1)), *text;
	int i;

	for (i = 0; i < 10; i++)
		t1x_map(&self->c, mem, T1X_BASE + PAGES(i), PAGES(1));
	t1x_unmap_all(&self->c);
	text = t1x_seen_read(self->id, "stats");
	EXPECT_EQ(10, histogram(text, "map_ns"));
	EXPECT_EQ(1, histogram(text, "unmap_ns"));
	free(text);
}

TEST_F(debugfs, stats_tell_the_dirty_log)
{
	if (variant->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "v1 has no log");
	t1x_dirty_start(&self->c);
	EXPECT_TRUE(t1x_seen_line(self->id, "stats", "dirty_log on"));
}

/* ---- The files ---- */

static int read_as_nobody(void *arg)
{
	u64 *id = arg;

	t1x_require(!setuid(65534), "setuid");
	return t1x_seen_open(*id, "info", O_RDONLY) == -EACCES ? 0 : 1;
}

TEST_F(debugfs, files_are_roots_and_cannot_be_written)
{
	static const char *const files[] = { "info", "maps", "stats",
					     "errors" };
	char path[128];
	struct stat st;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%lu/%s", T1X_SEEN_DIR,
			 self->id, files[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(S_IFREG | 0400, st.st_mode);
		EXPECT_EQ(0, st.st_uid);
	}
	EXPECT_EQ(0, t1x_in_child(read_as_nobody, &self->id));
}

TEST_F(debugfs, open_file_outlives_its_container)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(1)), text[4096];
	long refs = t1x_refcnt(T1X_MODULE_OURS);
	int fd;

	t1x_map(&self->c, mem, T1X_BASE, PAGES(1));
	fd = t1x_seen_open(self->id, "maps", O_RDONLY);
	ASSERT_LE(0, fd);
	t1x_close(&self->c);
	EXPECT_EQ(-ENOENT, t1x_seen_open(self->id, "maps", O_RDONLY));
	EXPECT_NE(0, t1x_rmmod(T1X_MODULE_OURS));
	/* All that it had is gone; that is what it says */
	EXPECT_LT(0, read(fd, text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, "0x40000000"));
	close(fd);
	EXPECT_GT(refs, t1x_refcnt(T1X_MODULE_OURS));
	t1x_open(&self->c, variant->type, self->bdf);
	EXPECT_LT(self->id, t1x_seen_id());
}

TEST_F(debugfs, container_has_a_number_of_its_own)
{
	struct t1x other;
	u64 id;

	t1x_open(&other, variant->type, t1x_nvme(1));
	id = t1x_seen_id();
	EXPECT_LT(self->id, id);
	t1x_close(&other);
	EXPECT_EQ(self->id, t1x_seen_id());
	EXPECT_EQ(-ENOENT, t1x_seen_open(id, "info", O_RDONLY));
}

TEST_HARNESS_MAIN
