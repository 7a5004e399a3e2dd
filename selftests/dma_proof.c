// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device really reads and writes what was mapped, and after UNMAP it no
 * longer does: same device, same address, right after it had translated it, so
 * that a missing flush of the IOMMU's cache would show.
 */
#include "device_edu.h"
#include "device_nvme.h"
#include "suite.h"

#include <sys/mman.h>
#include <unistd.h>

#define QUEUES_IOVA 0x10000000UL
#define SOURCE_IOVA 0x20000000UL
#define SIZE T1X_2M
#define LEN 256
#define POISON 0x5c

FIXTURE(dma_proof)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_edu edu;
	struct t1x_nvme nvme;
	char *source, *mem;
};

T1X_BOTH_TYPES_OF_MEMORY(dma_proof);

FIXTURE_SETUP(dma_proof)
{
	self->mem = t1x_mem_alloc(variant->kind, SIZE);
	if (!self->mem)
		SKIP(return, "no %s memory", t1x_mem_name(variant->kind));
	self->source = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(dma_proof)
{
	t1x_edu_close(&self->edu);
	t1x_nvme_close(&self->nvme);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static bool open_edu(struct _test_data_dma_proof *self, int type)
{
	const char *bdf = t1x_edu(0);

	if (!bdf)
		return false;
	t1x_open(&self->c, type, bdf);
	t1x_edu_open(&self->edu, &self->c, bdf);
	t1x_map(&self->c, self->source, SOURCE_IOVA, T1X_PAGE);
	return true;
}

static bool open_nvme(struct _test_data_dma_proof *self, int type)
{
	const char *bdf = t1x_nvme(0);

	if (!bdf)
		return false;
	t1x_open(&self->c, type, bdf);
	t1x_nvme_open(&self->nvme, &self->c, bdf, QUEUES_IOVA);
	t1x_map(&self->c, self->source, SOURCE_IOVA, T1X_PAGE);
	return true;
}

static bool all_bytes(const char *mem, size_t len, unsigned char value)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)mem[i] != value)
			return false;
	return true;
}

static const u64 offsets[] = { PAGES(1), SIZE - T1X_PAGE };

TEST_F(dma_proof, edu_reads_and_writes_what_is_mapped)
{
	unsigned int i;

	if (!open_edu(self, variant->type))
		SKIP(return, "no edu device");

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(self->source, 0x10 + i, LEN);
		t1x_edu_copy(&self->edu, SOURCE_IOVA, T1X_BASE + offsets[i],
			     LEN);
		EXPECT_TRUE(all_bytes(self->mem + offsets[i], LEN, 0x10 + i));

		memset(self->source, 0, LEN);
		t1x_edu_copy(&self->edu, T1X_BASE + offsets[i], SOURCE_IOVA,
			     LEN);
		EXPECT_TRUE(all_bytes(self->source, LEN, 0x10 + i));
	}
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

TEST_F(dma_proof, edu_write_after_unmap_is_blocked)
{
	long pins = t1x_pins();

	if (!open_edu(self, variant->type))
		SKIP(return, "no edu device");

	self->leak.allow_faults = true;
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	memset(self->source, 0x21, LEN);
	t1x_edu_copy(&self->edu, SOURCE_IOVA, T1X_BASE, LEN);
	ASSERT_TRUE(all_bytes(self->mem, LEN, 0x21));

	t1x_unmap(&self->c, T1X_BASE, SIZE);
	EXPECT_EQ(pins + 1, t1x_pins());
	memset(self->mem, POISON, LEN);
	t1x_edu_store(&self->edu, T1X_BASE, LEN);
	EXPECT_TRUE(all_bytes(self->mem, LEN, POISON));
}

