// SPDX-License-Identifier: GPL-2.0-only
/*
 * One call on a container. See include/call.h.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "call.h"

/* How a value is printed. */
enum form {
	FORM_END,
	FORM_HEX,
	FORM_DEC,
	FORM_FIELD,
	FORM_FAULT,
};

static const char *const call_names[T1X_NR_CALLS] = {
	[T1X_CALL_MAP] = "map",	    [T1X_CALL_UNMAP] = "unmap",
	[T1X_CALL_DIRTY] = "dirty", [T1X_CALL_ATTACH] = "attach",
	[T1X_CALL_PIN] = "pin",	    [T1X_CALL_PGSIZES] = "pgsizes",
};

static const char *const field_names[T1X_NR_FIELDS] = {
	[T1X_FIELD_STRUCT] = "struct", [T1X_FIELD_ARGSZ] = "argsz",
	[T1X_FIELD_FLAGS] = "flags",   [T1X_FIELD_RANGE] = "range",
	[T1X_FIELD_VADDR] = "vaddr",   [T1X_FIELD_GRANULE] = "granule",
	[T1X_FIELD_BITMAP] = "bitmap", [T1X_FIELD_PGSIZES] = "pgsizes",
};

static const char *const fault_names[T1X_NR_FAULTS] = {
	[T1X_FAULT_NO_VMA] = "no_vma",
	[T1X_FAULT_READ_ONLY] = "read_only",
	[T1X_FAULT_UNREADABLE] = "unreadable",
	[T1X_FAULT_IO] = "io",
	[T1X_FAULT_OTHER] = "fault",
};

/* A reason, and what its values are. */
static const struct {
	const char *name;
	struct {
		const char *name;
		enum form form;
	} values[T1X_CALL_VALUES];
} reasons[T1X_NR_REASONS] = {
	[T1X_REASON_OTHER] = { "other" },
	[T1X_REASON_ARGUMENT] = { "argument", { { "field", FORM_FIELD } } },
	[T1X_REASON_ALIGNMENT] = { "alignment",
				   { { "field", FORM_FIELD },
				     { "pgsize", FORM_DEC } } },
	[T1X_REASON_WRAP] = { "wrap" },
	[T1X_REASON_OVERLAP] = { "overlap",
				 { { "first", FORM_HEX },
				   { "last", FORM_HEX },
				   { "pid", FORM_DEC } } },
	[T1X_REASON_ENTRY_LIMIT] = { "entry_limit", { { "limit", FORM_DEC } } },
	[T1X_REASON_OUTSIDE] = { "outside",
				 { { "first", FORM_HEX },
				   { "last", FORM_HEX } } },
	[T1X_REASON_NO_GROUP] = { "no_group" },
	[T1X_REASON_MEMLOCK] = { "memlock",
				 { { "need", FORM_DEC },
				   { "limit", FORM_DEC },
				   { "pid", FORM_DEC } } },
	[T1X_REASON_MEMORY] = { "memory" },
	[T1X_REASON_USER_MEMORY] = { "user_memory",
				     { { "vaddr", FORM_HEX },
				       { "why", FORM_FAULT } } },
	[T1X_REASON_KILLED] = { "killed" },
	[T1X_REASON_IOMMU] = { "iommu", { { "iova", FORM_HEX } } },
	[T1X_REASON_CUT] = { "cut",
			     { { "first", FORM_HEX },
			       { "last", FORM_HEX },
			       { "granule", FORM_DEC } } },
	[T1X_REASON_HELD] = { "held",
			      { { "first", FORM_HEX }, { "last", FORM_HEX } } },
	[T1X_REASON_BITMAP] = { "bitmap", { { "vaddr", FORM_HEX } } },
	[T1X_REASON_LOG_OFF] = { "log_off" },
	[T1X_REASON_PGSIZE] = { "pgsize", { { "pgsize", FORM_DEC } } },
	[T1X_REASON_VADDR_INVALID] = { "vaddr_invalid" },
	[T1X_REASON_UNMAPPED] = { "unmapped", { { "iova", FORM_HEX } } },
	[T1X_REASON_PROT] = { "prot", { { "iova", FORM_HEX } } },
	[T1X_REASON_MAPPER_GONE] = { "mapper_gone", { { "pid", FORM_DEC } } },
	[T1X_REASON_INTERRUPTS] = { "interrupts" },
	[T1X_REASON_ATTACHED] = { "attached" },
	[T1X_REASON_MAPPED] = { "mapped" },
	[T1X_REASON_EMULATED] = { "emulated" },
	[T1X_REASON_V1] = { "v1" },
	[T1X_REASON_GROUP] = { "group", { { "group", FORM_DEC } } },
};

/**
 * t1x_call_set_range() - Note the range that a call is about
 * @call: Call or NULL
 * @iova: First byte
 * @last: Last byte, inclusive
 */
void t1x_call_set_range(struct t1x_call *call, unsigned long iova,
			unsigned long last)
{
	if (!call)
		return;

	call->has_range = true;
	call->iova = iova;
	call->last = last;
}

/**
 * t1x_call_fail_with() - Note why a call fails
 * @call: Call, or NULL if nobody wants to know
 * @ret: Negative errno that the call is going to return
 * @reason: Reason
 * @a: Its first value, if it has one
 * @b: Its second value
 * @c: Its third value
 *
 * Not for an errno that is dealt with before the call returns.
 *
 * Context: Any.
 * Return: @ret.
 */
int t1x_call_fail_with(struct t1x_call *call, int ret, enum t1x_reason reason,
		       u64 a, u64 b, u64 c)
{
	if (call)
		call->failure = (struct t1x_failure){
			.ret = ret,
			.reason = reason,
			.values = { a, b, c },
		};
	return ret;
}

/**
 * t1x_call_name() - What a call is called
 * @kind: Kind of call
 *
 * Return: Its name.
 */
const char *t1x_call_name(enum t1x_call_kind kind)
{
	return call_names[kind];
}

/**
 * t1x_reason_name() - What a reason is called
 * @reason: Reason
 *
 * Return: Its name.
 */
const char *t1x_reason_name(enum t1x_reason reason)
{
	return reasons[reason].name;
}

static int print_value(char *buf, size_t size, const char *name, enum form form,
		       u64 value)
{
	switch (form) {
	case FORM_HEX:
		return scnprintf(buf, size, " %s=0x%llx", name, value);
	case FORM_FIELD:
		return scnprintf(buf, size, " %s=%s", name, field_names[value]);
	case FORM_FAULT:
		return scnprintf(buf, size, " %s=%s", name, fault_names[value]);
	default:
		return scnprintf(buf, size, " %s=%llu", name, value);
	}
}

/**
 * t1x_failure_print() - A reason and its values as text
 * @failure: Failure
 * @buf: Where to, ended by a NUL
 * @size: Its size in bytes, not 0; what does not fit is left out
 *
 * Return: Length of the text.
 */
int t1x_failure_print(const struct t1x_failure *failure, char *buf, size_t size)
{
	enum t1x_reason reason = failure->reason;
	int len = scnprintf(buf, size, "%s", reasons[reason].name);
	unsigned int i;

	for (i = 0; i < T1X_CALL_VALUES && reasons[reason].values[i].form; i++)
		len += print_value(buf + len, size - len,
				   reasons[reason].values[i].name,
				   reasons[reason].values[i].form,
				   failure->values[i]);
	return len;
}
