// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of memory that may or may not be mapped. What is mapped is proved
 * by a device: the first and the last page are written by DMA; where the kernel
 * shows the IOMMU's table, every page of it is compared.
 */
#include "device_edu.h"
#include "device_nvme.h"
#include "iotable.h"
#include "suite.h"
#include "uffd.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define QUEUES_IOVA 0x10000000UL
#define SOURCE_IOVA 0x20000000UL
#define POISON 0x5c

FIXTURE(memory_kinds)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_nvme nvme;
	const char *bdf;
	char *source; /* two pages; the second has the identity */
	long locked; /* with nothing but the test's own pages */
};

T1X_BOTH_TYPES(memory_kinds);

FIXTURE_SETUP(memory_kinds)
{
	self->bdf = t1x_nvme(0);
	if (!self->bdf)
		SKIP(return, "needs an nvme device");
	self->source = t1x_mem_alloc(T1X_MEM_4K, PAGES(2));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
	t1x_nvme_open(&self->nvme, &self->c, self->bdf, QUEUES_IOVA);
	t1x_map(&self->c, self->source, SOURCE_IOVA, PAGES(2));
	ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, SOURCE_IOVA + T1X_PAGE));
	self->locked = t1x_locked();
}

FIXTURE_TEARDOWN(memory_kinds)
{
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* The device writes its identity to the page at iova: it must be at vaddr */
static void prove_write(struct _test_data_memory_kinds *self, char *vaddr,
			u64 iova)
{
	int ret;

	memset(vaddr, POISON, T1X_PAGE);
	ret = t1x_nvme_identify(&self->nvme, iova);
	t1x_require(!ret, "nvme: status %d on iova 0x%lx", ret, iova);
	t1x_require(!memcmp(vaddr, self->source + T1X_PAGE, T1X_PAGE),
		    "iova 0x%lx is not where the device's write went", iova);
}

/* The device reads the page at iova: it must see what is at vaddr */
static void prove_read(struct _test_data_memory_kinds *self, const char *vaddr,
		       u64 iova)
{
	int ret;

	memset(self->source, POISON, T1X_PAGE);
	ret = t1x_nvme_write(&self->nvme, 0, iova);
	t1x_require(!ret, "nvme: status %d on iova 0x%lx", ret, iova);
	ret = t1x_nvme_read(&self->nvme, 0, SOURCE_IOVA);
	t1x_require(!ret, "nvme: status %d on reading back", ret);
	t1x_require(!memcmp(vaddr, self->source, T1X_PAGE),
		    "the device did not read what is at iova 0x%lx", iova);
}

static void compare_table(struct _test_data_memory_kinds *self,
			  const char *vaddr, u64 iova, u64 size, bool read,
			  bool write)
{
	int bad;

	if (!t1x_iotable_available(self->bdf))
		return;
	bad = t1x_iotable_compare(self->bdf, vaddr, iova, size, read, write);
	t1x_require(!bad, "%d pages are not translated as they should be", bad);
}

static void prove_mapping(struct _test_data_memory_kinds *self, char *mem,
			  u64 size)
{
	t1x_map(&self->c, mem, T1X_BASE, size);
	compare_table(self, mem, T1X_BASE, size, true, true);
	prove_write(self, mem, T1X_BASE);
	prove_write(self, mem + size - T1X_PAGE, T1X_BASE + size - T1X_PAGE);
	memset(mem + size - T1X_PAGE, 0x37, T1X_PAGE);
	prove_read(self, mem + size - T1X_PAGE, T1X_BASE + size - T1X_PAGE);
	t1x_unmap(&self->c, T1X_BASE, size);
}

/* True if this kind of memory can be had */
static bool prove_kind(struct _test_data_memory_kinds *self, enum t1x_mem kind,
		       u64 size)
{
	char *mem = t1x_mem_alloc(kind, size);

	if (!mem)
		return false;
	prove_mapping(self, mem, size);
	t1x_mem_free(kind, mem, size);
	return true;
}

/* Not all of 10 pages can be pinned: the whole call fails and leaves nothing */
static void expect_fault(struct _test_data_memory_kinds *self, char *mem,
			 u32 flags)
{
	u32 avail = t1x_dma_avail(&self->c);
	long pins = t1x_pins(), locked = t1x_locked();
	u64 size = 1;
	int ret;

	ret = __t1x_map_flags(&self->c, mem, T1X_BASE, PAGES(10), flags);
	t1x_require(ret == -EFAULT, "MAP returned %d (%s), expected EFAULT",
		    ret, strerror(-ret));
	t1x_require(t1x_pins() == pins, "%ld pins are left", t1x_pins() - pins);
	t1x_require(t1x_locked() == locked, "VmLck is %ld, was %ld",
		    t1x_locked(), locked);
	t1x_require(t1x_dma_avail(&self->c) == avail, "an entry is left");
	ret = __t1x_unmap(&self->c, T1X_BASE, PAGES(10), &size);
	t1x_require(!ret && !size, "UNMAP found 0x%lx bytes", size);
	if (t1x_iotable_available(self->bdf))
		t1x_require(!t1x_iotable_count(self->bdf, T1X_BASE, PAGES(10)),
			    "entries are left in the IOMMU's table");
}

TEST_F(memory_kinds, anonymous_4k_pages)
{
	ASSERT_TRUE(prove_kind(self, T1X_MEM_4K, PAGES(300)));
}

TEST_F(memory_kinds, transparent_huge_pages)
{
	if (!prove_kind(self, T1X_MEM_THP, 2 * T1X_2M))
		SKIP(return, "no transparent huge pages");
}

TEST_F(memory_kinds, hugetlb_2m)
{
	if (!prove_kind(self, T1X_MEM_2M, 3 * T1X_2M))
		SKIP(return, "no 2M pages: reserve 3");
}

TEST_F(memory_kinds, hugetlb_1g)
{
	char *mem = t1x_mem_alloc(T1X_MEM_1G, T1X_1G);

	if (!mem)
		SKIP(return, "no 1G page: boot with hugepagesz=1G hugepages=1");

	t1x_map(&self->c, mem, T1X_BASE, T1X_1G);
	EXPECT_EQ(self->locked + T1X_1G / T1X_PAGE, t1x_locked());
	prove_write(self, mem, T1X_BASE);
	prove_write(self, mem + T1X_1G - T1X_PAGE,
		    T1X_BASE + T1X_1G - T1X_PAGE);
	t1x_unmap(&self->c, T1X_BASE, T1X_1G);
	t1x_mem_free(T1X_MEM_1G, mem, T1X_1G);
}

TEST_F(memory_kinds, memfd)
{
	ASSERT_TRUE(prove_kind(self, T1X_MEM_SHMEM, PAGES(40)));
}

TEST_F(memory_kinds, memfd_of_huge_pages)
{
	if (!prove_kind(self, T1X_MEM_MEMFD_2M, 2 * T1X_2M))
		SKIP(return, "no 2M pages: reserve 2");
}

TEST_F(memory_kinds, shared_file_on_tmpfs)
{
	ASSERT_TRUE(prove_kind(self, T1X_MEM_FILE, PAGES(40)));
}

#define RAMFS "/tmp/t1x-ramfs"

/* A file that is gone with its last user, and so is the file system */
static char *alloc_on_ramfs(u64 size, int flags)
{
	char *mem;
	int fd;

	t1x_require(!mkdir(RAMFS, 0700) || errno == EEXIST, "mkdir: %s",
		    strerror(errno));
	t1x_require(!mount("t1x", RAMFS, "ramfs", 0, NULL), "ramfs: %s",
		    strerror(errno));
	fd = open(RAMFS "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	t1x_require(fd >= 0 && !ftruncate(fd, size), RAMFS "/file: %s",
		    strerror(errno));
	umount2(RAMFS, MNT_DETACH);
	rmdir(RAMFS);

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	t1x_require(mem != MAP_FAILED, "mmap: %s", strerror(errno));
	close(fd);
	memset(mem, 1, size);
	return mem;
}

/*
 * Unlike tmpfs, ramfs wants to know of each write to its pages: since 6.5 the kernel
 * does not let a device have them for writing, which it could do unseen.
 */
TEST_F(memory_kinds, shared_file_on_ramfs)
{
	u64 size = PAGES(40);
	char *mem = alloc_on_ramfs(size, MAP_SHARED);

	if (t1x_kernel_at_least(6, 5)) {
		expect_fault(self, mem, T1X_RW);
		expect_fault(self, mem, VFIO_DMA_MAP_FLAG_WRITE);
	} else {
		prove_mapping(self, mem, size);
	}

	memset(mem, 0x48, size);
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, size,
				     VFIO_DMA_MAP_FLAG_READ));
	compare_table(self, mem, T1X_BASE, size, true, false);
	prove_read(self, mem, T1X_BASE);
	prove_read(self, mem + size - T1X_PAGE, T1X_BASE + size - T1X_PAGE);
	t1x_unmap(&self->c, T1X_BASE, size);
	munmap(mem, size);
}