TEST_F(dma_proof, edu_read_after_unmap_sees_nothing)
{
	if (!open_edu(self, variant->type))
		SKIP(return, "no edu device");

	self->leak.allow_faults = true;
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	memset(self->mem, 0x42, LEN);
	t1x_edu_copy(&self->edu, T1X_BASE, SOURCE_IOVA, LEN);
	ASSERT_TRUE(all_bytes(self->source, LEN, 0x42));

	t1x_unmap(&self->c, T1X_BASE, SIZE);
	memset(self->mem, 0x43, LEN);
	memset(self->source, 0, LEN);
	t1x_edu_copy(&self->edu, T1X_BASE, SOURCE_IOVA, LEN);
	EXPECT_FALSE(all_bytes(self->source, LEN, 0x43));
}

TEST_F(dma_proof, nvme_writes_every_page_that_is_mapped)
{
	u64 at, step = PAGES(17);

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");

	ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, SOURCE_IOVA));
	ASSERT_FALSE(all_bytes(self->source, T1X_PAGE, 0));
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);

	for (at = 0; at < SIZE; at += step) {
		memset(self->mem + at, POISON, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, T1X_BASE + at));
		ASSERT_EQ(0, memcmp(self->mem + at, self->source, T1X_PAGE));
	}
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

TEST_F(dma_proof, nvme_disk_keeps_what_is_written_from_a_mapping)
{
	unsigned int i, at;

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");

	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	for (i = 0; i < 8; i++) {
		at = i * PAGES(31);
		memset(self->mem + at, 0x80 + i, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_write(&self->nvme, i, T1X_BASE + at));
	}
	memset(self->mem, 0, SIZE);
	for (i = 0; i < 8; i++) {
		at = (7 - i) * PAGES(19);
		ASSERT_EQ(0, t1x_nvme_read(&self->nvme, i, T1X_BASE + at));
		EXPECT_TRUE(all_bytes(self->mem + at, T1X_PAGE, 0x80 + i));
	}
	t1x_unmap(&self->c, T1X_BASE, SIZE);
}

TEST_F(dma_proof, nvme_write_after_unmap_is_blocked_every_time)
{
	int i;

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");

	self->leak.allow_faults = true;
	for (i = 0; i < 20; i++) {
		u64 at = offsets[i % ARRAY_SIZE(offsets)];

		t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
		memset(self->mem + at, 0, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, T1X_BASE + at));
		ASSERT_FALSE(all_bytes(self->mem + at, T1X_PAGE, 0));

		t1x_unmap(&self->c, T1X_BASE, SIZE);
		memset(self->mem + at, POISON, T1X_PAGE);
		t1x_nvme_identify(&self->nvme, T1X_BASE + at);
		ASSERT_TRUE(all_bytes(self->mem + at, T1X_PAGE, POISON));
	}
}

TEST_F(dma_proof, nvme_read_after_unmap_sees_nothing_any_time)
{
	int i;

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");

	self->leak.allow_faults = true;
	for (i = 0; i < 6; i++) {
		u64 at = offsets[i % ARRAY_SIZE(offsets)];

		t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
		memset(self->mem + at, 0x42, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_write(&self->nvme, i, T1X_BASE + at));
		ASSERT_EQ(0, t1x_nvme_read(&self->nvme, i, SOURCE_IOVA));
		ASSERT_TRUE(all_bytes(self->source, T1X_PAGE, 0x42));

		/* Whatever comes to the disk now, it is not from there */
		t1x_unmap(&self->c, T1X_BASE, SIZE);
		memset(self->mem + at, 0x43, T1X_PAGE);
		t1x_nvme_write(&self->nvme, i, T1X_BASE + at);
		ASSERT_EQ(0, t1x_nvme_read(&self->nvme, i, SOURCE_IOVA));
		ASSERT_EQ(NULL, memchr(self->source, 0x43, T1X_PAGE));
	}
}

