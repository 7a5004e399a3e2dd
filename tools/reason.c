// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sentences are templates: {name} is a value of the failure, {name:size} one
 * in bytes, {name:sizes} a bitmap of sizes, {name:process} or {name:Process} a
 * process. {call}, {range}, {errno} and {reason} are of the failure itself, {id}
 * is the container.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "memory.h"
#include "process.h"
#include "reason.h"

struct reason {
	const char *name; /* "reason", or "reason/value" where that says more */
	const char *what;
	const char *todo;
	/* What takes more than a template; either may be NULL */
	t1x_advice *more_what;
	t1x_advice *more_todo;
};

static const struct reason reasons[] = {
	{ "argument/argsz", "argsz is less than the struct has bytes.",
	  "Set argsz to the size of the struct before the call." },
	{ "argument/flags",
	  "flags has a bit that is not known, lacks one that is needed, or has two "
	  "that exclude each other.",
	  "Correct the flags. One that only some kernels or modules know has to be "
	  "asked for with VFIO_CHECK_EXTENSION." },
	{ "argument/struct",
	  "The struct cannot be read, or the result cannot be written to it.",
	  "Pass the address of a struct in memory that can be read and written." },
	{ "argument/range",
	  "The range is empty, ends before it begins, or its length is not what the "
	  "call wants.",
	  "Correct it: a size that is not 0, a last byte that is not below the first; "
	  "with VFIO_DMA_UNMAP_FLAG_ALL both address and size are 0." },
	{ "argument/granule",
	  "The granule is not a power of two, is smaller than the page size, has no "
	  "flag, or the range does not begin and end at multiples of it.",
	  "Choose one that fits, 0 for the page size, and set "
	  "VFIO_TYPE1X_MAP_FLAG_GRANULE." },
	{ "argument/bitmap",
	  "The bitmap is shorter than the range needs, or longer than "
	  "max_dirty_bitmap_size.",
	  "Give it 8 bytes for each 64 pages begun, and ask for long ranges piece by "
	  "piece." },
	{ "argument/pgsizes",
	  "The page sizes are none, or not all of them are supported, or the smallest "
	  "that is supported is not among them.",
	  "Choose a subset of what VFIO_TYPE1X_PGSIZES_GET returns as supported, with "
	  "its smallest." },
	{ "argument",
	  "The request is wrong in itself: {field} has a value that it cannot have.",
	  "Correct {field} in the program: <linux/vfio.h> and <linux/vfio_type1x.h> "
	  "say what it may be." },
	{ "alignment",
	  "{field} is not a multiple of the page size, {pgsize:size}.",
	  "Let addresses, IOVAs and sizes be multiples of {pgsize:size}; the smallest "
	  "bit of iova_pgsizes in VFIO_IOMMU_GET_INFO is the container's page size." },
	{ "wrap", "The range goes beyond the last address, 2^64 - 1.",
	  "Correct address and size. VFIO_DMA_UNMAP_FLAG_ALL, or "
	  "VFIO_IOMMU_TYPE1X_UNMAP_RANGE of 0 to ~0, unmaps all that there is." },
	{ "overlap",
	  "A mapping is there already: {first}-{last}, of the memory of {pid:process}.",
	  "Unmap that one first, or choose another IOVA. A program that takes EEXIST "
	  "for success must be sure that it is the same memory." },
	{ "entry_limit",
	  "The container has as many mappings as dma_entry_limit allows, {limit}.",
	  "Map larger pieces, for instance huge pages instead of small ones; or, as "
	  "root, echo 1000000 >/sys/module/vfio_iommu_type1x/parameters/dma_entry_limit "
	  "and start the program anew: a container keeps the limit that it was opened "
	  "with." },
	{ "outside/attach",
	  "The group cannot reach {first}-{last}, and {range} is mapped.",
	  "Unmap that before the group is added, or add the group before memory is "
	  "mapped, and map what VFIO_IOMMU_GET_INFO then offers." },
	{ "outside", "{first}-{last} cannot be mapped.", NULL, t1x_advice_gap,
	  t1x_advice_windows },
	{ "no_group", "The container has no group, so that nobody serves it.",
	  "VFIO_GROUP_SET_CONTAINER and VFIO_SET_IOMMU come before the {call}; the "
	  "container is emptied when its last group goes." },
	{ "memlock",
	  "{pid:Process} would have {need:size} of memory locked, and may have "
	  "{limit:size} (RLIMIT_MEMLOCK).",
	  NULL, t1x_advice_limit_now, t1x_advice_limit },
	{ "memory",
	  "The kernel found no memory for it, or the memory cgroup of the process is "
	  "full.",
	  "Free memory, or raise memory.max of the cgroup; its memory.events tells "
	  "whether it was the cgroup." },
	{ "user_memory/no_vma", "The process has no memory at {vaddr}.",
	  "Correct address and size, and let the memory be mapped (mmap) as long as "
	  "the mapping is made; a hole of one page is enough to fail." },
	{ "user_memory/read_only",
	  "The memory at {vaddr} cannot be written by the process, and devices were to "
	  "write to it.",
	  "Let it be writable (mmap with PROT_WRITE), or map it for reading alone: "
	  "VFIO_DMA_MAP_FLAG_READ without WRITE." },
	{ "user_memory/unreadable",
	  "The memory at {vaddr} cannot be read by the process (PROT_NONE).",
	  "mprotect() it to be accessible before the {call}." },
	{ "user_memory/io",
	  "The memory at {vaddr} is a device's, without pages that could be pinned.",
	  "BARs are mapped through the mmap of a vfio device whose memory is enabled "
	  "(PCI command register); as a buffer for a report or for an emulated device "
	  "use ordinary memory." },
	{ "user_memory/fault",
	  "The page at {vaddr} could not be brought in or pinned.",
	  "See whether the file behind it is shorter than the mapping, its file system "
	  "can pin pages for long (fsdax cannot), memory is poisoned, or a userfaultfd "
	  "does not answer; hugetlb memory needs free huge pages." },
	{ "user_memory", "The memory at {vaddr} cannot be pinned.",
	  "Let it be mapped, accessible and ordinary memory." },
	{ "killed",
	  "The process was killed while the call waited; nothing was changed.",
	  "Nothing: only the process that died could have seen it." },
	{ "iommu", "The IOMMU driver refused, at {iova}.",
	  "dmesg may say more (DMAR, AMD-Vi, SMMU). ENOMEM: no memory for page tables." },
	{ "cut", "The range would cut the mapping {first}-{last}",
	  "Unmap and report whole mappings, or make the mapping one that can be cut: "
	  "VFIO_IOMMU_TYPE1X_MAP_RANGE with a granule, or the module's parameter "
	  "granule for programs that cannot be changed.",
	  t1x_advice_granule },
	{ "held",
	  "The driver of an emulated device did not let go of pages in {first}-{last}, "
	  "although it was asked to for a second.",
	  "Stop that device, then unmap; the fault is its driver's." },
	{ "bitmap", "The program's dirty bitmap at {vaddr} cannot be written.",
	  "Give ordinary writable memory, as long as bitmap.size says, 8 bytes for "
	  "each 64 pages begun." },
	{ "log_off", "Dirty tracking is not on.",
	  "VFIO_IOMMU_DIRTY_PAGES with VFIO_IOMMU_DIRTY_PAGES_FLAG_START comes first." },
	{ "pgsize/attach",
	  "The group's IOMMU lacks one of the page sizes that were chosen with "
	  "VFIO_IOMMU_TYPE1X_PGSIZES: {pgsize:sizes}.",
	  "Choose sizes that all groups have, or add all groups before the choice." },
	{ "pgsize",
	  "The page size of the bitmap, {pgsize:size}, is not the container's.",
	  "Use the smallest bit of iova_pgsizes in VFIO_IOMMU_GET_INFO; a group that "
	  "comes or goes may change it." },
	{ "vaddr_invalid",
	  "Addresses are invalid (VFIO_DMA_UNMAP_FLAG_VADDR) where valid ones are "
	  "needed, or valid where invalid ones are.",
	  "Give each mapping its new address, MAP with VFIO_DMA_MAP_FLAG_VADDR of "
	  "exactly its range, once, before anything else." },
	{ "unmapped", "Nothing is mapped at {iova}.",
	  "Map it first; a mapping that is being made or unmapped counts as not there. "
	  "'vfio-type1x maps {id}' shows what is." },
	{ "prot", "The mapping at {iova} does not allow this access.",
	  "Map it for what the device does: VFIO_DMA_MAP_FLAG_READ, WRITE, or both." },
	{ "mapper_gone",
	  "The process that made the mapping, {pid}, has exited or called exec, and "
	  "its memory is gone.",
	  "Unmap it, and map it again from a process that lives." },
	{ "interrupts",
	  "The group's interrupts are not isolated: its devices could send those of "
	  "others.",
	  "Switch interrupt remapping on (firmware; no intremap=off at boot). Only if "
	  "you trust all who use the device: echo Y "
	  ">/sys/module/vfio_iommu_type1x/parameters/allow_unsafe_interrupts" },
	{ "attached", "The group is in the container already.",
	  "Add each group once." },
	{ "mapped",
	  "Something is mapped, and the call needs an empty container.",
	  "Call it before the first MAP, or unmap all first." },
	{ "other", "The call failed with {errno}; nothing more is known.",
	  "See whether dmesg says more." },
	{ "emulated",
	  "The container has emulated groups (mediated devices), which forbid it.",
	  "Remove these devices first, or do without the call." },
	{ "v1",
	  "A container of VFIO_TYPE1_IOMMU has no dirty tracking, and no driver of a "
	  "mediated device pins in it.",
	  "VFIO_SET_IOMMU with VFIO_TYPE1v2_IOMMU." },
	{ "group",
	  "The IOMMU would not have group {group}: no device is left in it, another "
	  "domain has it, or firmware reserves all that it could map.",
	  "dmesg may say more (DMAR, AMD-Vi, SMMU); so may the files reserved_regions and "
	  "devices of /sys/kernel/iommu_groups/{group}." },
};

