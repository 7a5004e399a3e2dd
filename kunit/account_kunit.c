// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays, where processes are made up: a task with a limit, and of an address space no
 * more than its counts, its lock and its locked_vm. What the kernel does with these is real.
 */
#include "fake_alloc.h"

#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "call.h"

#define MAX_TASKS 16
/* References of ours: one put too many must not end what was never made. */
#define OURS 100

static struct world {
	struct kunit *test;
	struct task_struct *caller;
	bool killed; /* the caller has a fatal signal */
	unsigned int ended; /* address spaces */

	/* All there are. */
	struct task_struct *tasks[MAX_TASKS];
	struct mm_struct *mms[MAX_TASKS];
	unsigned int nr_tasks;
	unsigned int nr_mms;
} world;

static int lock_killable(struct mm_struct *mm)
{
	return world.killed ? -EINTR : mmap_write_lock_killable(mm);
}

/* Of the last user, without an end of its memory. */
static void fake_mmput(struct mm_struct *mm)
{
	if (atomic_dec_and_test(&mm->mm_users))
		world.ended++;
}

#undef current
#define current (world.caller)
#define mmput(mm) fake_mmput(mm)
#define mmap_write_lock_killable(mm) lock_killable(mm)

/* fake_pin.c is the other account.c. */
#define t1x_accounts_init real_accounts_init
#define t1x_account_get real_account_get
#define t1x_accounts_destroy real_accounts_destroy
#define t1x_account_hold real_account_hold
#define t1x_account_put real_account_put
#define t1x_account_get_mm real_account_get_mm
#define t1x_account_put_mm real_account_put_mm
#define t1x_accounts_settle real_accounts_settle
#define t1x_account_orphans real_account_orphans
#define t1x_account_charge real_account_charge
#define t1x_account_refuse real_account_refuse
#define t1x_account_refund real_account_refund
#define t1x_account_keep real_account_keep
#define t1x_account_settle real_account_settle
#define t1x_account_add_moving real_account_add_moving

#include "../account.c"

#define SEED 0x7431780020ULL
#define NO_LIMIT (RLIM_INFINITY >> PAGE_SHIFT)

static struct t1x_accounts accounts;
static DEFINE_MUTEX(accounts_lock);

/* ---- Processes ---- */

static struct mm_struct *new_mm(struct kunit *test)
{
	struct mm_struct *mm = kunit_kzalloc(test, sizeof(*mm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mm);
	KUNIT_ASSERT_LT(test, world.nr_mms, (unsigned int)MAX_TASKS);
	init_rwsem(&mm->mmap_lock);
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, OURS);
	world.mms[world.nr_mms++] = mm;
	return mm;
}

static void set_limit(struct task_struct *task, unsigned long npages)
{
	task->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = npages << PAGE_SHIFT;
}