TEST_F(dma_proof, reused_address_leads_to_the_new_memory)
{
	char *other = t1x_mem_alloc(variant->kind, SIZE);
	int i;

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");
	if (!other)
		SKIP(return, "no %s memory", t1x_mem_name(variant->kind));

	for (i = 0; i < 20; i++) {
		char *now = i % 2 ? other : self->mem;
		char *before = i % 2 ? self->mem : other;

		t1x_map(&self->c, now, T1X_BASE, SIZE);
		memset(now, POISON, T1X_PAGE);
		memset(before, POISON, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, T1X_BASE));
		ASSERT_FALSE(all_bytes(now, T1X_PAGE, POISON));
		ASSERT_TRUE(all_bytes(before, T1X_PAGE, POISON));
		t1x_unmap(&self->c, T1X_BASE, SIZE);
	}
	munmap(other, SIZE);
}

TEST_F(dma_proof, unmap_of_many_mappings_blocks_all_of_them)
{
	u64 at, size = 0;
	int hits = 0;

	if (!open_nvme(self, variant->type))
		SKIP(return, "no nvme device");

	self->leak.allow_faults = true;
	for (at = 0; at < SIZE; at += PAGES(32))
		t1x_map(&self->c, self->mem + at, T1X_BASE + at, PAGES(32));
	for (at = 0; at < SIZE; at += PAGES(32)) {
		memset(self->mem + at, POISON, T1X_PAGE);
		ASSERT_EQ(0, t1x_nvme_identify(&self->nvme, T1X_BASE + at));
		ASSERT_FALSE(all_bytes(self->mem + at, T1X_PAGE, POISON));
	}

	ASSERT_EQ(0, __t1x_unmap(&self->c, T1X_BASE, SIZE, &size));
	EXPECT_EQ(SIZE, size);
	for (at = 0; at < SIZE; at += PAGES(32)) {
		memset(self->mem + at, POISON, T1X_PAGE);
		t1x_nvme_identify(&self->nvme, T1X_BASE + at);
		hits += !all_bytes(self->mem + at, T1X_PAGE, POISON);
	}
	EXPECT_EQ(0, hits);
}

TEST_F(dma_proof, dma_is_blocked_when_the_last_group_has_left)
{
	struct t1x again;

	if (!open_edu(self, variant->type))
		SKIP(return, "no edu device");

	self->leak.allow_faults = true;
	t1x_map(&self->c, self->mem, T1X_BASE, SIZE);
	memset(self->source, 0x21, LEN);
	t1x_edu_copy(&self->edu, SOURCE_IOVA, T1X_BASE, LEN);
	t1x_edu_close(&self->edu);
	t1x_close(&self->c);

	/* A fresh container of the same device knows nothing of the old one */
	memset(self->mem, POISON, LEN);
	t1x_open(&again, variant->type, t1x_edu(0));
	t1x_edu_open(&self->edu, &again, t1x_edu(0));
	t1x_edu_store(&self->edu, T1X_BASE, LEN);
	EXPECT_TRUE(all_bytes(self->mem, LEN, POISON));
	t1x_edu_close(&self->edu);
	t1x_close(&again);
}

/* How long the kernel may keep quiet after the faults of other tests */
#define REPORT_MS 12000
#define FIRST_VTD "/sys/class/iommu/dmar0"

TEST_F(dma_proof, blocked_dma_is_reported_in_the_kernel_log)
{
	u64 end = t1x_now_ms() + REPORT_MS;
	int kmsg = t1x_kmsg_open();
	bool seen = false;

	if (access(FIRST_VTD, F_OK))
		SKIP(return, "only VT-d is known to report faults in QEMU");
	if (!open_edu(self, variant->type))
		SKIP(return, "no edu device");

	/* The IOMMU driver limits the rate of these lines: try until one shows */
	self->leak.allow_faults = true;
	while (!seen && t1x_now_ms() < end) {
		t1x_edu_store(&self->edu, T1X_BASE, LEN);
		seen = t1x_saw_dma_fault(kmsg, 500);
	}
	EXPECT_TRUE(seen);
	close(kmsg);
}

TEST_HARNESS_MAIN
