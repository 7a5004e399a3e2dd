// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "advice.h"
#include "iommu_group.h"
#include "memory.h"
#include "process.h"

#define MIB (1024 * 1024ULL)

static bool value_of(const struct t1x_failure *f, const char *name, u64 *value)
{
	return t1x_number(t1x_value_find(&f->values, name), value);
}

static u64 last_iova(const struct t1x_container *c)
{
	u64 last = 0;
	size_t i;

	for (i = 0; i < c->nr_windows; i++)
		if (c->windows[i].last > last)
			last = c->windows[i].last;
	return last;
}

/* The reserved region that makes a gap; of which group? */
static bool find_reserved(const struct t1x_container *c, u64 first, u64 last,
			  u64 *group, struct t1x_reserved *region)
{
	size_t i;

	for (i = 0; i < c->nr_groups; i++) {
		char *name = t1x_format("%llu", c->groups[i].number);
		bool found = t1x_iommu_group_reserved(name, first, last, NULL,
						      region);

		free(name);
		*group = c->groups[i].number;
		if (found)
			return true;
	}
	return false;
}

void t1x_advice_gap(FILE *out, const struct t1x_failure *failure,
		    const struct t1x_container *container)
{
	struct t1x_reserved region;
	u64 first, last, group;

	if (!value_of(failure, "first", &first) ||
	    !value_of(failure, "last", &last))
		return;
	if (find_reserved(container, first, last, &group, &region))
		fprintf(out,
			" The machine reserves 0x%llx-0x%llx for group %llu (%s).",
			region.first, region.last, group, region.type);
	else if (container->nr_windows && first > last_iova(container))
		fprintf(out,
			" It is above the last address that the IOMMU can translate, 0x%llx.",
			last_iova(container));
}

void t1x_advice_windows(FILE *out, const struct t1x_failure *failure,
			const struct t1x_container *container)
{
	u64 last = last_iova(container);
	u64 first;
	size_t i;

	fprintf(out, "Map within what VFIO_IOMMU_GET_INFO offers");
	for (i = 0; i < container->nr_windows; i++)
		fprintf(out, "%s0x%llx-0x%llx", i ? ", " : ": ",
			container->windows[i].first,
			container->windows[i].last);
	fprintf(out, ".");
	if (last && last != ~0ULL && value_of(failure, "first", &first) &&
	    first > last)
		fprintf(out,
			" QEMU: -cpu ...,host-phys-bits-limit=%d keeps the guest's memory and BARs below that.",
			64 - __builtin_clzll(last));
}

/* What the process that pays has to be allowed, in bytes, whole MiB. */
static u64 enough(const struct t1x_failure *f)
{
	u64 range = f->ranged ? f->last - f->first + 1 : 0;
	u64 need;

	if (!value_of(f, "need", &need) || need < range)
		need = range;
	return (need + MIB - 1) & ~(MIB - 1);
}

void t1x_advice_limit_now(FILE *out, const struct t1x_failure *failure,
			  const struct t1x_container *container)
{
	const char *pid = t1x_value_find(&failure->values, "pid");
	struct t1x_memlock now;
	u64 limit;

	if (!pid || !value_of(failure, "limit", &limit) ||
	    !t1x_process_memlock(pid, &now) || now.soft == limit)
		return;
	fprintf(out, " Its limit is %s now.",
		now.soft == T1X_UNLIMITED ? "off" : t1x_size(now.soft));
}

void t1x_advice_limit(FILE *out, const struct t1x_failure *failure,
		      const struct t1x_container *container)
{
	const char *pid = t1x_value_find(&failure->values, "pid");
	u64 bytes = enough(failure);
	const char *size = t1x_size(bytes);

	if (!bytes) {
		fprintf(out, "Let it lock more.");
		return;
	}
	fprintf(out,
		"Let it lock %s at least, and more if it is to map more: all that devices reach counts, once for each container.",
		size);
	if (pid)
		fprintf(out,
			" At once, as root: prlimit --pid %s --memlock=%llu.",
			pid, bytes);
	fprintf(out,
		" For good: ulimit -l %llu in its shell, LimitMEMLOCK=%s in its systemd unit, <memtune><hard_limit unit='KiB'>%llu</hard_limit></memtune> in its libvirt domain, --ulimit memlock=%llu for docker and podman.",
		bytes >> 10, size, bytes >> 10, bytes);
}

void t1x_advice_granule(FILE *out, const struct t1x_failure *failure,
			const struct t1x_container *container)
{
	u64 granule;

	if (value_of(failure, "granule", &granule) && granule)
		fprintf(out, ", which can be cut at multiples of %s alone.",
			t1x_size(granule));
	else
		fprintf(out, ", which goes as a whole or not at all.");
}
