// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counter behind fake_alloc.h.
 */
#include <linux/spinlock.h>

#include "fake_alloc.h"

struct fake_alloc fake_alloc;

/* Some calls are made in threads of their own. */
static DEFINE_SPINLOCK(lock);

/* Is this the call that has to fail? */
bool fake_alloc_refuse(void)
{
	unsigned long flags;
	bool refuse;

	spin_lock_irqsave(&lock, flags);
	refuse = ++fake_alloc.calls == fake_alloc.fail_at;
	spin_unlock_irqrestore(&lock, flags);
	return refuse;
}

static void count_live(long n)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	fake_alloc.live += n;
	spin_unlock_irqrestore(&lock, flags);
}

void *fake_alloc_take(void *p)
{
	count_live(!!p);
	return p;
}

void fake_alloc_drop(const void *p)
{
	count_live(-!!p);
}
