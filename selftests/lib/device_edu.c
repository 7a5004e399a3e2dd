// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>

#include "device_edu.h"

#define EDU_SRC 0x80
#define EDU_DST 0x88
#define EDU_COUNT 0x90
#define EDU_CMD 0x98
#define EDU_CMD_RUN 1
#define EDU_CMD_STORE 2
#define EDU_BUFFER 0x40000
#define EDU_BAR_LEN 0x100000

#define EDU_TIMEOUT_MS 10000

void t1x_edu_open(struct t1x_edu *edu, struct t1x *c, const char *bdf)
{
	t1x_device_open(&edu->dev, c, bdf);
	edu->regs = t1x_device_bar_map(&edu->dev, 0, EDU_BAR_LEN,
				       PROT_READ | PROT_WRITE);
}

void t1x_edu_close(struct t1x_edu *edu)
{
	if (edu->regs)
		munmap(edu->regs, EDU_BAR_LEN);
	edu->regs = NULL;
	t1x_device_close(&edu->dev);
}

static void write_reg(struct t1x_edu *edu, unsigned int reg, u64 value)
{
	t1x_write64(edu->regs + reg, value);
}

static void run(struct t1x_edu *edu, u64 src, u64 dst, size_t len, u64 cmd)
{
	u64 end = t1x_now_ms() + EDU_TIMEOUT_MS;

	t1x_require(len <= T1X_EDU_MAX, "edu transfer of %zu bytes", len);
	write_reg(edu, EDU_SRC, src);
	write_reg(edu, EDU_DST, dst);
	write_reg(edu, EDU_COUNT, len);
	write_reg(edu, EDU_CMD, cmd | EDU_CMD_RUN);

	while (t1x_read64(edu->regs + EDU_CMD) & EDU_CMD_RUN) {
		t1x_require(t1x_now_ms() < end,
			    "edu %s did not finish a transfer in %d s",
			    edu->dev.bdf, EDU_TIMEOUT_MS / 1000);
		t1x_sleep_ms(5);
	}
}

void t1x_edu_load(struct t1x_edu *edu, u64 iova, size_t len)
{
	run(edu, iova, EDU_BUFFER, len, 0);
}

void t1x_edu_store(struct t1x_edu *edu, u64 iova, size_t len)
{
	run(edu, EDU_BUFFER, iova, len, EDU_CMD_STORE);
}

void t1x_edu_copy(struct t1x_edu *edu, u64 from, u64 to, size_t len)
{
	t1x_edu_load(edu, from, len);
	t1x_edu_store(edu, to, len);
}
