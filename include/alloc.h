/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How memory is allocated that a user can have as much of as he likes: charged to
 * his memory cgroup, and where that is full the call fails. The OOM killer would
 * end him, who is often a virtual machine.
 */
#ifndef T1X_ALLOC_H
#define T1X_ALLOC_H

#include <linux/gfp.h>

#define T1X_GFP_USER (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#endif /* T1X_ALLOC_H */
