// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "device_nvme.h"

#define REG_CAP 0x00
#define REG_CC 0x14
#define REG_CSTS 0x1c
#define REG_AQA 0x24
#define REG_ASQ 0x28
#define REG_ACQ 0x30
#define REG_DOORBELL 0x1000

#define CC_ENABLE 1u
#define CC_SIZES (6u << 16 | 4u << 20) /* 64-byte SQE, 16-byte CQE */
#define CSTS_READY 1u

#define OP_ADMIN_CREATE_SQ 0x01
#define OP_ADMIN_CREATE_CQ 0x05
#define OP_ADMIN_IDENTIFY 0x06
#define OP_WRITE 0x01
#define OP_READ 0x02

#define ENTRIES 16u
#define SQE_WORDS 16
#define CQE_WORDS 4
#define TIMEOUT_MS 5000

static u32 read32(struct t1x_nvme *nvme, unsigned int reg)
{
	return t1x_read32(nvme->regs + reg);
}

static void write32(struct t1x_nvme *nvme, unsigned int reg, u32 value)
{
	t1x_write32(nvme->regs + reg, value);
}

static void write64(struct t1x_nvme *nvme, unsigned int reg, u64 value)
{
	write32(nvme, reg, value);
	write32(nvme, reg + 4, value >> 32);
}

static void wait_ready(struct t1x_nvme *nvme, u32 ready)
{
	u64 end = t1x_now_ms() + TIMEOUT_MS;

	while ((read32(nvme, REG_CSTS) & CSTS_READY) != ready) {
		t1x_require(t1x_now_ms() < end,
			    "nvme %s: CSTS.RDY is not %u after %d s",
			    nvme->dev.bdf, ready, TIMEOUT_MS / 1000);
		t1x_sleep_ms(1);
	}
}

static void init_queue(struct t1x_nvme *nvme, struct t1x_nvme_queue *queue,
		       int id)
{
	queue->id = id;
	queue->tail = 0;
	queue->head = 0;
	queue->phase = 1;
	queue->sq = (void *)(nvme->mem + (2 * id) * T1X_PAGE);
	queue->cq = (void *)(nvme->mem + (2 * id + 1) * T1X_PAGE);
}

static unsigned int doorbell(struct t1x_nvme *nvme,
			     struct t1x_nvme_queue *queue)
{
	return REG_DOORBELL + 2 * queue->id * nvme->stride;
}

/*
 * cmd: the words of a submission entry; word 0 has the opcode only. Returns the
 * command's id.
 */
static u16 post(struct t1x_nvme *nvme, struct t1x_nvme_queue *queue,
		const u32 *cmd)
{
	u32 *sqe = queue->sq + queue->tail * SQE_WORDS;
	u16 id = queue->next_id++;

	memcpy(sqe, cmd, SQE_WORDS * sizeof(*cmd));
	sqe[0] |= (u32)id << 16;
	queue->tail = (queue->tail + 1) % ENTRIES;
	write32(nvme, doorbell(nvme, queue), queue->tail);
	return id;
}

/* The next completion: its status and its command's id */
static int reap(struct t1x_nvme *nvme, struct t1x_nvme_queue *queue, u16 *id)
{
	u32 *cqe = queue->cq + queue->head * CQE_WORDS;
	u64 end = t1x_now_ms() + TIMEOUT_MS;
	u32 entry;

	while (((t1x_read32(&cqe[3]) >> 16) & 1) != queue->phase) {
		if (t1x_now_ms() >= end)
			return -ETIMEDOUT;
		t1x_sleep_ms(0);
	}
	entry = t1x_read32(&cqe[3]);
	queue->head = (queue->head + 1) % ENTRIES;
	if (!queue->head)
		queue->phase ^= 1;
	write32(nvme, doorbell(nvme, queue) + nvme->stride, queue->head);
	*id = entry;
	return (entry >> 17) & 0x7ff;
}

static int submit(struct t1x_nvme *nvme, struct t1x_nvme_queue *queue,
		  const u32 *cmd)
{
	u16 id = post(nvme, queue, cmd), ended;
	int ret;

	/* An earlier command may complete late: it is not ours */
	do {
		ret = reap(nvme, queue, &ended);
	} while (ret >= 0 && ended != id);
	return ret;
}

static void set_address(u32 *cmd, u64 iova)
{
	cmd[6] = iova;
	cmd[7] = iova >> 32;
}

static int identify(struct t1x_nvme *nvme, u32 nsid, u32 cns, u64 iova)
{
	u32 cmd[SQE_WORDS] = { OP_ADMIN_IDENTIFY, nsid };

	set_address(cmd, iova);
	cmd[10] = cns;
	return submit(nvme, &nvme->admin, cmd);
}

int t1x_nvme_identify(struct t1x_nvme *nvme, u64 iova)
{
	return identify(nvme, 0, 1, iova);
}