TEST_F(memory_kinds, private_file_on_ramfs)
{
	char *mem = alloc_on_ramfs(PAGES(40), MAP_PRIVATE);

	prove_mapping(self, mem, PAGES(40));
	munmap(mem, PAGES(40));
}

TEST_F(memory_kinds, part_of_a_huge_page)
{
	char *mem = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);

	if (!mem)
		SKIP(return, "no 2M page");

	prove_mapping(self, mem + PAGES(7), PAGES(30));
	t1x_mem_free(T1X_MEM_2M, mem, T1X_2M);
}

TEST_F(memory_kinds, different_kinds_in_one_map)
{
	char *area = t1x_mem_alloc(T1X_MEM_THP, 2 * T1X_2M);
	void *huge;

	if (!area)
		SKIP(return, "no transparent huge pages");

	huge = mmap(area + T1X_2M, T1X_2M, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB |
			    21 << 26,
		    -1, 0);
	if (huge == MAP_FAILED)
		SKIP(return, "no 2M page");

	memset(area, 1, 2 * T1X_2M);
	prove_mapping(self, area, 2 * T1X_2M);
	munmap(area, 2 * T1X_2M);
}

TEST_F(memory_kinds, untouched_memory_is_faulted_in)
{
	char *mem = mmap(NULL, PAGES(20), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	prove_mapping(self, mem, PAGES(20));
	munmap(mem, PAGES(20));
}

TEST_F(memory_kinds, read_only_map_of_untouched_memory_pins_and_unpins)
{
	char *mem = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	/* The zero page once lost a reference at each turn */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, T1X_PAGE,
					     VFIO_DMA_MAP_FLAG_READ));
		t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
	}
	munmap(mem, T1X_PAGE);
}

