/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call to a container, a group or an emulated device, and what it was
 * answered.
 *
 * All that is mapped lies in a window of a few pages. Ranges are told by pages of
 * the window, and so are dirty pages, wherever bit 0 of the call's bitmap is.
 */
#ifndef T1X_RACES_CALL_H
#define T1X_RACES_CALL_H

#include "../differential/world.h"
#include "device_emu.h"

#define WINDOW_PAGES 8
#define WINDOW_IOVA T1X_BASE /* a multiple of 64 pages */

#define MAX_SETS 8
#define EDUS 2

enum call_kind {
	CALL_MAP,
	CALL_UNMAP,
	CALL_UNMAP_ALL,
	CALL_INFO,
	CALL_START,
	CALL_STOP,
	CALL_GET_BITMAP,
	CALL_DIRTY_RANGE,
	CALL_PGSIZES,
	CALL_ATTACH,
	CALL_DETACH,
	CALL_PIN,
	CALL_UNPIN,
	CALL_READ,
	CALL_WRITE,
	CALL_CLOSE,
	/* What is seen when nothing moves */
	CALL_HELD,
	CALL_LOCKED,
	CALL_PINS,
	/* What nobody calls: it comes by itself, after a call has caused it */
	CALL_RELEASE,
	CALL_DEATH,
	CALL_KINDS
};

/* What keeps a container alive, beside groups with an IOMMU */
enum file { FILE_CONTAINER, FILE_GROUP, FILE_DEVICE, FILES };

struct call {
	enum call_kind kind;
	int page, npages;
	u64 granule; /* MAP: by MAP_RANGE, unless 0 */
	bool range, bitmap; /* UNMAP: by UNMAP_RANGE; with a bitmap */
	bool look; /* DIRTY_RANGE: NO_CLEAR */
	u64 pgsizes; /* PGSIZES: to set, or 0 to get */
	int edu; /* ATTACH, DETACH: which */
	enum file file; /* CLOSE, RELEASE */
	int set; /* CLOSE: of which descriptors, see struct target */
	bool child; /* of a process that is killed */
};

struct answer {
	int ret;
	u64 n; /* bytes unmapped, mappings left to make, or pages */
	u64 bits;
	u64 pgsizes, supported;
	int nranges;
	struct t1x_range range[MAX_RANGES];
};

/* What the calls go to */
struct target {
	struct t1x c;
	struct t1x_emu emu;
	int edu[EDUS]; /* groups, attached or not */
	/* The same container, group and device again, to be closed by others */
	int spare[MAX_SETS][FILES];
	long locked, pins; /* before all of it */
};

void t1x_call_do(struct target *target, const struct call *call,
		 struct answer *answer);
int t1x_target_fd(const struct target *target, enum file file, int set);
/* False where the memory behind the window is not to be had */
bool t1x_target_memory(void);

const char *t1x_call_name(enum call_kind kind);
/* Both in one line, answer may be NULL */
void t1x_call_print(const struct call *call, const struct answer *answer);

#endif
