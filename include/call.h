/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call of a user, or of vfio core, on a container: what it did, and why it
 * failed. It lives on the stack of its thread and goes down with the arguments, so
 * that whoever refuses it can say more than an errno.
 *
 * Units are bytes; "last" is inclusive.
 */
#ifndef T1X_CALL_H
#define T1X_CALL_H

#include <linux/types.h>

struct t1x_journal;

/* What calls there are; Documentation/debugfs.rst has their names. */
enum t1x_call_kind {
	T1X_CALL_MAP,
	T1X_CALL_UNMAP,
	T1X_CALL_DIRTY,
	T1X_CALL_ATTACH,
	T1X_CALL_PIN,
	T1X_CALL_PGSIZES,
	T1X_NR_CALLS,
};

/* Why a call failed; Documentation/debugfs.rst has names, values and meaning. */
enum t1x_reason {
	T1X_REASON_OTHER,
	T1X_REASON_ARGUMENT, /* enum t1x_field */
	T1X_REASON_ALIGNMENT, /* enum t1x_field, page size */
	T1X_REASON_WRAP,
	T1X_REASON_OVERLAP, /* first, last, pid */
	T1X_REASON_ENTRY_LIMIT, /* limit */
	T1X_REASON_OUTSIDE, /* first, last */
	T1X_REASON_NO_GROUP,
	T1X_REASON_MEMLOCK, /* need, limit, pid */
	T1X_REASON_MEMORY,
	T1X_REASON_USER_MEMORY, /* vaddr, enum t1x_fault */
	T1X_REASON_KILLED,
	T1X_REASON_IOMMU, /* iova */
	T1X_REASON_CUT, /* first, last, granule */
	T1X_REASON_HELD, /* first, last */
	T1X_REASON_BITMAP, /* vaddr */
	T1X_REASON_LOG_OFF,
	T1X_REASON_PGSIZE, /* page size */
	T1X_REASON_VADDR_INVALID,
	T1X_REASON_UNMAPPED, /* iova */
	T1X_REASON_PROT, /* iova */
	T1X_REASON_MAPPER_GONE, /* pid */
	T1X_REASON_INTERRUPTS,
	T1X_REASON_ATTACHED,
	T1X_REASON_MAPPED,
	T1X_REASON_EMULATED,
	T1X_REASON_V1,
	T1X_REASON_GROUP, /* group */
	T1X_NR_REASONS,
};

/* The part of a request that is wrong. */
enum t1x_field {
	T1X_FIELD_STRUCT,
	T1X_FIELD_ARGSZ,
	T1X_FIELD_FLAGS,
	T1X_FIELD_RANGE,
	T1X_FIELD_VADDR,
	T1X_FIELD_GRANULE,
	T1X_FIELD_BITMAP,
	T1X_FIELD_PGSIZES,
	T1X_NR_FIELDS,
};

/* Why user memory could not be pinned. */
enum t1x_fault {
	T1X_FAULT_NO_VMA,
	T1X_FAULT_READ_ONLY,
	T1X_FAULT_UNREADABLE,
	T1X_FAULT_IO, /* no memory that could be pinned */
	T1X_FAULT_OTHER,
	T1X_NR_FAULTS,
};

#define T1X_CALL_VALUES 3
/* Room for the name of any call. */
#define T1X_CALL_NAME 8
/* Room for any failure as text. */
#define T1X_FAILURE_TEXT 96

/* Why a call failed. */
struct t1x_failure {
	int ret; /* 0: not told */
	enum t1x_reason reason;
	u64 values[T1X_CALL_VALUES];
};

/* Private to the thread that makes the call. */
struct t1x_call {
	struct t1x_journal *journal;
	enum t1x_call_kind kind;
	u64 start; /* local_clock(), or 0 if it is not timed */
	bool has_range;
	unsigned long iova;
	unsigned long last;
	int group; /* of an attach */
	bool emulated; /* that group is */
	bool no_clear; /* a report only looks */
	unsigned long nr_runs; /* contiguous runs that a map has pinned */
	unsigned long nr_mappings; /* that an unmap removes */
	u64 nr_pages; /* of PAGE_SIZE, that an unmap removes */
	unsigned long leaves; /* IOMMU page sizes of a map, if it is traced */
	struct t1x_failure failure;
};

void t1x_call_set_range(struct t1x_call *call, unsigned long iova,
			unsigned long last);
int t1x_call_fail_with(struct t1x_call *call, int ret, enum t1x_reason reason,
		       u64 a, u64 b, u64 c);

static inline int t1x_call_fail(struct t1x_call *call, int ret,
				enum t1x_reason reason)
{
	return t1x_call_fail_with(call, ret, reason, 0, 0, 0);
}

/* For a request that is wrong in itself. */
static inline int t1x_call_refuse(struct t1x_call *call, int ret,
				  enum t1x_field field)
{
	return t1x_call_fail_with(call, ret, T1X_REASON_ARGUMENT, field, 0, 0);
}

const char *t1x_call_name(enum t1x_call_kind kind);
const char *t1x_reason_name(enum t1x_reason reason);
int t1x_failure_print(const struct t1x_failure *failure, char *buf,
		      size_t size);

#endif /* T1X_CALL_H */
