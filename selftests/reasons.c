// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a call failed: each reason of Documentation/debugfs.rst, provoked and read; but
 * for "interrupts", which wants an IOMMU that does not isolate MSIs, "attached", since
 * vfio core refuses to attach a group twice before type1x is asked, and "other", of
 * which kunit/journal_kunit.c has an example. "memory" and "iommu" are provoked where
 * the kernel can make allocations fail.
 */
#include "device.h"
#include "device_emu.h"
#include "dirty.h"
#include "fault.h"
#include "fuse.h"
#include "ranges.h"
#include "second_domain.h"
#include "seen.h"
#include "suite.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SIZE PAGES(64)

FIXTURE(reasons)
{
	struct t1x c;
	struct t1x_leak leak;
	const char *bdf;
	char *mem;
	u64 id;
};

FIXTURE_SETUP(reasons)
{
	self->bdf = t1x_any_device();
	if (!t1x_is_type1x() || !self->bdf)
		SKIP(return, "needs type1x and a device");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->bdf);
	self->id = t1x_seen_id();
}

FIXTURE_TEARDOWN(reasons)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* The first and last byte of a call that has none */
#define NO_RANGE 1, 0

/* Is the last failure of a container told so? */
__attribute((format(printf, 6, 7))) static bool told(u64 id, const char *call,
						     int ret, u64 first,
						     u64 last, const char *fmt,
						     ...)
{
	char want[256], is[256];
	va_list args;
	int len;

	if (first == 1 && !last)
		len = snprintf(want, sizeof(want), "%s %d - ", call, ret);
	else
		len = snprintf(want, sizeof(want), "%s %d 0x%lx-0x%lx ", call,
			       ret, first, last);
	va_start(args, fmt);
	vsnprintf(want + len, sizeof(want) - len, fmt, args);
	va_end(args);
	t1x_seen_error(id, is, sizeof(is));
	if (!strcmp(want, is))
		return true;
	printf("# told: %s\n# want: %s\n", is, want);
	return false;
}

TEST_F(reasons, none_without_a_failure)
{
	char *text = t1x_seen_read(self->id, "errors");

	EXPECT_STREQ("", text);
	free(text);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1));
	t1x_unmap(&self->c, T1X_BASE, PAGES(1));
	text = t1x_seen_read(self->id, "errors");
	EXPECT_STREQ("", text);
	free(text);
}

TEST_F(reasons, line_says_when_and_who)
{
	char *text, comm[32] = "";
	unsigned long s, us;
	int pid = 0;

	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, 1, PAGES(1)));
	text = t1x_seen_read(self->id, "errors");
	ASSERT_EQ(
		4,
		sscanf(text,
		       "%lu.%6lu map -22 0x1-0x1000 alignment field=range pgsize=4096 by %d %31[^\n]",
		       &s, &us, &pid, comm))
	TH_LOG("%s", text);
	EXPECT_EQ(getpid(), pid);
	EXPECT_STREQ("reasons", comm);
	free(text);
}

TEST_F(reasons, last_64_are_kept_oldest_first)
{
	char *text, *line;
	int i, n = 0;

	for (i = 0; i < 70; i++)
		EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, PAGES(i) + 1,
					     PAGES(1)));
	text = t1x_seen_read(self->id, "errors");
	for (line = text; *line; line = strchr(line, '\n') + 1, n++) {
		u64 iova = strtoul(strstr(line, "map -22 ") + 8, NULL, 0);

		EXPECT_EQ(PAGES(6 + n) + 1, iova);
	}
	EXPECT_EQ(64, n);
	free(text);
}

TEST_F(reasons, are_kept_of_a_container_that_is_gone)
{
	char *text, want[64];

	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, 1, PAGES(1)));
	t1x_close(&self->c);
	text = t1x_seen_read(0, "errors");
	snprintf(want, sizeof(want), "\n%lu ", self->id);
	EXPECT_TRUE(strstr(text, want) ||
		    !strncmp(text, want + 1, strlen(want + 1)));
	free(text);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->bdf);
}