/* A thread of @leader, or the first one of a process. */
static struct task_struct *
new_task(struct kunit *test, struct task_struct *leader, struct mm_struct *mm)
{
	struct task_struct *task;

	task = kunit_kzalloc(test, sizeof(*task), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_ASSERT_LT(test, world.nr_tasks, (unsigned int)MAX_TASKS);
	refcount_set(&task->usage, OURS);
	task->mm = mm;
	task->group_leader = leader ?: task;
	task->pid = 100 + world.nr_tasks;
	task->tgid = task->group_leader->pid;
	if (leader) {
		task->signal = leader->signal;
	} else {
		task->signal =
			kunit_kzalloc(test, sizeof(*task->signal), GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task->signal);
		set_limit(task, NO_LIMIT);
	}
	world.tasks[world.nr_tasks++] = task;
	return task;
}

static struct task_struct *new_process(struct kunit *test)
{
	return new_task(test, NULL, new_mm(test));
}

/* Its mm stays: as long as something refers to it, and its pins are charged. */
static void exit_process(struct task_struct *task)
{
	fake_mmput(task->mm);
	task->mm = NULL;
}

/* ---- Their accounts ---- */

/* What a MAP of @task does first. The reference is to be put. */
static struct t1x_account *get_account(struct task_struct *task)
{
	struct t1x_account *account;

	world.caller = task;
	mutex_lock(&accounts_lock);
	account = t1x_account_get(&accounts);
	mutex_unlock(&accounts_lock);
	return account;
}

static struct t1x_account *new_account(struct task_struct *task)
{
	struct t1x_account *account = get_account(task);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(world.test, account);
	KUNIT_EXPECT_PTR_EQ(world.test, task->mm, account->mm);
	KUNIT_EXPECT_PTR_EQ(world.test, task->group_leader, account->task);
	return account;
}

static unsigned long orphans(void)
{
	unsigned long npages;

	mutex_lock(&accounts_lock);
	npages = t1x_account_orphans(&accounts);
	mutex_unlock(&accounts_lock);
	return npages;
}

static unsigned int nr_accounts(void)
{
	struct t1x_account *account;
	unsigned int nr = 0;

	mutex_lock(&accounts_lock);
	list_for_each_entry(account, &accounts.list, next)
		nr++;
	mutex_unlock(&accounts_lock);
	return nr;
}

/* An account says what it charged, and so does the mm behind it. */
static void check_charged(const struct t1x_account *account, unsigned long want)
{
	KUNIT_EXPECT_EQ(world.test, (long)want,
			atomic_long_read(&account->charged));
	KUNIT_EXPECT_EQ(world.test, want, account->mm->locked_vm);
}

static void settle(struct t1x_account *account, unsigned long refund)
{
	t1x_account_refund(account, refund);
	t1x_account_settle(account);
}

/* ---- The list ---- */

static void a_process_has_one_account(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct task_struct *thread = new_task(test, process, process->mm);
	struct t1x_account *account = new_account(process);

	KUNIT_EXPECT_PTR_EQ(test, account, get_account(process));
	KUNIT_EXPECT_PTR_EQ(test, account, get_account(thread));
	KUNIT_EXPECT_EQ(test, 1U, nr_accounts());
	KUNIT_EXPECT_EQ(test, 4, (int)refcount_read(&account->refs));
	t1x_account_hold(account);
	KUNIT_EXPECT_EQ(test, 5, (int)refcount_read(&account->refs));
	while (refcount_read(&account->refs) > 1)
		t1x_account_put(account);

	/* It is known to the list alone, and is the one for the next MAP. */
	KUNIT_EXPECT_PTR_EQ(test, account, get_account(process));
	t1x_account_put(account);
}

/* Its child, its child that still shares its memory, and itself after an exec. */
static void another_process_has_another_account(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct task_struct *child = new_process(test);
	struct task_struct *sharer = new_task(test, NULL, process->mm);
	struct t1x_account *account[4];
	unsigned int i, k;

	account[0] = new_account(process);
	account[1] = new_account(child);
	account[2] = new_account(sharer);
	exit_process(child);
	process->mm = new_mm(test);
	account[3] = new_account(process);
	for (i = 0; i < ARRAY_SIZE(account); i++) {
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_PTR_NE(test, account[k], account[i]);
	}
	KUNIT_EXPECT_EQ(test, 4U, nr_accounts());
	for (i = 0; i < ARRAY_SIZE(account); i++)
		t1x_account_put(account[i]);
}

/* Only those that are dead and that nobody refers to, when another one comes. */
static void the_dead_are_dropped(struct kunit *test)
{
	struct task_struct *dead = new_process(test);
	struct task_struct *held = new_process(test);
	struct task_struct *alive = new_process(test);
	struct t1x_account *account;

	t1x_account_put(new_account(dead));
	account = new_account(held);
	t1x_account_put(new_account(alive));
	exit_process(dead);
	exit_process(held);

	t1x_account_put(get_account(alive));
	KUNIT_EXPECT_EQ(test, 3U, nr_accounts());
	t1x_account_put(new_account(new_process(test)));
	KUNIT_EXPECT_EQ(test, 3U, nr_accounts());
	KUNIT_EXPECT_EQ(test, OURS, (int)refcount_read(&dead->usage));
	KUNIT_EXPECT_EQ(test, OURS + 1, (int)refcount_read(&held->usage));
	KUNIT_EXPECT_EQ(test, OURS + 1, (int)refcount_read(&alive->usage));

	t1x_account_put(account);
	t1x_account_put(new_account(new_process(test)));
	KUNIT_EXPECT_EQ(test, 3U, nr_accounts());
	KUNIT_EXPECT_EQ(test, OURS, (int)refcount_read(&held->usage));
}

static void without_memory_there_is_no_account(struct kunit *test)
{
	struct task_struct *process = new_process(test);

	fake_alloc.fail_at = fake_alloc.calls + 1;
	KUNIT_EXPECT_PTR_EQ(test, NULL, get_account(process));
	KUNIT_EXPECT_EQ(test, 0U, nr_accounts());
	KUNIT_EXPECT_EQ(test, OURS, (int)refcount_read(&process->usage));
	KUNIT_EXPECT_EQ(test, OURS, atomic_read(&process->mm->mm_count));
}

/* ---- The address space ---- */

static void the_callers_own_needs_no_reference(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct mm_struct *mm = process->mm;
	struct t1x_account *account = new_account(process);

	KUNIT_EXPECT_TRUE(test, t1x_account_get_mm(account));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mm->mm_users));
	t1x_account_put_mm(account);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mm->mm_users));
	t1x_account_put(account);
}

