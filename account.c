// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for pinned memory. See include/account.h.
 */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "account.h"
#include "call.h"
#include "alloc.h"

#include "compat.h"

/**
 * t1x_accounts_init() - Make an empty list of accounts
 * @accounts: List to initialise
 * @lock: Mutex that protects it
 */
void t1x_accounts_init(struct t1x_accounts *accounts, struct mutex *lock)
{
	accounts->lock = lock;
	INIT_LIST_HEAD(&accounts->list);
}

static void free_account(struct t1x_account *account)
{
	put_task_struct(account->task);
	mmdrop(account->mm);
	kfree(account);
}

/* Forget processes that have gone and have nothing left here. */
static void drop_dead(struct t1x_accounts *accounts)
{
	struct t1x_account *account, *next;

	list_for_each_entry_safe(account, next, &accounts->list, next) {
		if (atomic_read(&account->mm->mm_users) ||
		    refcount_read(&account->refs) > 1)
			continue;
		list_del(&account->next);
		free_account(account);
	}
}

/**
 * t1x_account_get() - The account that pays for a MAP of the caller
 * @accounts: Accounts of the container
 *
 * Context: accounts->lock held; a user's system call. May sleep.
 * Return: A counted reference, or NULL if memory is short.
 */
struct t1x_account *t1x_account_get(struct t1x_accounts *accounts)
{
	struct t1x_account *account;

	lockdep_assert_held(accounts->lock);

	list_for_each_entry(account, &accounts->list, next) {
		if (account->mm == current->mm &&
		    account->task == current->group_leader) {
			refcount_inc(&account->refs);
			return account;
		}
	}

	drop_dead(accounts);
	account = kzalloc_obj(*account, T1X_GFP_USER);
	if (!account)
		return NULL;

	mmgrab(current->mm);
	account->mm = current->mm;
	account->task = get_task_struct(current->group_leader);
	/* The caller's reference, and the list's: the next MAP finds it there. */
	refcount_set(&account->refs, 2);
	list_add(&account->next, &accounts->list);
	return account;
}

/**
 * t1x_accounts_destroy() - Undo t1x_accounts_init()
 * @accounts: List, all whose other references were given back
 *
 * Context: No lock of the container held. May sleep.
 */
void t1x_accounts_destroy(struct t1x_accounts *accounts)
{
	struct t1x_account *account, *next;

	list_for_each_entry_safe(account, next, &accounts->list, next) {
		WARN_ON_ONCE(refcount_read(&account->refs) != 1);
		list_del(&account->next);
		free_account(account);
	}
}

/**
 * t1x_account_hold() - Take another reference
 * @account: Account that the caller has a reference to, or a mapping in the tree
 *
 * Context: Any, as long as that reference lasts.
 */
void t1x_account_hold(struct t1x_account *account)
{
	refcount_inc(&account->refs);
}

/**
 * t1x_account_put() - Give a reference back
 * @account: Account; everything charged through this reference was settled
 *
 * The list has one of its own, so this is never the last.
 *
 * Context: Any.
 */
void t1x_account_put(struct t1x_account *account)
{
	WARN_ON_ONCE(refcount_dec_and_test(&account->refs));
}

/**
 * t1x_account_get_mm() - Keep the address space of an account from going
 * @account: Account
 *
 * The caller's own stays without a reference.
 *
 * Context: Any.
 * Return: false if nobody uses it any more: it must not be walked then.
 */
bool t1x_account_get_mm(const struct t1x_account *account)
{
	return account->mm == current->mm || mmget_not_zero(account->mm);
}

/**
 * t1x_account_put_mm() - Undo t1x_account_get_mm(), by the same task
 * @account: Account
 *
 * Context: No lock of the container held: the address space may end here. May
 * sleep.
 */
void t1x_account_put_mm(const struct t1x_account *account)
{
	if (account->mm != current->mm)
		mmput(account->mm);
}

/**
 * t1x_account_orphans() - Pages that are pinned for mms that are gone
 * @accounts: Accounts of the container
 *
 * An mm takes its locked_vm with it at exec and exit, while the pins stay. They
 * count against the next MAP (rule P4), or a user could pin without limit. Not so
 * mappings whose vaddr is invalid: they are on their way to another process, which
 * will be charged for them.
 *
 * Context: accounts->lock held. Does not sleep.
 * Return: Pages.
 */
unsigned long t1x_account_orphans(struct t1x_accounts *accounts)
{
	struct t1x_account *account;
	unsigned long orphans = 0;

	lockdep_assert_held(accounts->lock);

	list_for_each_entry(account, &accounts->list, next) {
		long left = atomic_long_read(&account->charged) -
			    atomic_long_read(&account->moving);

		/* What is being unmapped is refunded first, and moving still. */
		if (!atomic_read(&account->mm->mm_users))
			orphans += max(left, 0L);
	}

	return orphans;
}