static int with_a_line_in_its_name(void *arg)
{
	struct _test_data_reasons *self = arg;
	char *text;
	int ret;

	prctl(PR_SET_NAME, "a\nforged 1");
	if (__t1x_map(&self->c, self->mem, 1, PAGES(1)) != -EINVAL)
		return 1;
	text = t1x_seen_read(self->id, "errors");
	ret = strstr(text, "a\\nforged 1\n") && !strstr(text, "\nforged") ? 0 :
									    2;
	free(text);
	return ret;
}

TEST_F(reasons, name_of_a_process_is_no_line)
{
	EXPECT_EQ(0, t1x_in_child(with_a_line_in_its_name, self));
}

TEST_F(reasons, of_map)
{
	char *ro = mmap(NULL, PAGES(2), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	char *hole = t1x_mem_alloc(T1X_MEM_4K, PAGES(4));
	struct vfio_iommu_type1_dma_map bad = { .argsz = 8 };
	const u64 base = T1X_BASE, last = T1X_BASE + PAGES(2) - 1;
	struct vfio_type1x_map_range range;

	ASSERT_NE(MAP_FAILED, (void *)ro);
	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, VFIO_IOMMU_MAP_DMA, &bad));
	EXPECT_TRUE(
		told(self->id, "map", -22, NO_RANGE, "argument field=argsz"));
	EXPECT_EQ(-EFAULT, __t1x_call(&self->c, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_TRUE(
		told(self->id, "map", -14, NO_RANGE, "argument field=struct"));
	EXPECT_EQ(-EINVAL,
		  __t1x_map_flags(&self->c, self->mem, base, PAGES(2), 1 << 5));
	EXPECT_TRUE(
		told(self->id, "map", -22, NO_RANGE, "argument field=flags"));
	EXPECT_EQ(-EINVAL,
		  __t1x_map_flags(&self->c, self->mem, base, PAGES(2), 0));
	EXPECT_TRUE(
		told(self->id, "map", -22, base, last, "argument field=flags"));
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, base, 0));
	EXPECT_TRUE(
		told(self->id, "map", -22, NO_RANGE, "argument field=range"));
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem + 1, base, PAGES(2)));
	EXPECT_TRUE(told(self->id, "map", -22, base, last,
			 "alignment field=vaddr pgsize=4096"));
	EXPECT_EQ(-t1x_wrap_errno(),
		  __t1x_map(&self->c, self->mem, -PAGES(1), PAGES(2)));
	EXPECT_TRUE(told(self->id, "map", -t1x_wrap_errno(), -PAGES(1), 0xfff,
			 "wrap"));

	t1x_map(&self->c, self->mem, base, PAGES(2));
	EXPECT_EQ(-EEXIST,
		  __t1x_map(&self->c, self->mem, base + PAGES(1), PAGES(1)));
	EXPECT_TRUE(told(self->id, "map", -17, base + PAGES(1), last,
			 "overlap first=0x%lx last=0x%lx pid=%d", base, last,
			 getpid()));
	/* The window of MSIs */
	EXPECT_EQ(-EINVAL,
		  __t1x_map(&self->c, self->mem, 0xfee00000, PAGES(2)));
	EXPECT_TRUE(told(self->id, "map", -22, 0xfee00000, 0xfee01fff,
			 "outside first=0xfee00000 last=0xfeefffff"));

	EXPECT_EQ(-EFAULT, __t1x_map(&self->c, ro, 0, PAGES(2)));
	EXPECT_TRUE(told(self->id, "map", -14, 0x0, 0x1fff,
			 "user_memory vaddr=0x%lx why=read_only", (u64)ro));
	munmap(hole + PAGES(2), PAGES(1));
	EXPECT_EQ(-EFAULT, __t1x_map(&self->c, hole, 0, PAGES(4)));
	EXPECT_TRUE(told(self->id, "map", -14, 0x0, 0x3fff,
			 "user_memory vaddr=0x%lx why=no_vma",
			 (u64)hole + PAGES(2)));
	mprotect(hole, PAGES(1), PROT_NONE);
	EXPECT_EQ(-EFAULT, __t1x_map_flags(&self->c, hole, 0, PAGES(2),
					   VFIO_DMA_MAP_FLAG_READ));
	EXPECT_TRUE(told(self->id, "map", -14, 0x0, 0x1fff,
			 "user_memory vaddr=0x%lx why=unreadable", (u64)hole));

	range = t1x_map_range_of(self->mem, 0, PAGES(2) - 1);
	range.flags |= VFIO_TYPE1X_MAP_FLAG_GRANULE;
	range.granule = 3 * T1X_PAGE;
	EXPECT_EQ(-EINVAL,
		  __t1x_call(&self->c, VFIO_IOMMU_TYPE1X_MAP_RANGE, &range));
	EXPECT_TRUE(told(self->id, "map", -22, 0x0, 0x1fff,
			 "argument field=granule"));
	range.granule = 4 * T1X_PAGE;
	EXPECT_EQ(-EINVAL,
		  __t1x_call(&self->c, VFIO_IOMMU_TYPE1X_MAP_RANGE, &range));
	EXPECT_TRUE(told(self->id, "map", -22, 0x0, 0x1fff,
			 "alignment field=range pgsize=16384"));
	EXPECT_EQ(-ENOENT, __t1x_map_flags(&self->c, self->mem, 0, PAGES(2),
					   VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_TRUE(
		told(self->id, "map", -2, 0x0, 0x1fff, "unmapped iova=0x0"));
	EXPECT_EQ(-EINVAL, __t1x_map_flags(&self->c, self->mem, base, PAGES(2),
					   VFIO_DMA_MAP_FLAG_VADDR));
	EXPECT_TRUE(told(self->id, "map", -22, base, last, "vaddr_invalid"));
	munmap(ro, PAGES(2));
}

TEST_F(reasons, of_a_file_that_has_become_shorter)
{
	int fd = memfd_create("t1x", MFD_CLOEXEC);
	char *mem;

	ASSERT_EQ(0, ftruncate(fd, PAGES(2)));
	mem = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	ASSERT_EQ(0, ftruncate(fd, PAGES(1)));
	EXPECT_EQ(-EFAULT, __t1x_map(&self->c, mem, 0, PAGES(2)));
	EXPECT_TRUE(told(self->id, "map", -14, 0x0, 0x1fff,
			 "user_memory vaddr=0x%lx why=fault",
			 (u64)mem + PAGES(1)));
	munmap(mem, PAGES(2));
	close(fd);
}

TEST_F(reasons, of_registers_that_do_not_answer)
{
	struct t1x_device dev;
	char *bar;

	t1x_device_open(&dev, &self->c, self->bdf);
	bar = t1x_device_bar_map(&dev, 0, PAGES(1), PROT_READ | PROT_WRITE);
	t1x_device_decode(&dev, false);
	EXPECT_EQ(-EFAULT, __t1x_map(&self->c, bar, 0, PAGES(1)));
	EXPECT_TRUE(told(self->id, "map", -14, 0x0, 0xfff,
			 "user_memory vaddr=0x%lx why=io", (u64)bar));
	t1x_device_decode(&dev, true);
	t1x_map(&self->c, bar, 0, PAGES(1));
	t1x_unmap(&self->c, 0, PAGES(1));
	munmap(bar, PAGES(1));
	t1x_device_close(&dev);
}

static int beyond_the_limit(void *arg)
{
	struct _test_data_reasons *self = arg;

	t1x_drop_ipc_lock();
	t1x_set_memlock(PAGES(3));
	if (__t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4)) != -ENOMEM)
		return 1;
	return told(self->id, "map", -12, T1X_BASE, T1X_BASE + PAGES(4) - 1,
		    "memlock need=%lu limit=%lu pid=%d", PAGES(4), PAGES(3),
		    getpid()) ?
		       0 :
		       2;
}