static void anothers_lives_until_it_is_put(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct mm_struct *mm = process->mm;
	struct t1x_account *account = new_account(process);

	world.caller = new_process(test);
	KUNIT_EXPECT_TRUE(test, t1x_account_get_mm(account));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&mm->mm_users));
	exit_process(process);
	KUNIT_EXPECT_TRUE(test, t1x_account_get_mm(account));
	t1x_account_put_mm(account);
	KUNIT_EXPECT_EQ(test, 0U, world.ended);
	t1x_account_put_mm(account);
	KUNIT_EXPECT_EQ(test, 1U, world.ended);

	/* Gone, also for a caller that has none: it must not match that. */
	KUNIT_EXPECT_FALSE(test, t1x_account_get_mm(account));
	world.caller = process;
	KUNIT_EXPECT_FALSE(test, t1x_account_get_mm(account));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mm->mm_users));
	t1x_account_put(account);
}

/* ---- The limit ---- */

/* One page after the other, until the limit is there. */
static unsigned long model_charge(unsigned long limit, unsigned long used,
				  unsigned long want)
{
	unsigned long n = 0;

	while (n < want && used + n < limit)
		n++;
	return n;
}

/* What is locked by other means counts; a part of a page does not. */
static void charge_at_the_limit(struct t1x_account *account, unsigned long want,
				unsigned long limit, unsigned long used,
				unsigned long other)
{
	struct task_struct *task = account->task;
	long n;

	set_limit(task, limit);
	task->signal->rlim[RLIMIT_MEMLOCK].rlim_cur += want % 2 * ~PAGE_MASK;
	account->mm->locked_vm = used;
	n = t1x_account_charge(account, want, other, false);
	KUNIT_EXPECT_EQ_MSG(world.test,
			    (long)model_charge(limit, used + other, want), n,
			    "%lu of %lu, %lu used, %lu orphans", want, limit,
			    used, other);
	KUNIT_EXPECT_EQ(world.test, used + n, account->mm->locked_vm);
	KUNIT_EXPECT_EQ(world.test, n, atomic_long_read(&account->charged));
	settle(account, n);
	KUNIT_EXPECT_EQ(world.test, used, account->mm->locked_vm);
}

/* Every combination of four numbers that are near each other, or near their sums. */
static void charges_at_every_edge_of_the_limit(struct kunit *test)
{
	static const unsigned long at[] = { 0, 1, 2, 15, 16, 17, 31, 32, 33 };
	struct t1x_account *account = new_account(new_process(test));
	const unsigned int n = ARRAY_SIZE(at);
	unsigned int i;

	for (i = 0; i < n * n * n * n; i++)
		charge_at_the_limit(account, at[i % n], at[i / n % n],
				    at[i / n / n % n], at[i / n / n / n]);
	account->mm->locked_vm = 0;
	t1x_account_put(account);
}

