/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whom the rows measure: a container of in-tree type1, of type1x or of the module
 * that only shows the limit; or an IOAS of iommufd with a device that is bound to
 * it by its own file. Whatever fails ends the program with a message: a benchmark
 * has nothing to recover.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>

#include "container.h"
#include "ioas.h"

enum backend {
	TYPE1,
	TYPE1X,
	IOMMUFD,
	LIMIT, /* bench/limit: what the bare calls cost */
	UNTRACED, /* type1x without tracepoints */
	UNJOURNALED, /* and without its journal: bench/unjournaled */
	NR_BACKENDS,
};

struct target {
	enum backend backend;
	struct t1x c;
	struct ioas ioas;
};

const char *backend_name(enum backend backend);
/* Is it type1x without something, which tells what that costs? */
bool backend_lacks(enum backend backend);
/* NULL, or why the kernel has no such backend */
const char *backend_missing(enum backend backend);
/* From now on it, and no other, serves what is opened */
void backend_load(enum backend backend);
void backend_unload(enum backend backend);

/* bdf: a PCI device, or an emulated one; NULL: any */
void target_open(struct target *target, enum backend backend, const char *bdf);
void target_close(struct target *target);
void target_map(struct target *target, const void *vaddr, u64 iova, u64 size);
void target_unmap(struct target *target, u64 iova, u64 size);
/* Takes the last device out, and with it all that is mapped */
void target_drop(struct target *target);

#endif
