/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. Documentation/debugfs.rst says what they tell.
 *
 * Units are bytes; "last" is inclusive; pages are of PAGE_SIZE.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_type1x

#if !defined(T1X_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define T1X_TRACE_H

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "call.h"

/* Of the range of an event. */
#define T1X_TRACE_PAGES (((__entry->last - __entry->iova) >> PAGE_SHIFT) + 1)

/* clang-format off */

TRACE_EVENT(map,

	TP_PROTO(unsigned long id, const struct t1x_call *call, u64 ns,
		 int ret),
	TP_ARGS(id, call, ns, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(unsigned long, runs)
		__field(unsigned long, leaves)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = call->iova;
		__entry->last = call->last;
		__entry->runs = call->nr_runs;
		__entry->leaves = call->leaves;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%lu runs=%lu leaves=0x%lx ns=%llu ret=%d",
		  __entry->id, __entry->iova, __entry->last,
		  T1X_TRACE_PAGES,
		  __entry->runs, __entry->leaves, __entry->ns, __entry->ret)
);

TRACE_EVENT(unmap,

	TP_PROTO(unsigned long id, const struct t1x_call *call, u64 ns,
		 int ret),
	TP_ARGS(id, call, ns, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(u64, pages)
		__field(unsigned long, mappings)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = call->iova;
		__entry->last = call->last;
		__entry->pages = call->nr_pages;
		__entry->mappings = call->nr_mappings;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%llu mappings=%lu ns=%llu ret=%d",
		  __entry->id, __entry->iova, __entry->last, __entry->pages,
		  __entry->mappings, __entry->ns, __entry->ret)
);

TRACE_EVENT(split,

	TP_PROTO(unsigned long id, unsigned long iova, unsigned long last,
		 unsigned long at),
	TP_ARGS(id, iova, last, at),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(unsigned long, at)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = iova;
		__entry->last = last;
		__entry->at = at;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx at=0x%lx",
		  __entry->id, __entry->iova, __entry->last, __entry->at)
);

TRACE_EVENT(pin,

	TP_PROTO(unsigned long id, const struct t1x_call *call, int ret),
	TP_ARGS(id, call, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = call->iova;
		__entry->last = call->last;
		__entry->ret = ret;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%lu ret=%d",
		  __entry->id, __entry->iova, __entry->last,
		  T1X_TRACE_PAGES,
		  __entry->ret)
);

TRACE_EVENT(unpin,

	TP_PROTO(unsigned long id, unsigned long iova, unsigned long pages),
	TP_ARGS(id, iova, pages),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, pages)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = iova;
		__entry->pages = pages;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%lu",
		  __entry->id, __entry->iova,
		  __entry->iova + (__entry->pages << PAGE_SHIFT) - 1,
		  __entry->pages)
);

TRACE_EVENT(attach,

	TP_PROTO(unsigned long id, int group, bool emulated, u64 ns, int ret),
	TP_ARGS(id, group, emulated, ns, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(int, group)
		__field(bool, emulated)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->group = group;
		__entry->emulated = emulated;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%lu group=%d emulated=%d ns=%llu ret=%d",
		  __entry->id, __entry->group, __entry->emulated, __entry->ns,
		  __entry->ret)
);

TRACE_EVENT(detach,

	TP_PROTO(unsigned long id, int group),
	TP_ARGS(id, group),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(int, group)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->group = group;
	),
	TP_printk("id=%lu group=%d", __entry->id, __entry->group)
);

TRACE_EVENT(replay,

	TP_PROTO(unsigned long id, unsigned long iova, unsigned long last,
		 unsigned long runs, int ret),
	TP_ARGS(id, iova, last, runs, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(unsigned long, runs)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = iova;
		__entry->last = last;
		__entry->runs = runs;
		__entry->ret = ret;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%lu runs=%lu ret=%d",
		  __entry->id, __entry->iova, __entry->last,
		  T1X_TRACE_PAGES,
		  __entry->runs, __entry->ret)
);

TRACE_EVENT(dirty_get,

	TP_PROTO(unsigned long id, const struct t1x_call *call, u64 ns,
		 int ret),
	TP_ARGS(id, call, ns, ret),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(bool, no_clear)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->iova = call->iova;
		__entry->last = call->last;
		__entry->no_clear = call->no_clear;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%lu iova=0x%lx last=0x%lx pages=%lu no_clear=%d ns=%llu ret=%d",
		  __entry->id, __entry->iova, __entry->last,
		  T1X_TRACE_PAGES,
		  __entry->no_clear, __entry->ns, __entry->ret)
);

TRACE_EVENT(error,

	TP_PROTO(unsigned long id, const struct t1x_call *call,
		 const struct t1x_failure *failure),
	TP_ARGS(id, call, failure),
	TP_STRUCT__entry(
		__field(unsigned long, id)
		__array(char, call, T1X_CALL_NAME)
		__field(unsigned long, iova)
		__field(unsigned long, last)
		__field(int, ret)
		__array(char, text, T1X_FAILURE_TEXT)
	),
	TP_fast_assign(
		__entry->id = id;
		strscpy(__entry->call, t1x_call_name(call->kind), T1X_CALL_NAME);
		__entry->iova = call->iova;
		__entry->last = call->last;
		__entry->ret = failure->ret;
		t1x_failure_print(failure, __entry->text, T1X_FAILURE_TEXT);
	),
	TP_printk("id=%lu call=%s iova=0x%lx last=0x%lx ret=%d reason=%s",
		  __entry->id, __entry->call, __entry->iova, __entry->last,
		  __entry->ret, __entry->text)
);

/* clang-format on */

#endif /* T1X_TRACE_H */

/* kbuild's -I of include/ finds it. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