/* The zero page, a page shared with a child, and a page of a file: a write leaves them */
TEST_F(memory_kinds, L19_device_reads_what_is_written_after_a_read_only_map)
{
	int fd = syscall(SYS_memfd_create, "t1x", MFD_CLOEXEC), i;
	char *mem;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, T1X_PAGE));
	for (i = 0; i < 3; i++) {
		pid_t child = 0;

		mem = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | (i == 2 ? 0 : MAP_ANONYMOUS),
			   i == 2 ? fd : -1, 0);
		ASSERT_NE(MAP_FAILED, mem);
		if (i == 1) {
			memset(mem, 0x11, T1X_PAGE);
			child = fork();
			if (!child) {
				pause();
				_exit(0);
			}
		}
		EXPECT_EQ(0, mem[5] & ~0x11);
		ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, T1X_PAGE,
					     VFIO_DMA_MAP_FLAG_READ));
		memset(mem, 0x66, T1X_PAGE);
		prove_read(self, mem, T1X_BASE);
		t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
		munmap(mem, T1X_PAGE);
		if (child) {
			kill(child, SIGKILL);
			waitpid(child, NULL, 0);
		}
	}
	close(fd);
}

TEST_F(memory_kinds, read_only_map_of_read_only_memory_is_read_by_the_device)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(4));

	memset(mem, 0x77, PAGES(4));
	mprotect(mem, PAGES(4), PROT_READ);
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, PAGES(4),
				     VFIO_DMA_MAP_FLAG_READ));
	compare_table(self, mem, T1X_BASE, PAGES(4), true, false);
	prove_read(self, mem, T1X_BASE);
	t1x_unmap(&self->c, T1X_BASE, PAGES(4));
	munmap(mem, PAGES(4));
}

