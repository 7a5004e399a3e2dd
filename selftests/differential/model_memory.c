// SPDX-License-Identifier: GPL-2.0-only
#include "model_memory.h"

static enum region region_of(u64 vaddr)
{
	int r;

	for (r = 0; r < R_COUNT; r++)
		if (vaddr - t1x_region[r].base < t1x_region[r].size)
			return r;
	return R_COUNT;
}

static u64 page_in(enum region r, u64 vaddr)
{
	return (vaddr - t1x_region[r].base) / T1X_PAGE;
}

bool t1x_model_can_access(u64 vaddr, bool write)
{
	enum region r = region_of(vaddr);

	switch (r) {
	case R_A:
	case R_U:
	case R_M:
	case R_H:
	case R_BUF:
	case R_ARG:
		return true;
	case R_R:
	case R_F:
	case R_RO:
		return !write;
	case R_P:
		return page_in(r, vaddr) % 4 != 3;
	default:
		return false;
	}
}

/* R_F is the file that R_M is, and A has all of that */
static u64 same_in_m(u64 vaddr)
{
	if (region_of(vaddr) == R_F)
		vaddr += t1x_region[R_M].base - t1x_region[R_F].base;
	return vaddr;
}

void t1x_model_name(char *who, u64 *vaddr, bool dead)
{
	*vaddr = same_in_m(*vaddr);
	if (region_of(*vaddr) == R_M)
		*who = 'A';
	else if (dead)
		*who = 0;
}

unsigned char t1x_model_read(const struct model_memory *memory, u64 vaddr)
{
	enum region r;
	int i;

	vaddr = same_in_m(vaddr);
	for (i = memory->nwrites - 1; i >= 0; i--)
		if (vaddr - memory->write[i].vaddr < memory->write[i].len)
			return memory->write[i].value;

	r = region_of(vaddr);
	switch (r) {
	case R_A:
	case R_M:
	case R_P:
		return 'A' + 3 * r + 5 * page_in(r, vaddr);
	case R_H:
		return vaddr % T1X_2M ? 0 : 'A';
	default:
		return 0;
	}
}

void t1x_model_write(struct model_memory *memory, u64 vaddr, u64 len,
		     unsigned char value)
{
	t1x_require(memory->nwrites < MAX_WRITES, "too many writes");
	memory->write[memory->nwrites++] =
		(struct model_write){ same_in_m(vaddr), len, value };
}