static const struct reason unknown = {
	NULL,
	"The module says '{reason}', which this program does not know.",
	"Use the vfio-type1x that belongs to the module.",
};

const char *t1x_reason_call(const char *call)
{
	static const struct {
		const char *call;
		const char *name;
	} names[] = {
		{ "map", "MAP" },	    { "unmap", "UNMAP" },
		{ "dirty", "DIRTY_PAGES" }, { "attach", "ATTACH" },
		{ "pin", "PIN" },	    { "pgsizes", "PGSIZES" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].call, call))
			return names[i].name;
	return call;
}

static const struct reason *find_exactly(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (!strcmp(reasons[i].name, name))
			return &reasons[i];
	return NULL;
}

/* "reason/DETAIL", where that has a row of its own. */
static const struct reason *find_detail(const struct t1x_failure *f,
					const char *detail)
{
	char *name = t1x_format("%s/%s", f->reason, detail ?: "");
	const struct reason *found = find_exactly(name);

	free(name);
	return found;
}

static const struct reason *find(const struct t1x_failure *f)
{
	return find_detail(f, t1x_value_find(&f->values, "field"))	 ?:
		       find_detail(f, t1x_value_find(&f->values, "why")) ?:
		       find_detail(f, f->call)				 ?:
		       find_exactly(f->reason)				 ?:
		       &unknown;
}