TEST_F(reasons, of_memlock)
{
	EXPECT_EQ(0, t1x_in_child(beyond_the_limit, self));
}

TEST_F(reasons, of_the_entry_limit)
{
	struct t1x c;
	u64 id;

	ASSERT_EQ(0, t1x_param_set("dma_entry_limit", 1));
	t1x_open(&c, VFIO_TYPE1v2_IOMMU, t1x_nvme(1));
	t1x_param_set("dma_entry_limit", 65535);
	id = t1x_seen_id();
	t1x_map_granule(&c, self->mem, T1X_BASE, PAGES(4), 0);
	EXPECT_EQ(-ENOSPC, __t1x_map(&c, self->mem, 0, PAGES(1)));
	EXPECT_TRUE(told(id, "map", -28, 0x0, 0xfff, "entry_limit limit=1"));
	EXPECT_EQ(-ENOSPC, __t1x_unmap_range(&c, T1X_BASE + PAGES(1),
					     T1X_BASE + PAGES(2) - 1, NULL));
	EXPECT_TRUE(told(id, "unmap", -28, T1X_BASE + PAGES(1),
			 T1X_BASE + PAGES(2) - 1, "entry_limit limit=1"));
	t1x_close(&c);
}

TEST_F(reasons, of_unmap)
{
	const u64 base = T1X_BASE, last = T1X_BASE + PAGES(4) - 1;
	struct vfio_iommu_type1_dma_unmap bad = { .argsz = 8 };
	u64 words[1];

	EXPECT_EQ(-EINVAL, __t1x_call(&self->c, VFIO_IOMMU_UNMAP_DMA, &bad));
	EXPECT_TRUE(
		told(self->id, "unmap", -22, NO_RANGE, "argument field=argsz"));
	t1x_map(&self->c, self->mem, base, PAGES(4));
	EXPECT_EQ(-EINVAL, __t1x_unmap(&self->c, base, PAGES(1), NULL));
	EXPECT_TRUE(told(self->id, "unmap", -22, base, base + PAGES(1) - 1,
			 "cut first=0x%lx last=0x%lx granule=0", base, last));
	EXPECT_EQ(-EINVAL, __t1x_unmap_range(&self->c, base + 1, last, NULL));
	EXPECT_TRUE(told(self->id, "unmap", -22, base + 1, last,
			 "alignment field=range pgsize=4096"));
	EXPECT_EQ(-EINVAL,
		  __t1x_unmap_range_dirty(&self->c, base, last, words, NULL));
	EXPECT_TRUE(told(self->id, "unmap", -22, base, last, "log_off"));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(-EFAULT,
		  __t1x_unmap_range_dirty(&self->c, base, last, NULL, NULL));
	EXPECT_TRUE(
		told(self->id, "unmap", -14, base, last, "bitmap vaddr=0x0"));
	t1x_map_granule(&self->c, self->mem, 0, PAGES(4), PAGES(2));
	EXPECT_EQ(-EINVAL, __t1x_unmap_range(&self->c, 0, PAGES(1) - 1, NULL));
	EXPECT_TRUE(told(self->id, "unmap", -22, 0x0, 0xfff,
			 "cut first=0x0 last=0x3fff granule=8192"));
}