TEST_F(memory_kinds, device_cannot_write_a_read_only_map)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);

	self->leak.allow_faults = true;
	memset(mem, 0x33, T1X_PAGE);
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, T1X_PAGE,
				     VFIO_DMA_MAP_FLAG_READ));
	/* Whatever it reports: the bytes decide */
	t1x_nvme_identify(&self->nvme, T1X_BASE);
	EXPECT_EQ(0x33, mem[0]);
	EXPECT_EQ(0x33, mem[T1X_PAGE - 1]);
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
	munmap(mem, T1X_PAGE);
}

TEST_F(memory_kinds, write_only_map_is_written_by_the_device)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(3));

	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, PAGES(3),
				     VFIO_DMA_MAP_FLAG_WRITE));
	/* VT-d up to 6.12 makes it readable too, so the table is not compared */
	prove_write(self, mem + PAGES(2), T1X_BASE + PAGES(2));
	t1x_unmap(&self->c, T1X_BASE, PAGES(3));
	munmap(mem, PAGES(3));
}

TEST_F(memory_kinds, hole_in_the_middle_is_a_fault)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(10));

	munmap(mem + PAGES(5), T1X_PAGE);
	expect_fault(self, mem, T1X_RW);
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, prot_none_in_the_middle_is_a_fault)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(10));

	mprotect(mem + PAGES(5), T1X_PAGE, PROT_NONE);
	expect_fault(self, mem, T1X_RW);
	expect_fault(self, mem, VFIO_DMA_MAP_FLAG_READ);
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, writable_map_of_read_only_memory_is_a_fault)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(10));

	mprotect(mem + PAGES(5), T1X_PAGE, PROT_READ);
	expect_fault(self, mem, T1X_RW);
	expect_fault(self, mem, VFIO_DMA_MAP_FLAG_WRITE);
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, kernel_and_wild_addresses_are_a_fault)
{
	static const u64 wild[] = {
		0,
		0x7ffffffff000,
		0x800000000000,
		0xffff888000000000,
		0xffffffff81000000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wild); i++)
		EXPECT_EQ(-EFAULT, __t1x_map(&self->c, (void *)wild[i],
					     T1X_BASE, T1X_PAGE));
}

