/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pinned memory: locked_vm of the mapper's mm, against its
 * RLIMIT_MEMLOCK.
 *
 * What is charged stays so until t1x_account_refund() notes that it is unpinned
 * and t1x_account_settle() makes it true, for any number of mappings at once. Both
 * need no memory and cannot fail.
 *
 * Units are pages of PAGE_SIZE.
 */
#ifndef T1X_ACCOUNT_H
#define T1X_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct mm_struct;
struct mutex;
struct t1x_call;
struct task_struct;

/*
 * The mm whose locked_vm pays for mappings, shared by all mappings of a
 * container that were made by one process.
 */
struct t1x_account {
	/* Immutable. */
	struct mm_struct *mm; /* a grabbed reference: may have no users */
	struct task_struct *task; /* thread group leader, for its rlimit */

	refcount_t refs;
	struct list_head next; /* protected by the mutex of the list */
	atomic_long_t charged; /* pages in locked_vm */
	/*
	 * Of these, pages to be taken out; below 0: so many of the next refunds are
	 * held back, see t1x_account_keep().
	 */
	atomic_long_t refund;
	atomic_long_t moving; /* of these, pages whose vaddr is invalid */
};

struct t1x_accounts {
	struct mutex *lock; /* immutable; the owner's mutex */
	/* Protected by *lock. An account is in it, and referred to, while it can pay. */
	struct list_head list;
};

void t1x_accounts_init(struct t1x_accounts *accounts, struct mutex *lock);
struct t1x_account *t1x_account_get(struct t1x_accounts *accounts);
void t1x_accounts_destroy(struct t1x_accounts *accounts);
void t1x_account_hold(struct t1x_account *account);
void t1x_account_put(struct t1x_account *account);
bool t1x_account_get_mm(const struct t1x_account *account);
void t1x_account_put_mm(const struct t1x_account *account);
void t1x_accounts_settle(struct t1x_accounts *accounts);
unsigned long t1x_account_orphans(struct t1x_accounts *accounts);

long t1x_account_charge(struct t1x_account *account, unsigned long want,
			unsigned long orphans, bool no_limit);
int t1x_account_refuse(const struct t1x_account *account, unsigned long npages,
		       struct t1x_call *call);
void t1x_account_refund(struct t1x_account *account, unsigned long npages);
void t1x_account_keep(struct t1x_account *account, unsigned long npages);
void t1x_account_settle(struct t1x_account *account);
void t1x_account_add_moving(struct t1x_account *account, long npages);

#endif /* T1X_ACCOUNT_H */