/**
 * t1x_account_charge() - Charge as much of what is wanted as the limit allows
 * @account: Account of a live mm: the caller's, or one that it holds
 * @want: Pages
 * @orphans: Pages to count against the limit too, see t1x_account_orphans()
 * @no_limit: The mapper has CAP_IPC_LOCK
 *
 * Context: No lock of the container held: takes the mmap_lock, killable. May
 * sleep.
 * Return: Pages charged, less than @want where RLIMIT_MEMLOCK leaves no more; or
 * -EINTR on a fatal signal.
 */
long t1x_account_charge(struct t1x_account *account, unsigned long want,
			unsigned long orphans, bool no_limit)
{
	struct mm_struct *mm = account->mm;
	unsigned long limit, used;

	if (mmap_write_lock_killable(mm))
		return -EINTR;

	if (!no_limit) {
		limit = task_rlimit(account->task, RLIMIT_MEMLOCK) >>
			PAGE_SHIFT;
		used = mm->locked_vm + orphans;
		want = min(want, limit > used ? limit - used : 0);
	}
	if (want)
		__account_locked_vm(mm, want, true, account->task, true);
	mmap_write_unlock(mm);

	atomic_long_add(want, &account->charged);
	return want;
}

/**
 * t1x_account_refuse() - Say that an account cannot pay
 * @account: Account
 * @npages: Pages that it would have to pay for, beside what it does
 * @call: The caller's call, or NULL
 *
 * Context: Does not sleep.
 * Return: -ENOMEM.
 */
int t1x_account_refuse(const struct t1x_account *account, unsigned long npages,
		       struct t1x_call *call)
{
	unsigned long need = READ_ONCE(account->mm->locked_vm) + npages;

	return t1x_call_fail_with(call, -ENOMEM, T1X_REASON_MEMLOCK,
				  need << PAGE_SHIFT,
				  task_rlimit(account->task, RLIMIT_MEMLOCK),
				  account->task->tgid);
}

/**
 * t1x_account_refund() - Note that pages are no longer pinned
 * @account: Account that was charged for them
 * @npages: Pages
 *
 * Context: Any. Takes effect with t1x_account_settle().
 */
void t1x_account_refund(struct t1x_account *account, unsigned long npages)
{
	atomic_long_add(npages, &account->refund);
}

/**
 * t1x_account_keep() - Hold back pages from the refunds that are to come
 * @account: Account
 * @npages: Pages that stay charged although they will be refunded, because
 *	    something else holds them too
 *
 * Context: Any.
 */
void t1x_account_keep(struct t1x_account *account, unsigned long npages)
{
	atomic_long_sub(npages, &account->refund);
}

/**
 * t1x_account_add_moving() - Note that charged pages change hands, or no longer do
 * @account: Account
 * @npages: Pages, negative for no longer
 *
 * Context: Any.
 */
void t1x_account_add_moving(struct t1x_account *account, long npages)
{
	atomic_long_add(npages, &account->moving);
}

/* Take what is to be refunded; nothing while more is kept than refunded. */
static long take_refund(struct t1x_account *account)
{
	long npages = atomic_long_read(&account->refund);

	do {
		if (npages <= 0)
			return 0;
	} while (!atomic_long_try_cmpxchg(&account->refund, &npages, 0));

	return npages;
}

/**
 * t1x_account_settle() - Take refunded pages out of locked_vm
 * @account: Account
 *
 * Not killable, because an uncharge that fails would never be made up for.
 *
 * Context: No lock of the container held: takes the mmap_lock. May sleep.
 */
void t1x_account_settle(struct t1x_account *account)
{
	long npages = take_refund(account);
	struct mm_struct *mm = account->mm;

	if (!npages)
		return;

	atomic_long_sub(npages, &account->charged);
	if (!t1x_account_get_mm(account))
		return;

	mmap_write_lock(mm);
	__account_locked_vm(mm, npages, false, account->task, true);
	mmap_write_unlock(mm);
	t1x_account_put_mm(account);
}

/* An account of the list that has something to settle, with a reference. */
static struct t1x_account *find_refund(struct t1x_accounts *accounts)
{
	struct t1x_account *account, *found = NULL;

	mutex_lock(accounts->lock);
	list_for_each_entry(account, &accounts->list, next) {
		if (atomic_long_read(&account->refund) > 0) {
			t1x_account_hold(account);
			found = account;
			break;
		}
	}
	mutex_unlock(accounts->lock);
	return found;
}

/**
 * t1x_accounts_settle() - Settle all accounts of a container
 * @accounts: Accounts
 *
 * Context: No lock of the container held: takes the mmap_lock. May sleep.
 */
void t1x_accounts_settle(struct t1x_accounts *accounts)
{
	struct t1x_account *account;

	while ((account = find_refund(accounts))) {
		t1x_account_settle(account);
		t1x_account_put(account);
	}
}