TEST_F(memory_kinds, file_truncated_under_the_mapping_is_a_fault)
{
	char *mem = mmap(NULL, PAGES(10), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[] = "/tmp/t1x-short-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	ASSERT_EQ(0, ftruncate(fd, PAGES(5)));
	ASSERT_NE(MAP_FAILED, mmap(mem, PAGES(10), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, fd, 0));
	expect_fault(self, mem, T1X_RW);
	close(fd);
	munmap(mem, PAGES(10));
}

/* A page that is missing, in memory that userfaultfd watches */
static bool withheld_page_is_a_fault(struct _test_data_memory_kinds *self,
				     char *hole, u64 size, int advice)
{
	struct t1x_uffd uffd;

	if (!t1x_uffd_begin(&uffd, hole, size, UFFDIO_REGISTER_MODE_MISSING))
		return false;
	t1x_require(!madvise(hole, size, advice), "madvise: %s",
		    strerror(errno));
	expect_fault(self, hole - PAGES(5), T1X_RW);
	expect_fault(self, hole - PAGES(5), VFIO_DMA_MAP_FLAG_READ);
	t1x_require(!t1x_uffd_end(&uffd), "MAP waited for the page");
	return true;
}

TEST_F(memory_kinds, page_withheld_by_userfaultfd_is_a_fault_without_a_wait)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(10));

	if (!withheld_page_is_a_fault(self, mem + PAGES(5), T1X_PAGE,
				      MADV_DONTNEED))
		SKIP(return, "no userfaultfd");
	prove_mapping(self, mem, PAGES(10));
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, memfd_page_withheld_by_userfaultfd_is_a_fault_too)
{
	char *mem = t1x_mem_alloc(T1X_MEM_SHMEM, PAGES(10));

	if (!withheld_page_is_a_fault(self, mem + PAGES(5), T1X_PAGE,
				      MADV_REMOVE))
		SKIP(return, "no userfaultfd");
	prove_mapping(self, mem, PAGES(10));
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, huge_page_withheld_by_userfaultfd_is_a_fault_too)
{
	char *mem = t1x_mem_alloc(T1X_MEM_2M, 2 * T1X_2M);

	if (!mem)
		SKIP(return, "no 2M pages: reserve 2");
	if (!withheld_page_is_a_fault(self, mem + T1X_2M, T1X_2M,
				      MADV_DONTNEED))
		SKIP(return, "no userfaultfd");
	prove_mapping(self, mem, 2 * T1X_2M);
	t1x_mem_free(T1X_MEM_2M, mem, 2 * T1X_2M);
}

TEST_F(memory_kinds, page_write_protected_by_userfaultfd_is_a_fault_to_write)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(10));
	struct t1x_uffd uffd;

	if (!t1x_uffd_begin(&uffd, mem, PAGES(10), UFFDIO_REGISTER_MODE_WP))
		SKIP(return, "no userfaultfd that protects from writes");
	t1x_uffd_protect(&uffd, mem + PAGES(5), T1X_PAGE);
	expect_fault(self, mem, T1X_RW);
	expect_fault(self, mem, VFIO_DMA_MAP_FLAG_WRITE);

	/* To read it is no fault */
	ASSERT_EQ(0, __t1x_map_flags(&self->c, mem, T1X_BASE, PAGES(10),
				     VFIO_DMA_MAP_FLAG_READ));
	t1x_unmap(&self->c, T1X_BASE, PAGES(10));
	EXPECT_FALSE(t1x_uffd_end(&uffd));
	prove_mapping(self, mem, PAGES(10));
	munmap(mem, PAGES(10));
}

TEST_F(memory_kinds, memory_freed_after_the_map_stays_with_the_device)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(4));
	long pins = t1x_pins();

	memset(mem, 0x66, PAGES(4));
	t1x_map(&self->c, mem, T1X_BASE, PAGES(4));
	munmap(mem, PAGES(4));
	EXPECT_EQ(pins + 4, t1x_pins());

	ASSERT_EQ(0, t1x_nvme_write(&self->nvme, 0, T1X_BASE));
	ASSERT_EQ(0, t1x_nvme_read(&self->nvme, 0, SOURCE_IOVA));
	EXPECT_EQ(0x66, self->source[0]);
	t1x_unmap(&self->c, T1X_BASE, PAGES(4));
	EXPECT_EQ(pins, t1x_pins());
}

TEST_F(memory_kinds, mapped_memory_survives_fork)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(2));
	pid_t pid;

	t1x_map(&self->c, mem, T1X_BASE, PAGES(2));
	pid = t1x_fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	/* The write after fork must not move the parent off the pinned page */
	prove_write(self, mem, T1X_BASE);
	kill(pid, SIGKILL);
	ASSERT_EQ(0, t1x_wait(pid, 30000, NULL));
	t1x_unmap(&self->c, T1X_BASE, PAGES(2));
}

