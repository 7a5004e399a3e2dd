// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counter behind fake_alloc.h.
 */
#include "fake_alloc.h"

struct fake_alloc fake_alloc;

/* Is this the call that has to fail? */
bool fake_alloc_refuse(void)
{
	return ++fake_alloc.calls == fake_alloc.fail_at;
}

void *fake_alloc_take(void *p)
{
	fake_alloc.live += !!p;
	return p;
}

void fake_alloc_drop(const void *p)
{
	fake_alloc.live -= !!p;
}