/* "process 12 (name)"; the word as it is given */
static void put_process(FILE *out, const struct t1x_failure *f,
			const char *word, const char *value)
{
	char *comm;
	u64 pid;

	if (!t1x_number(value, &pid)) {
		fprintf(out, "%s (unknown)", word);
		return;
	}
	comm = pid == f->pid ? t1x_copy(f->comm) : t1x_process_comm(pid);
	if (*comm)
		fprintf(out, "%s %llu (%s)", word, pid, comm);
	else
		fprintf(out, "%s %llu", word, pid);
	free(comm);
}

static void put_range(FILE *out, const struct t1x_failure *f)
{
	if (f->ranged)
		fprintf(out, "0x%llx-0x%llx", f->first, f->last);
	else
		fprintf(out, "the range");
}

static void put_value(FILE *out, const struct t1x_failure *f,
		      const struct t1x_container *c, const char *name,
		      const char *kind)
{
	const char *value = t1x_value_find(&f->values, name);
	u64 number;

	if (kind && !strcasecmp(kind, "process"))
		put_process(out, f, kind, value);
	else if (kind && t1x_number(value, &number))
		fprintf(out, "%s",
			strcmp(kind, "size") ? t1x_sizes(number) :
					       t1x_size(number));
	else if (value)
		fprintf(out, "%s", value);
	else if (!strcmp(name, "call"))
		fprintf(out, "%s", t1x_reason_call(f->call));
	else if (!strcmp(name, "range"))
		put_range(out, f);
	else if (!strcmp(name, "errno"))
		fprintf(out, "%s", t1x_errno(f->error));
	else if (!strcmp(name, "reason"))
		fprintf(out, "%s", f->reason);
	else if (!strcmp(name, "id"))
		fprintf(out, "%lu", c->id);
	else
		fprintf(out, "(unknown)");
}

/* Write a template, a {name:kind} after the other. */
static void expand(FILE *out, const char *template, const struct t1x_failure *f,
		   const struct t1x_container *c)
{
	char name[32], *kind;

	while (*template) {
		int text = strcspn(template, "{");
		int len;

		fprintf(out, "%.*s", text, template);
		template += text;
		if (!*template)
			return;
		len = strcspn(template, "}");
		snprintf(name, sizeof(name), "%.*s", len - 1, template + 1);
		kind = strchr(name, ':');
		if (kind)
			*kind++ = '\0';
		put_value(out, f, c, name, kind);
		template += len + 1;
	}
}

static char *sentences(const char *template, t1x_advice *more,
		       const struct t1x_failure *f,
		       const struct t1x_container *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return t1x_copy(template ?: "");
	if (template)
		expand(out, template, f, c);
	if (more)
		more(out, f, c);
	fclose(out);
	return text;
}

char *t1x_reason_what(const struct t1x_failure *failure,
		      const struct t1x_container *container)
{
	const struct reason *reason = find(failure);

	return sentences(reason->what, reason->more_what, failure, container);
}

char *t1x_reason_todo(const struct t1x_failure *failure,
		      const struct t1x_container *container)
{
	const struct reason *reason = find(failure);

	return sentences(reason->todo, reason->more_todo, failure, container);
}