static void create_io_queue(struct t1x_nvme *nvme)
{
	u32 cq[SQE_WORDS] = { OP_ADMIN_CREATE_CQ };
	u32 sq[SQE_WORDS] = { OP_ADMIN_CREATE_SQ };
	int ret;

	set_address(cq, nvme->iova + 3 * T1X_PAGE);
	cq[10] = (ENTRIES - 1) << 16 | 1;
	cq[11] = 1; /* contiguous, no interrupt */
	ret = submit(nvme, &nvme->admin, cq);
	t1x_require(!ret, "nvme %s: creating a completion queue: status %d",
		    nvme->dev.bdf, ret);

	set_address(sq, nvme->iova + 2 * T1X_PAGE);
	sq[10] = (ENTRIES - 1) << 16 | 1;
	sq[11] = 1 << 16 | 1; /* its completion queue, contiguous */
	ret = submit(nvme, &nvme->admin, sq);
	t1x_require(!ret, "nvme %s: creating a submission queue: status %d",
		    nvme->dev.bdf, ret);
}

/* The block size is in the namespace's identity; read into the unused I/O SQ */
static void read_block_size(struct t1x_nvme *nvme)
{
	unsigned char *id = (void *)(nvme->mem + 2 * T1X_PAGE);
	int ret = identify(nvme, 1, 0, nvme->iova + 2 * T1X_PAGE);

	t1x_require(!ret, "nvme %s: Identify: status %d", nvme->dev.bdf, ret);
	nvme->block = 1u << id[128 + 4 * (id[26] & 0xf) + 2];
	memset(id, 0, T1X_PAGE);
}

void t1x_nvme_open(struct t1x_nvme *nvme, struct t1x *c, const char *bdf,
		   u64 iova)
{
	memset(nvme, 0, sizeof(*nvme));
	nvme->c = c;
	nvme->iova = iova;
	t1x_device_open(&nvme->dev, c, bdf);
	nvme->regs_len = 0x2000;
	nvme->regs = t1x_device_bar_map(&nvme->dev, 0, nvme->regs_len,
					PROT_READ | PROT_WRITE);
	nvme->stride = 4u << (read32(nvme, REG_CAP + 4) & 0xf);

	nvme->mem = mmap(NULL, T1X_NVME_PAGES * T1X_PAGE,
			 PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	t1x_require(nvme->mem != MAP_FAILED, "no memory for queues");
	t1x_map(c, nvme->mem, iova, T1X_NVME_PAGES * T1X_PAGE);

	write32(nvme, REG_CC, 0);
	wait_ready(nvme, 0);
	init_queue(nvme, &nvme->admin, 0);
	init_queue(nvme, &nvme->io, 1);
	write32(nvme, REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write64(nvme, REG_ASQ, iova);
	write64(nvme, REG_ACQ, iova + T1X_PAGE);
	write32(nvme, REG_CC, CC_ENABLE | CC_SIZES);
	wait_ready(nvme, CSTS_READY);

	read_block_size(nvme);
	create_io_queue(nvme);
}

void t1x_nvme_close(struct t1x_nvme *nvme)
{
	if (!nvme->regs)
		return;

	write32(nvme, REG_CC, 0);
	wait_ready(nvme, 0);
	munmap(nvme->regs, nvme->regs_len);
	nvme->regs = NULL;
	__t1x_unmap(nvme->c, nvme->iova, T1X_NVME_PAGES * T1X_PAGE, NULL);
	munmap(nvme->mem, T1X_NVME_PAGES * T1X_PAGE);
	t1x_device_close(&nvme->dev);
}

static void set_transfer(struct t1x_nvme *nvme, u32 *cmd, unsigned int slot,
			 u64 iova)
{
	u32 blocks = T1X_PAGE / nvme->block;

	cmd[1] = 1;
	set_address(cmd, iova);
	cmd[10] = slot * blocks;
	cmd[12] = blocks - 1;
}

int t1x_nvme_read(struct t1x_nvme *nvme, unsigned int slot, u64 iova)
{
	u32 cmd[SQE_WORDS] = { OP_READ };

	set_transfer(nvme, cmd, slot, iova);
	return submit(nvme, &nvme->io, cmd);
}

int t1x_nvme_write(struct t1x_nvme *nvme, unsigned int slot, u64 iova)
{
	u32 cmd[SQE_WORDS] = { OP_WRITE };

	set_transfer(nvme, cmd, slot, iova);
	return submit(nvme, &nvme->io, cmd);
}

void t1x_nvme_start_read(struct t1x_nvme *nvme, unsigned int slot, u64 iova)
{
	u32 cmd[SQE_WORDS] = { OP_READ };

	set_transfer(nvme, cmd, slot, iova);
	post(nvme, &nvme->io, cmd);
}

void t1x_nvme_start_write(struct t1x_nvme *nvme, unsigned int slot, u64 iova)
{
	u32 cmd[SQE_WORDS] = { OP_WRITE };

	set_transfer(nvme, cmd, slot, iova);
	post(nvme, &nvme->io, cmd);
}

int t1x_nvme_wait(struct t1x_nvme *nvme)
{
	u16 id;

	return reap(nvme, &nvme->io, &id);
}

/* Not a byte of any identity */
#define POISON 0x5c

bool t1x_nvme_reaches(struct t1x_nvme *nvme, char *vaddr, u64 iova)
{
	size_t i, left = 0;

	memset(vaddr, POISON, T1X_PAGE);
	t1x_nvme_identify(nvme, iova);
	for (i = 0; i < T1X_PAGE; i++)
		left += vaddr[i] == POISON;
	t1x_require(!left || left == T1X_PAGE,
		    "%zu bytes of a write to iova 0x%lx did not arrive", left,
		    iova);
	return !left;
}