TEST_F(reasons, of_reports)
{
	struct vfio_type1x_dirty_range range;
	struct t1x_dirty_get get;
	u64 words[2];

	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_range(&self->c, 0, PAGES(1) - 1, 0, words));
	EXPECT_TRUE(told(self->id, "dirty", -22, 0x0, 0xfff, "log_off"));
	t1x_dirty_start(&self->c);
	EXPECT_EQ(-EFAULT,
		  __t1x_dirty_range(&self->c, 0, PAGES(1) - 1, 0, NULL));
	EXPECT_TRUE(
		told(self->id, "dirty", -14, 0x0, 0xfff, "bitmap vaddr=0x0"));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(-EINVAL,
		  __t1x_dirty_get(&self->c, T1X_BASE, PAGES(2), words));
	EXPECT_TRUE(told(self->id, "dirty", -22, T1X_BASE,
			 T1X_BASE + PAGES(2) - 1,
			 "cut first=0x%lx last=0x%lx granule=0", T1X_BASE,
			 T1X_BASE + PAGES(4) - 1));
	EXPECT_EQ(-EINVAL, __t1x_dirty_get(&self->c, T1X_BASE - PAGES(2),
					   PAGES(4), words));
	EXPECT_TRUE(told(self->id, "dirty", -22, T1X_BASE - PAGES(2),
			 T1X_BASE + PAGES(2) - 1,
			 "cut first=0x%lx last=0x%lx granule=0", T1X_BASE,
			 T1X_BASE + PAGES(4) - 1));

	get = t1x_dirty_get_of(T1X_BASE, T1X_2M, words);
	get.range.bitmap.pgsize = T1X_2M;
	EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_TRUE(told(self->id, "dirty", -22, T1X_BASE,
			 T1X_BASE + T1X_2M - 1, "pgsize pgsize=2097152"));
	get.range.bitmap.pgsize = 0;
	EXPECT_EQ(-EINVAL, __t1x_dirty_get_raw(&self->c, &get));
	EXPECT_TRUE(told(self->id, "dirty", -22, T1X_BASE,
			 T1X_BASE + T1X_2M - 1, "argument field=bitmap"));
	range = t1x_dirty_range_of(0, PAGES(1) - 1, words);
	range.bitmap_pgsize = 2 * T1X_PAGE;
	EXPECT_EQ(-EINVAL,
		  __t1x_call(&self->c, VFIO_IOMMU_TYPE1X_DIRTY_RANGE, &range));
	EXPECT_TRUE(
		told(self->id, "dirty", -22, 0x0, 0xfff, "pgsize pgsize=8192"));
}