/* As much as there are pages: the sum is at the end of the 64-bit space, in bytes. */
static void the_largest_charge_there_is(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct t1x_account *account = new_account(process);
	const unsigned long all = NO_LIMIT;

	KUNIT_EXPECT_EQ(test, (long)all,
			t1x_account_charge(account, ULONG_MAX, 0, false));
	KUNIT_EXPECT_EQ(test, 0L, t1x_account_charge(account, 1, 0, false));
	settle(account, 1);
	KUNIT_EXPECT_EQ(test, 0L, t1x_account_charge(account, 1, 1, false));
	KUNIT_EXPECT_EQ(test, 1L, t1x_account_charge(account, 2, 0, false));
	check_charged(account, all);
	settle(account, all);
	check_charged(account, 0);
	t1x_account_put(account);
}

static void who_has_no_limit_is_charged_beyond_it(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct t1x_account *account = new_account(process);

	set_limit(process, 4);
	KUNIT_EXPECT_EQ(test, 5L, t1x_account_charge(account, 5, 9, true));
	KUNIT_EXPECT_EQ(test, 1L, t1x_account_charge(account, 1, 9, true));
	check_charged(account, 6);

	/* From above the limit there is no way round to a large number. */
	KUNIT_EXPECT_EQ(test, 0L, t1x_account_charge(account, 1, 0, false));
	settle(account, 3);
	KUNIT_EXPECT_EQ(test, 1L, t1x_account_charge(account, 5, 0, false));
	settle(account, 4);
	t1x_account_put(account);
}

static void a_fatal_signal_charges_nothing(struct kunit *test)
{
	struct t1x_account *account = new_account(new_process(test));

	world.killed = true;
	KUNIT_EXPECT_EQ(test, (long)-EINTR,
			t1x_account_charge(account, 5, 0, false));
	KUNIT_EXPECT_EQ(test, (long)-EINTR,
			t1x_account_charge(account, 5, 0, true));
	check_charged(account, 0);

	/* What is charged goes all the same. */
	world.killed = false;
	KUNIT_EXPECT_EQ(test, 5L, t1x_account_charge(account, 5, 0, false));
	world.killed = true;
	settle(account, 5);
	check_charged(account, 0);
	t1x_account_put(account);
}

static void a_refusal_says_what_it_would_have_taken(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct t1x_account *account = new_account(process);
	struct t1x_call call = {};

	set_limit(process, 4);
	KUNIT_EXPECT_EQ(test, 3L, t1x_account_charge(account, 3, 0, false));
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_account_refuse(account, 2, NULL));
	KUNIT_EXPECT_EQ(test, -ENOMEM, t1x_account_refuse(account, 2, &call));
	KUNIT_EXPECT_EQ(test, -ENOMEM, call.failure.ret);
	KUNIT_EXPECT_EQ(test, (int)T1X_REASON_MEMLOCK,
			(int)call.failure.reason);
	KUNIT_EXPECT_EQ(test, 5ULL << PAGE_SHIFT, call.failure.values[0]);
	KUNIT_EXPECT_EQ(test, 4ULL << PAGE_SHIFT, call.failure.values[1]);
	KUNIT_EXPECT_EQ(test, (u64)process->tgid, call.failure.values[2]);
	settle(account, 3);
	t1x_account_put(account);
}

/* ---- Refunds ---- */

static void a_refund_waits_to_be_settled(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct mm_struct *mm = process->mm;
	struct t1x_account *account = new_account(process);

	t1x_account_charge(account, 10, 0, false);
	t1x_account_refund(account, 4);
	t1x_account_refund(account, 1);
	check_charged(account, 10);
	t1x_account_settle(account);
	check_charged(account, 5);
	t1x_account_settle(account);
	check_charged(account, 5);

	/* By another process, which has to hold the address space for it. */
	world.caller = new_process(test);
	settle(account, 5);
	check_charged(account, 0);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mm->mm_users));
	t1x_account_put(account);
}

