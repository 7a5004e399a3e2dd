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

#define PAGES(n) ((n) * T1X_PAGE)

#endif