/* How often an allocation is made to fail in a MAP before it has no more of them */
#define QUIET 4

/* Is that what is told of a MAP of two pages? No line is printed if it is not. */
static bool says(const char *is, u64 iova, const char *reason)
{
	char want[128];

	snprintf(want, sizeof(want), "map -12 0x%lx-0x%lx %s", iova,
		 iova + PAGES(2) - 1, reason);
	return !strcmp(want, is);
}

TEST_F(reasons, of_a_kernel_that_has_no_memory)
{
	char is[256], of_iommu[64];
	int memory = 0, iommu = 0, quiet = 0, nth, ret;

	if (!t1x_fault_available())
		SKIP(return, "needs fault injection");
	for (nth = 1; quiet < QUIET; nth++) {
		/* Where the IOMMU has no page table yet */
		u64 iova = nth * T1X_1G;

		t1x_fault_begin(nth);
		ret = __t1x_map(&self->c, self->mem, iova, PAGES(2));
		quiet = t1x_fault_end() ? 0 : quiet + 1;
		if (!ret)
			continue;
		t1x_seen_error(self->id, is, sizeof(is));
		snprintf(of_iommu, sizeof(of_iommu), "iommu iova=0x%lx", iova);
		memory += says(is, iova, "memory");
		iommu += says(is, iova, of_iommu);
	}
	printf("# %d of %d for memory, %d for the IOMMU\n", memory, nth - 1,
	       iommu);
	EXPECT_NE(0, memory);
	EXPECT_NE(0, iommu);
}

TEST_F(reasons, of_an_iommu_driver_that_refuses_a_group)
{
	const char *other = t1x_nvme(1);

	/* It must see the first attach */
	t1x_close(&self->c);
	if (!other || !t1x_second_domain_load())
		SKIP(return, "needs two devices and t1x_second_domain");
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->bdf);
	self->id = t1x_seen_id();
	t1x_refuse_attaches(1000);
	EXPECT_EQ(-EINVAL, __t1x_add_group(&self->c, other));
	t1x_refuse_attaches(0);
	EXPECT_TRUE(told(self->id, "attach", -22, NO_RANGE, "group group=%d",
			 t1x_group_number(other)));
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_second_domain_unload());
}

TEST_F(reasons, of_the_old_type)
{
	const u64 last = T1X_BASE + PAGES(1) - 1;
	u64 words[1];

	t1x_close(&self->c);
	t1x_open(&self->c, VFIO_TYPE1_IOMMU, self->bdf);
	self->id = t1x_seen_id();
	EXPECT_EQ(-EACCES, __t1x_dirty(&self->c, T1X_DIRTY_START));
	EXPECT_TRUE(told(self->id, "dirty", -13, NO_RANGE, "v1"));
	EXPECT_EQ(-EACCES, __t1x_unmap_range_dirty(&self->c, T1X_BASE, last,
						   words, NULL));
	EXPECT_TRUE(told(self->id, "unmap", -13, T1X_BASE, last, "v1"));
}

