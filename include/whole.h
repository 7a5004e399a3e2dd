/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is called from outside of whole.c, by the module loader and by trace.c: the
 * compiler keeps these functions, and their names.
 */
#ifndef T1X_WHOLE_H
#define T1X_WHOLE_H

#include <linux/compiler.h>
#include <linux/module.h>

#include "call.h"

__visible int init_module(void);
__visible void cleanup_module(void);
__visible const char *t1x_call_name(enum t1x_call_kind kind);
__visible int t1x_failure_print(const struct t1x_failure *failure, char *buf,
				size_t size);

#endif /* T1X_WHOLE_H */