/* The other edu device's registers, reached by DMA: peer to peer */
FIXTURE(bar)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_edu edu, peer;
	const char *bdf;
	u64 phys; /* of the peer's BAR */
	char *source;
};

T1X_BOTH_TYPES(bar);

#define BAR_PAGES 16

FIXTURE_SETUP(bar)
{
	self->bdf = t1x_edu(0);
	if (!self->bdf || !t1x_edu(1))
		SKIP(return, "needs two edu devices");
	self->source = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, variant->type, self->bdf);
	t1x_add_group(&self->c, t1x_edu(1));
	t1x_edu_open(&self->edu, &self->c, self->bdf);
	t1x_edu_open(&self->peer, &self->c, t1x_edu(1));
	self->phys = t1x_device_bar_phys(&self->peer.dev, 0);
	t1x_map(&self->c, self->source, SOURCE_IOVA, T1X_PAGE);
}

FIXTURE_TEARDOWN(bar)
{
	t1x_edu_close(&self->edu);
	t1x_edu_close(&self->peer);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* Pages at iova that the IOMMU does not translate to the peer's BAR */
static int compare_bar(struct _test_data_bar *self, u64 iova)
{
	return t1x_iotable_compare_phys(self->bdf, self->phys, iova,
					PAGES(BAR_PAGES), true, true);
}

/* What the first device reads at iova */
static u32 peer_id(struct _test_data_bar *self, u64 iova)
{
	memset(self->source, 0, 8);
	t1x_edu_copy(&self->edu, iova, SOURCE_IOVA, 4);
	return *(u32 *)self->source;
}

TEST_F(bar, peer_reads_the_registers_of_a_mapped_bar)
{
	long locked = t1x_locked(), pins = t1x_pins();
	void *regs = self->peer.regs;

	t1x_map(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE));
	EXPECT_EQ(locked, t1x_locked());
	EXPECT_EQ(pins, t1x_pins());
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));
}

TEST_F(bar, untouched_bar_is_faulted_in)
{
	void *regs = t1x_device_bar_map(&self->peer.dev, 0, PAGES(BAR_PAGES),
					PROT_READ | PROT_WRITE);

	t1x_map(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE));
	if (t1x_iotable_available(self->bdf))
		EXPECT_EQ(0, compare_bar(self, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));
	munmap(regs, PAGES(BAR_PAGES));
}

TEST_F(bar, writable_map_of_a_read_only_bar_is_a_fault)
{
	void *regs = t1x_device_bar_map(&self->peer.dev, 0, PAGES(BAR_PAGES),
					PROT_READ);

	EXPECT_EQ(-EFAULT,
		  __t1x_map(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES)));
	ASSERT_EQ(0, __t1x_map_flags(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES),
				     VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));
	munmap(regs, PAGES(BAR_PAGES));
}

TEST_F(bar, bar_maps_twice)
{
	void *regs = self->peer.regs;

	t1x_map(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES));
	t1x_map(&self->c, regs, T1X_BASE + PAGES(BAR_PAGES), PAGES(BAR_PAGES));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE + PAGES(BAR_PAGES)));
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE + PAGES(BAR_PAGES)));
	t1x_unmap(&self->c, T1X_BASE + PAGES(BAR_PAGES), PAGES(BAR_PAGES));
}