TEST_F(reasons, of_page_sizes)
{
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, 0));
	EXPECT_TRUE(told(self->id, "pgsizes", -22, NO_RANGE,
			 "argument field=pgsizes"));
	EXPECT_EQ(-EINVAL, __t1x_pgsizes_set(&self->c, 2 * T1X_PAGE));
	EXPECT_TRUE(told(self->id, "pgsizes", -22, NO_RANGE,
			 "argument field=pgsizes"));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(-EBUSY, __t1x_pgsizes_set(&self->c, T1X_PAGE));
	EXPECT_TRUE(told(self->id, "pgsizes", -16, NO_RANGE, "mapped"));
}

FIXTURE(emu_reasons)
{
	struct t1x c;
	struct t1x_emu emu;
	struct t1x_leak leak;
	char *mem;
	u64 id;
};

FIXTURE_SETUP(emu_reasons)
{
	if (!t1x_is_type1x() || !t1x_emu_load(1, 0))
		SKIP(return, "needs type1x and the module t1x_emu");
	self->mem = t1x_mem_alloc(T1X_MEM_4K, SIZE);
	t1x_emu_begin(&self->emu, &self->c, &self->leak);
	self->id = t1x_seen_id();
}

FIXTURE_TEARDOWN(emu_reasons)
{
	EXPECT_EQ(0, t1x_emu_end(&self->emu, &self->c, &self->leak));
}

TEST_F(emu_reasons, of_pins)
{
	EXPECT_EQ(-EINVAL, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_TRUE(told(self->id, "pin", -22, T1X_BASE,
			 T1X_BASE + PAGES(1) - 1, "unmapped iova=0x%lx",
			 T1X_BASE));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, self->mem, T1X_BASE, PAGES(2),
				     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(-EPERM, __t1x_emu_pin(&self->emu, T1X_BASE + PAGES(1), 1));
	EXPECT_TRUE(told(self->id, "pin", -1, T1X_BASE + PAGES(1),
			 T1X_BASE + PAGES(2) - 1, "prot iova=0x%lx",
			 T1X_BASE + PAGES(1)));
	munmap(self->mem + PAGES(8), PAGES(1));
	t1x_map(&self->c, self->mem + PAGES(7), 0, PAGES(2));
	EXPECT_EQ(-EFAULT, __t1x_emu_pin(&self->emu, 0, 2));
	EXPECT_TRUE(told(self->id, "pin", -14, 0x0, 0x1fff,
			 "user_memory vaddr=0x%lx why=no_vma",
			 (u64)self->mem + PAGES(8)));
}

TEST_F(emu_reasons, of_a_driver_that_does_not_let_go)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	t1x_emu_pin(&self->emu, T1X_BASE + PAGES(1), 1);
	t1x_emu_config(&self->emu, T1X_EMU_REFUSE, 0, 0);
	EXPECT_EQ(-EBUSY, __t1x_unmap(&self->c, T1X_BASE, PAGES(4), NULL));
	EXPECT_TRUE(told(self->id, "unmap", -16, T1X_BASE,
			 T1X_BASE + PAGES(4) - 1, "held first=0x%lx last=0x%lx",
			 T1X_BASE, T1X_BASE + PAGES(4) - 1));
	t1x_emu_unpin(&self->emu, T1X_BASE + PAGES(1), 1);
}

TEST_F(emu_reasons, of_an_attach)
{
	const char *bdf = t1x_any_device();

	if (!bdf)
		SKIP(return, "needs a device");
	/* Nothing restricts a container without an IOMMU */
	t1x_map(&self->c, self->mem, 0xfee00000, PAGES(1));
	EXPECT_EQ(-EINVAL, __t1x_add_group(&self->c, bdf));
	EXPECT_TRUE(told(self->id, "attach", -22, 0xfee00000, 0xfee00fff,
			 "outside first=0xfee00000 last=0xfeefffff"));
	t1x_unmap(&self->c, 0xfee00000, PAGES(1));
	EXPECT_EQ(-EBUSY, __t1x_unmap_flags(&self->c, 0, 0,
					    VFIO_DMA_UNMAP_FLAG_ALL |
						    VFIO_DMA_UNMAP_FLAG_VADDR,
					    NULL));
	EXPECT_TRUE(told(self->id, "unmap", -16, NO_RANGE, "emulated"));
}

