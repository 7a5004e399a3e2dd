/* SPDX-License-Identifier: GPL-2.0-only */
/* What every suite includes: the harness, the library, the two types. */
#ifndef T1X_SUITE_H
#define T1X_SUITE_H

#include "kselftest_harness.h"

#include "backend.h"
#include "container.h"
#include "leak.h"
#include "mem.h"
#include "util.h"

#define PAGES(n)	((n) * T1X_PAGE)

/* The variants of a fixture whose only parameter is the container's type */
#define T1X_TYPE_VARIANTS(fixture)					\
	FIXTURE_VARIANT(fixture)					\
	{								\
		int type;						\
	};								\
	FIXTURE_VARIANT_ADD(fixture, type1)				\
	{								\
		.type = VFIO_TYPE1_IOMMU,				\
	};								\
	FIXTURE_VARIANT_ADD(fixture, type1v2)				\
	{								\
		.type = VFIO_TYPE1v2_IOMMU,				\
	}

#endif
