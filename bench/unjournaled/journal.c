// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal of a container that keeps none, and traces nothing: in place of journal.c
 * it makes the module that tells what watching costs. For the benchmark only.
 */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "journal.h"

void t1x_journal_init(struct t1x_journal *journal, unsigned long id)
{
	journal->id = id;
	journal->pid = current->tgid;
	get_task_comm(journal->comm, current);
	spin_lock_init(&journal->errors.lock);
}

void t1x_journal_begin(struct t1x_journal *journal, struct t1x_call *call,
		       enum t1x_call_kind kind)
{
	*call = (struct t1x_call){ .journal = journal, .kind = kind };
}

long t1x_journal_end(struct t1x_call *call, long ret)
{
	return ret;
}

bool t1x_journal_wants_leaves(const struct t1x_call *call)
{
	return false;
}

bool t1x_journal_get_error(struct t1x_journal *journal, u64 *nr,
			   struct t1x_journal_error *error)
{
	return false;
}

void t1x_journal_split(const struct t1x_call *call, unsigned long iova,
		       unsigned long last, unsigned long at)
{
}

void t1x_journal_replay(const struct t1x_call *call, unsigned long iova,
			unsigned long last, unsigned long nr_runs, int ret)
{
}

void t1x_journal_unpin(const struct t1x_journal *journal, unsigned long iova,
		       unsigned long npages)
{
}

void t1x_journal_detach(const struct t1x_journal *journal, int group)
{
}
