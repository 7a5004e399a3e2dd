/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that is mapped. Each kind is allocated once and touched, and then
 * kept: every backend pins the same pages, and pins them hot.
 */
#ifndef BENCH_BUFFER_H
#define BENCH_BUFFER_H

#include "util.h"

enum buffer_kind {
	SCATTERED, /* 4 KiB pages, no two neighbours adjacent */
	SEQUENTIAL, /* 4 KiB pages as they come, filled from end to end */
	THP, /* the huge ones scattered, too */
	HUGE_2M,
	MEMFD_2M,
	HUGE_1G,
	SHMEM, /* a memfd of 4 KiB pages */
	MIXED, /* THP and 4 KiB pages, 2 MiB of each in turn */
	NR_BUFFERS,
};

/* NULL where the guest has no such memory */
void *buffer_get(enum buffer_kind kind);
u64 buffer_size(enum buffer_kind kind);
/*
 * A large view of small memory: one or two kinds that are memfds, 2 MiB of each
 * in turn, over and over. Whoever wants it no more unmaps it.
 */
void *buffer_repeat(enum buffer_kind kind, enum buffer_kind other, u64 size);
/* Physically contiguous runs of a part of this process's memory */
u64 buffer_runs(const void *mem, u64 size);

#endif
