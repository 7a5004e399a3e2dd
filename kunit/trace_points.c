// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints once more: the module itself is not loaded beside its unit tests.
 */
#include "../trace.c"