/* L18: nobody tells of a BAR that goes; what stays is told to go by UNMAP alone */
TEST_F(bar, L18_bar_stays_mapped_until_it_is_unmapped)
{
	void *regs = t1x_device_bar_map(&self->peer.dev, 0, PAGES(BAR_PAGES),
					PROT_READ | PROT_WRITE);

	t1x_map(&self->c, regs, T1X_BASE, PAGES(BAR_PAGES));
	munmap(regs, PAGES(BAR_PAGES));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE));
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));

	/* Nothing of it is left in the way of something else */
	t1x_map(&self->c, self->source, T1X_BASE, T1X_PAGE);
	EXPECT_EQ(*(u32 *)(self->source + 64), peer_id(self, T1X_BASE + 64));
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_F(bar, ram_bar_ram_in_one_map_each_goes_to_its_place)
{
	char *area = t1x_mem_alloc(T1X_MEM_4K, PAGES(3 * BAR_PAGES));
	long locked = t1x_locked();
	u64 third = T1X_BASE + PAGES(2 * BAR_PAGES);

	memset(area, 0x29, PAGES(3 * BAR_PAGES));
	t1x_device_bar_map_at(&self->peer.dev, 0, PAGES(BAR_PAGES),
			      PROT_READ | PROT_WRITE, area + PAGES(BAR_PAGES));

	t1x_map(&self->c, area, T1X_BASE, PAGES(3 * BAR_PAGES));
	EXPECT_EQ(locked + 2 * BAR_PAGES, t1x_locked());
	EXPECT_EQ(0x29292929, peer_id(self, T1X_BASE + PAGES(BAR_PAGES) - 4));
	EXPECT_EQ(T1X_EDU_ID, peer_id(self, T1X_BASE + PAGES(BAR_PAGES)));
	EXPECT_EQ(0x29292929, peer_id(self, third));
	if (t1x_iotable_available(self->bdf)) {
		EXPECT_EQ(0, t1x_iotable_compare(self->bdf, area, T1X_BASE,
						 PAGES(BAR_PAGES), true, true));
		EXPECT_EQ(0, compare_bar(self, T1X_BASE + PAGES(BAR_PAGES)));
	}
	t1x_unmap(&self->c, T1X_BASE, PAGES(3 * BAR_PAGES));
	EXPECT_EQ(locked, t1x_locked());
	munmap(area, PAGES(3 * BAR_PAGES));
}

TEST_F(bar, bar_is_free_of_the_memlock_limit)
{
	t1x_drop_ipc_lock();
	t1x_set_memlock(0);
	t1x_map(&self->c, self->peer.regs, T1X_BASE, PAGES(BAR_PAGES));
	t1x_unmap(&self->c, T1X_BASE, PAGES(BAR_PAGES));
}

FIXTURE(no_hugepages)
{
	struct t1x c;
	struct t1x_leak leak;
};

FIXTURE_SETUP(no_hugepages)
{
	t1x_leak_begin(&self->leak);
	if (t1x_param_set("disable_hugepages", 1))
		SKIP(return, "no parameter disable_hugepages");
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
}

FIXTURE_TEARDOWN(no_hugepages)
{
	t1x_param_set("disable_hugepages", 0);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(no_hugepages, disable_hugepages_maps_page_by_page)
{
	const char *bdf = t1x_any_device();
	char *mem = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);

	if (!mem)
		SKIP(return, "no 2M page");

	t1x_map(&self->c, mem, T1X_BASE, T1X_2M);
	EXPECT_EQ(T1X_2M / T1X_PAGE, t1x_locked());
	if (t1x_iotable_available(bdf))
		EXPECT_EQ(T1X_2M / T1X_PAGE,
			  t1x_iotable_count(bdf, T1X_BASE, T1X_2M));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	munmap(mem, T1X_2M);
}

TEST_F(no_hugepages, huge_pages_return_with_the_parameter)
{
	const char *bdf = t1x_any_device();
	char *mem = t1x_mem_alloc(T1X_MEM_2M, T1X_2M);

	if (!mem)
		SKIP(return, "no 2M page");

	t1x_param_set("disable_hugepages", 0);
	t1x_map(&self->c, mem, T1X_BASE, T1X_2M);
	if (t1x_iotable_available(bdf))
		EXPECT_EQ(1, t1x_iotable_count(bdf, T1X_BASE, T1X_2M));
	t1x_unmap(&self->c, T1X_BASE, T1X_2M);
	munmap(mem, T1X_2M);
}

TEST_HARNESS_MAIN