static void more_is_kept_than_refunded(struct kunit *test)
{
	struct t1x_account *account = new_account(new_process(test));

	t1x_account_charge(account, 10, 0, false);
	t1x_account_keep(account, 5);
	t1x_account_settle(account);
	check_charged(account, 10);
	settle(account, 3);
	check_charged(account, 10);
	settle(account, 2);
	check_charged(account, 10);

	/* All that was kept is made up for; from here on pages go. */
	settle(account, 1);
	check_charged(account, 9);
	t1x_account_refund(account, 4);
	t1x_account_keep(account, 1);
	t1x_account_settle(account);
	check_charged(account, 6);
	settle(account, 6);
	check_charged(account, 0);
	t1x_account_put(account);
}

static void all_accounts_are_settled(struct kunit *test)
{
	/* What is still to be refunded then; one page was kept. */
	static const unsigned long left[] = { 9, 11, 7 };
	struct t1x_account *account[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(account); i++) {
		account[i] = new_account(new_process(test));
		t1x_account_charge(account[i], 10, 0, false);
	}
	t1x_account_refund(account[0], 1);
	t1x_account_keep(account[1], 1);
	t1x_account_refund(account[2], 3);
	t1x_accounts_settle(&accounts);
	check_charged(account[0], 9);
	check_charged(account[1], 10);
	check_charged(account[2], 7);
	for (i = 0; i < ARRAY_SIZE(account); i++) {
		KUNIT_EXPECT_EQ(test, 2, (int)refcount_read(&account[i]->refs));
		settle(account[i], left[i]);
		check_charged(account[i], 0);
		t1x_account_put(account[i]);
	}
}

/* ---- Orphans ---- */

/* Its locked_vm goes with it, the pins do not: they count until they are refunded. */
static void what_the_dead_leave_is_counted(struct kunit *test)
{
	struct task_struct *process = new_process(test), *other;
	struct t1x_account *account = new_account(process);
	struct mm_struct *mm = process->mm;

	t1x_account_charge(account, 10, 0, false);
	KUNIT_EXPECT_EQ(test, 0UL, orphans());
	exit_process(process);
	KUNIT_EXPECT_EQ(test, 10UL, orphans());

	other = new_process(test);
	t1x_account_put(new_account(other));
	settle(account, 4);
	KUNIT_EXPECT_EQ(test, 6UL, orphans());
	KUNIT_EXPECT_EQ(test, 10UL, mm->locked_vm);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mm->mm_users));
	settle(account, 6);
	KUNIT_EXPECT_EQ(test, 0UL, orphans());
	t1x_account_put(account);
}

/* What changes hands does not count, and never makes up for the orphans of another. */
static void what_is_moving_is_no_orphan(struct kunit *test)
{
	struct task_struct *process = new_process(test);
	struct task_struct *other = new_process(test);
	struct t1x_account *moving = new_account(process);
	struct t1x_account *left = new_account(other);

	t1x_account_charge(moving, 10, 0, false);
	t1x_account_charge(left, 3, 0, false);
	t1x_account_add_moving(moving, 7);
	exit_process(process);
	KUNIT_EXPECT_EQ(test, 3UL, orphans());
	exit_process(other);
	KUNIT_EXPECT_EQ(test, 6UL, orphans());
	t1x_account_add_moving(moving, -2);
	KUNIT_EXPECT_EQ(test, 8UL, orphans());

	/* Unmapped: refunded first, and moving still. */
	settle(moving, 10);
	KUNIT_EXPECT_EQ(test, 3UL, orphans());
	t1x_account_add_moving(moving, -5);
	KUNIT_EXPECT_EQ(test, 3UL, orphans());
	settle(left, 3);
	t1x_account_put(moving);
	t1x_account_put(left);
}

/* ---- Random calls ---- */

#define NR_MODELS 3
#define NR_PAGES 64

