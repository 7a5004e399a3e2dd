// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "why.h"

static const struct t1x_why whys[] = {
	{ "short",
	  "The mapping is too small, or lies so that no aligned larger page fits in.",
	  "Map larger pieces, whose IOVA and length are multiples of 2M or 1G." },
	{ "misaligned",
	  "The memory is contiguous, but IOVA and physical address are at different "
	  "places within a larger page.",
	  "Choose an IOVA that has the same remainder as the address, by 2M for huge "
	  "pages of 2M, by 1G for those of 1G. QEMU: back the guest's memory with "
	  "huge pages of that size." },
	{ "scattered",
	  "The physical memory behind the addresses is not contiguous.",
	  "Back it with huge pages: hugetlbfs (QEMU: -object memory-backend-file, "
	  "mem-path=/dev/hugepages), or transparent ones, with madvise(MADV_HUGEPAGE) "
	  "before the memory is first touched." },
	{ "granule",
	  "The mapping has a granule, so that it can be cut, and no page is larger.",
	  "If pieces that small are not unmapped, choose a larger granule: the "
	  "program's VFIO_IOMMU_TYPE1X_MAP_RANGE, or the module's parameter granule." },
	{ "subset",
	  "The program has chosen page sizes with VFIO_IOMMU_TYPE1X_PGSIZES.",
	  "Let it choose more, before it maps anything." },
	{ "single",
	  "The module's parameter disable_hugepages is set, or was at the time of the "
	  "MAP.",
	  "echo N >/sys/module/vfio_iommu_type1x/parameters/disable_hugepages, then "
	  "let the program map anew." },
};

const struct t1x_why *t1x_why_find(const char *name)
{
	static struct t1x_why unknown = {
		.text = "This program does not know the reason: it is older than the module.",
		.todo = "Use the vfio-type1x that belongs to the module.",
	};
	size_t i;

	for (i = 0; i < sizeof(whys) / sizeof(*whys); i++)
		if (!strcmp(whys[i].name, name))
			return &whys[i];
	unknown.name = name;
	return &unknown;
}
