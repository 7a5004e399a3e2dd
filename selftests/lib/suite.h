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

#endif