/* The pages that a process has pinned, each for itself. */
struct model {
	struct task_struct *process;
	struct t1x_account *account;
	unsigned long limit;
	bool alive;
	bool charged[NR_PAGES];
	bool refunded[NR_PAGES]; /* of these */
	bool moving[NR_PAGES]; /* of these */
	unsigned int kept; /* refunds to come that change nothing */
};

static unsigned int count(const bool *pages)
{
	unsigned int page, n = 0;

	for (page = 0; page < NR_PAGES; page++)
		n += pages[page];
	return n;
}

static unsigned int count_orphans(const struct model *models)
{
	unsigned int i, page, n = 0;

	for (i = 0; i < NR_MODELS; i++) {
		for (page = 0; page < NR_PAGES && !models[i].alive; page++)
			n += models[i].charged[page] && !models[i].moving[page];
	}
	return n;
}

static void model_charge_pages(struct model *models, struct model *m,
			       unsigned int want, bool no_limit)
{
	unsigned int used = count(m->charged), lost = count_orphans(models);
	unsigned int n = model_charge(no_limit ? NR_PAGES : m->limit,
				      no_limit ? 0 : used + lost, want);
	unsigned int page;

	KUNIT_EXPECT_EQ(world.test, (long)n,
			t1x_account_charge(m->account, want, lost, no_limit));
	for (page = 0; n; page++) {
		n -= !m->charged[page];
		m->charged[page] = true;
	}
}

static void model_refund_page(struct model *m, unsigned int page)
{
	if (!m->charged[page] || m->refunded[page])
		return;

	t1x_account_refund(m->account, 1);
	if (m->kept)
		m->kept--;
	else
		m->refunded[page] = true;
}

static void model_settle(struct model *m)
{
	unsigned int page;

	for (page = 0; page < NR_PAGES; page++) {
		if (!m->refunded[page])
			continue;
		m->charged[page] = false;
		m->refunded[page] = false;
		if (m->moving[page])
			t1x_account_add_moving(m->account, -1);
		m->moving[page] = false;
	}
}

static void model_toggle_moving(struct model *m, unsigned int page)
{
	if (!m->charged[page] || m->refunded[page])
		return;

	m->moving[page] = !m->moving[page];
	t1x_account_add_moving(m->account, m->moving[page] ? 1 : -1);
}

static void random_call(struct model *models, struct rnd_state *rnd)
{
	struct model *m = &models[prandom_u32_state(rnd) % NR_MODELS];
	unsigned int page = prandom_u32_state(rnd) % NR_PAGES;
	unsigned int i, room = NR_PAGES - count(m->charged);

	world.caller = models[prandom_u32_state(rnd) % NR_MODELS].process;
	switch (prandom_u32_state(rnd) % 16) {
	case 0 ... 3:
		if (m->alive)
			model_charge_pages(models, m, page % (room + 1),
					   page % 4 == 0);
		break;
	case 4 ... 8:
		for (i = page; i < NR_PAGES && i < page + 8; i++)
			model_refund_page(m, i);
		break;
	case 9:
		/* Nothing is kept once it waits to be settled, in this model. */
		if (!count(m->refunded)) {
			t1x_account_keep(m->account, 2);
			m->kept += 2;
		}
		break;
	case 10 ... 11:
		t1x_account_settle(m->account);
		model_settle(m);
		break;
	case 12:
		t1x_accounts_settle(&accounts);
		for (i = 0; i < NR_MODELS; i++)
			model_settle(&models[i]);
		break;
	case 13 ... 14:
		model_toggle_moving(m, page);
		break;
	default:
		m->limit = page;
		set_limit(m->process, page);
	}
}

static bool is_as_modelled(const struct model *m)
{
	long charged = count(m->charged);

	return charged == atomic_long_read(&m->account->charged) &&
	       count(m->moving) == atomic_long_read(&m->account->moving) &&
	       (!m->alive || charged == m->account->mm->locked_vm);
}

