/* SPDX-License-Identifier: GPL-2.0-only */
/* What every suite includes: the harness and the library. */
#ifndef T1X_SUITE_H
#define T1X_SUITE_H

#include "kselftest_harness.h"

#include "backend.h"
#include "container.h"
#include "leak.h"
#include "mem.h"
#include "util.h"

/* An emulated guest with every debug option on is slow, and often not alone */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define PAGES(n) (T1X_PAGE * (n))

/* clang-format off */

/* The variants of a fixture: each type of container, in variant->type */
#define T1X_BOTH_TYPES(fixture) \
	FIXTURE_VARIANT(fixture) { int type; }; \
	FIXTURE_VARIANT_ADD(fixture, type1) { VFIO_TYPE1_IOMMU }; \
	FIXTURE_VARIANT_ADD(fixture, type1v2) { VFIO_TYPE1v2_IOMMU }

#define T1X_TYPE_MEMORY(fixture, name, type) \
	FIXTURE_VARIANT_ADD(fixture, name##_4k) { type, T1X_MEM_4K }; \
	FIXTURE_VARIANT_ADD(fixture, name##_thp) { type, T1X_MEM_THP }; \
	FIXTURE_VARIANT_ADD(fixture, name##_2m) { type, T1X_MEM_2M }

/* Each type with small and with huge pages, in variant->kind */
#define T1X_BOTH_TYPES_OF_MEMORY(fixture) \
	FIXTURE_VARIANT(fixture) { int type; enum t1x_mem kind; }; \
	T1X_TYPE_MEMORY(fixture, type1, VFIO_TYPE1_IOMMU); \
	T1X_TYPE_MEMORY(fixture, type1v2, VFIO_TYPE1v2_IOMMU)

/* clang-format on */

#endif