TEST_F(emu_reasons, of_a_mapper_that_is_gone)
{
	const char *bdf = t1x_any_device();
	int status = 1;
	pid_t pid;

	pid = t1x_fork();
	if (!pid) {
		t1x_map(&self->c, self->mem, T1X_BASE, PAGES(2));
		_exit(0);
	}
	ASSERT_EQ(0, t1x_wait(pid, 30000, &status));
	ASSERT_EQ(0, status);
	EXPECT_EQ(-ENODEV, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_TRUE(told(self->id, "pin", -19, T1X_BASE,
			 T1X_BASE + PAGES(1) - 1, "mapper_gone pid=%d", pid));
	EXPECT_EQ(-ESRCH, __t1x_add_group(&self->c, bdf));
	EXPECT_TRUE(told(self->id, "attach", -3, NO_RANGE, "mapper_gone pid=%d",
			 pid));
	t1x_unmap(&self->c, T1X_BASE, PAGES(2));
}

TEST_F(emu_reasons, of_a_pin_in_a_container_of_the_old_type)
{
	t1x_emu_close(&self->emu);
	t1x_close(&self->c);
	t1x_open(&self->c, VFIO_TYPE1_IOMMU, t1x_emu(0));
	t1x_emu_open(&self->emu, &self->c, t1x_emu(0));
	self->id = t1x_seen_id();
	EXPECT_EQ(-EACCES, __t1x_emu_pin(&self->emu, T1X_BASE, 1));
	EXPECT_TRUE(told(self->id, "pin", -13, T1X_BASE,
			 T1X_BASE + PAGES(1) - 1, "v1"));
}

/* A child whose MAP waits for a page that does not come */
FIXTURE(parked_reasons)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_fuse fuse;
	char *mem;
	u64 id;
	pid_t mapper;
};

FIXTURE_SETUP(parked_reasons)
{
	if (!t1x_is_type1x() || !t1x_fuse_start(&self->fuse, PAGES(1)))
		SKIP(return, "needs type1x and FUSE");
	self->mem = t1x_fuse_map(&self->fuse, NULL);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
	self->id = t1x_seen_id();
	self->mapper = t1x_fork();
	if (!self->mapper) {
		/* The group is the parent's alone, who lets it go */
		close(self->c.group[0].fd);
		_exit(-__t1x_map_flags(&self->c, self->mem, T1X_BASE, PAGES(1),
				       VFIO_DMA_MAP_FLAG_READ));
	}
	ASSERT_TRUE(t1x_fuse_wait_parked(&self->fuse, 20000));
}

FIXTURE_TEARDOWN(parked_reasons)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
	t1x_fuse_stop(&self->fuse);
}

TEST_F(parked_reasons, of_a_killed_process)
{
	kill(self->mapper, SIGKILL);
	ASSERT_EQ(0, t1x_wait(self->mapper, 30000, NULL));
	EXPECT_TRUE(told(self->id, "map", -4, T1X_BASE, T1X_BASE + PAGES(1) - 1,
			 "killed"));
}

/* The container is gone by then: only the file of all remembers it */
TEST_F(parked_reasons, of_a_container_without_a_group)
{
	char *text, *line, *end, want[128], begin[32];
	int status = 0;

	ASSERT_EQ(0, ioctl(self->c.group[0].fd, VFIO_GROUP_UNSET_CONTAINER));
	t1x_fuse_release(&self->fuse);
	ASSERT_EQ(0, t1x_wait(self->mapper, 30000, &status));
	EXPECT_EQ(EINVAL, WEXITSTATUS(status));

	text = t1x_seen_read(0, "errors");
	end = text + strlen(text);
	ASSERT_LT(text, end);
	end[-1] = 0;
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	snprintf(begin, sizeof(begin), "%lu ", self->id);
	snprintf(want, sizeof(want),
		 " map -22 0x%lx-0x%lx no_group by %d reasons", T1X_BASE,
		 T1X_BASE + PAGES(1) - 1, self->mapper);
	EXPECT_EQ(0, strncmp(line, begin, strlen(begin))) TH_LOG("%s", line);
	line = strchr(line + strlen(begin), ' ');
	ASSERT_NE(NULL, line);
	EXPECT_STREQ(want, line);
	free(text);
}

TEST_HARNESS_MAIN