static bool check_models(struct kunit *test, const struct model *models,
			 unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < NR_MODELS; i++) {
		if (is_as_modelled(&models[i]))
			continue;
		KUNIT_FAIL(test, "process %u is wrong after call %u", i, nr);
		return false;
	}
	if (orphans() == count_orphans(models))
		return true;

	KUNIT_FAIL(test, "%lu orphans after call %u", orphans(), nr);
	return false;
}

static void end_model(struct model *m)
{
	unsigned int page;

	t1x_account_refund(m->account, m->kept);
	m->kept = 0;
	for (page = 0; page < NR_PAGES; page++)
		model_refund_page(m, page);
	t1x_account_settle(m->account);
	model_settle(m);
}

/* Each of the processes dies on the way, but for the last one. */
static void random_calls_against_the_model(struct kunit *test)
{
	struct model *models;
	struct rnd_state rnd;
	unsigned int i;

	kunit_info(test, "seed 0x%llx\n", SEED);
	prandom_seed_state(&rnd, SEED);

	models = kunit_kcalloc(test, NR_MODELS, sizeof(*models), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, models);
	for (i = 0; i < NR_MODELS; i++) {
		models[i].process = new_process(test);
		models[i].account = new_account(models[i].process);
		models[i].alive = true;
		models[i].limit = NR_PAGES / 2;
		set_limit(models[i].process, NR_PAGES / 2);
	}
	for (i = 0; i < 3000; i++) {
		if (i == 1000 || i == 2000) {
			exit_process(models[i / 2000].process);
			models[i / 2000].alive = false;
		}
		random_call(models, &rnd);
		if (!check_models(test, models, i))
			break;
	}
	for (i = 0; i < NR_MODELS; i++)
		end_model(&models[i]);
	check_models(test, models, i);
	for (i = 0; i < NR_MODELS; i++)
		t1x_account_put(models[i].account);
}

static struct kunit_case account_cases[] = {
	KUNIT_CASE(a_process_has_one_account),
	KUNIT_CASE(another_process_has_another_account),
	KUNIT_CASE(the_dead_are_dropped),
	KUNIT_CASE(without_memory_there_is_no_account),
	KUNIT_CASE(the_callers_own_needs_no_reference),
	KUNIT_CASE(anothers_lives_until_it_is_put),
	KUNIT_CASE(charges_at_every_edge_of_the_limit),
	KUNIT_CASE(the_largest_charge_there_is),
	KUNIT_CASE(who_has_no_limit_is_charged_beyond_it),
	KUNIT_CASE(a_fatal_signal_charges_nothing),
	KUNIT_CASE(a_refusal_says_what_it_would_have_taken),
	KUNIT_CASE(a_refund_waits_to_be_settled),
	KUNIT_CASE(more_is_kept_than_refunded),
	KUNIT_CASE(all_accounts_are_settled),
	KUNIT_CASE(what_the_dead_leave_is_counted),
	KUNIT_CASE(what_is_moving_is_no_orphan),
	KUNIT_CASE(random_calls_against_the_model),
	{}
};

static int account_init(struct kunit *test)
{
	fake_init(test);
	world = (struct world){ .test = test };
	t1x_accounts_init(&accounts, &accounts_lock);
	return 0;
}

/* The accounts go, and with them what they held of processes. */
static void account_exit(struct kunit *test)
{
	struct t1x_account *account;
	unsigned int i;

	list_for_each_entry(account, &accounts.list, next) {
		KUNIT_EXPECT_EQ(test, 1, (int)refcount_read(&account->refs));
		refcount_set(&account->refs, 1);
	}
	t1x_accounts_destroy(&accounts);
	for (i = 0; i < world.nr_tasks; i++)
		KUNIT_EXPECT_EQ(test, OURS,
				(int)refcount_read(&world.tasks[i]->usage));
	for (i = 0; i < world.nr_mms; i++)
		KUNIT_EXPECT_EQ(test, OURS,
				atomic_read(&world.mms[i]->mm_count));
	fake_exit(test);
}

static struct kunit_suite account_suite = {
	.name = "t1x_account",
	.init = account_init,
	.exit = account_exit,
	.test_cases = account_cases,
};

kunit_test_suite(account_suite);
