// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module as one unit of translation, from the lowest layer up.
 *
 * A call of one page goes through some forty functions of a dozen files. Here the
 * compiler sees them all, and Kbuild tells it (-fwhole-program) that nobody else calls
 * them: that saves a MAP or an UNMAP a twentieth of its instructions. So the names of
 * static functions are unique in the module, too. trace.c is by itself, because the
 * tracepoints' macros refer to its functions from assembler.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "whole.h"

#include "call.c"
#include "params.c"

#include "dirty_bitmap.c"
#include "pgsize.c"

#include "census.c"
#include "iova_space.c"
#include "journal.c"
#include "uapi.c"
#include "user_bitmap.c"

#include "account.c"
#include "dma_tracker.c"
#include "domain.c"

#include "copy.c"
#include "dirty_report.c"
#include "dma_record.c"
#include "domains.c"
#include "external.c"
#include "pin.c"

#include "backing.c"
#include "dirty_log.c"
#include "emulated.c"
#include "vaddr.c"

#include "backing_clear.c"
#include "emulated_pin.c"
#include "map.c"

#include "group.c"
#include "unmap.c"

#include "container.c"

#include "debugfs.c"
#include "ioctl.c"

#include "vfio_iommu_type1x.c"
