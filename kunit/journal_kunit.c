// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal of a container: counters, histograms and the ring of failures.
 */
#include "../journal.c"

#include <kunit/test.h>

static struct t1x_journal *new_journal(struct kunit *test)
{
	struct t1x_journal *journal;

	journal = kunit_kzalloc(test, sizeof(*journal), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, journal);
	t1x_journal_init(journal, 7);
	return journal;
}

static void fail(struct t1x_journal *journal, int ret, unsigned long iova)
{
	struct t1x_call call;

	t1x_journal_begin(journal, &call, T1X_CALL_MAP);
	t1x_call_set_range(&call, iova, iova + 0xfff);
	t1x_call_fail_with(&call, ret, T1X_REASON_OVERLAP, iova, 0, 0);
	t1x_journal_end(&call, ret);
}

static void calls_are_counted(struct kunit *test)
{
	struct t1x_journal *journal = new_journal(test);
	struct t1x_call call;
	unsigned long n = 0;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, journal->pid, current->tgid);
	for (i = 0; i < 5; i++) {
		t1x_journal_begin(journal, &call, T1X_CALL_MAP);
		KUNIT_EXPECT_EQ(test, 0L, t1x_journal_end(&call, 0));
	}
	fail(journal, -EEXIST, 0);
	t1x_journal_begin(journal, &call, T1X_CALL_DIRTY);
	KUNIT_EXPECT_EQ(test, -5L, t1x_journal_end(&call, -5));

	KUNIT_EXPECT_EQ(test, 6L,
			atomic_long_read(&journal->calls[T1X_CALL_MAP]));
	KUNIT_EXPECT_EQ(test, 1L,
			atomic_long_read(&journal->failed[T1X_CALL_MAP]));
	KUNIT_EXPECT_EQ(test, 1L,
			atomic_long_read(&journal->failed[T1X_CALL_DIRTY]));
	for (i = 0; i < T1X_JOURNAL_BUCKETS; i++) {
		n += atomic_long_read(&journal->map_ns[i]);
		KUNIT_EXPECT_EQ(test, 0L,
				atomic_long_read(&journal->unmap_ns[i]));
	}
	KUNIT_EXPECT_EQ(test, 6UL, n);
}

static void time_falls_into_its_bucket(struct kunit *test)
{
	atomic_long_t buckets[T1X_JOURNAL_BUCKETS] = {};

	count_ns(buckets, 0);
	count_ns(buckets, 1);
	count_ns(buckets, 2);
	count_ns(buckets, 3);
	count_ns(buckets, 4);
	count_ns(buckets, BIT_ULL(T1X_JOURNAL_BUCKETS - 1));
	count_ns(buckets, U64_MAX);
	KUNIT_EXPECT_EQ(test, 2L, atomic_long_read(&buckets[0]));
	KUNIT_EXPECT_EQ(test, 2L, atomic_long_read(&buckets[1]));
	KUNIT_EXPECT_EQ(test, 1L, atomic_long_read(&buckets[2]));
	KUNIT_EXPECT_EQ(test, 2L,
			atomic_long_read(&buckets[T1X_JOURNAL_BUCKETS - 1]));
}

static void last_failures_are_remembered(struct kunit *test)
{
	struct t1x_journal *journal = new_journal(test);
	struct t1x_journal_error error;
	u64 nr = 0, i;

	KUNIT_EXPECT_FALSE(test, t1x_journal_get_error(journal, &nr, &error));
	for (i = 0; i < T1X_JOURNAL_ERRORS + 3; i++)
		fail(journal, -EEXIST, i << PAGE_SHIFT);

	/* The first three are forgotten. */
	for (i = 3; t1x_journal_get_error(journal, &nr, &error); i++, nr++) {
		KUNIT_EXPECT_EQ(test, i, nr);
		KUNIT_EXPECT_TRUE(test, error.has_range);
		KUNIT_EXPECT_EQ(test, (unsigned long)(i << PAGE_SHIFT),
				error.iova);
		KUNIT_EXPECT_EQ(test, error.iova + 0xfff, error.last);
		KUNIT_EXPECT_EQ(test, error.iova, error.failure.values[0]);
		KUNIT_EXPECT_EQ(test, -EEXIST, error.failure.ret);
		KUNIT_EXPECT_EQ(test, current->tgid, error.pid);
	}
	KUNIT_EXPECT_EQ(test, (u64)T1X_JOURNAL_ERRORS + 3, i);

	/* The same of all journals, of which this was the last. */
	nr = all_errors.nr - 1;
	KUNIT_EXPECT_TRUE(test, t1x_journal_get_error(NULL, &nr, &error));
	KUNIT_EXPECT_EQ(test, 7UL, error.id);
	KUNIT_EXPECT_EQ(test, (unsigned long)((i - 1) << PAGE_SHIFT),
			error.iova);
}

static void reason_of_another_attempt_is_not_told(struct kunit *test)
{
	static const struct {
		int ret;
		enum t1x_reason want;
	} rows[] = {
		{ -EEXIST, T1X_REASON_OVERLAP },
		{ -EINTR, T1X_REASON_KILLED },
		{ -ENOMEM, T1X_REASON_MEMORY },
		{ -EIO, T1X_REASON_OTHER },
	};
	struct t1x_journal *journal = new_journal(test);
	struct t1x_journal_error error;
	struct t1x_call call;
	u64 nr;

	for (nr = 0; nr < ARRAY_SIZE(rows); nr++) {
		t1x_journal_begin(journal, &call, T1X_CALL_UNMAP);
		t1x_call_fail(&call, -EEXIST, T1X_REASON_OVERLAP);
		t1x_journal_end(&call, rows[nr].ret);
		KUNIT_ASSERT_TRUE(test,
				  t1x_journal_get_error(journal, &nr, &error));
		KUNIT_EXPECT_EQ(test, rows[nr].want, error.failure.reason);
		KUNIT_EXPECT_EQ(test, rows[nr].ret, error.failure.ret);
		KUNIT_EXPECT_FALSE(test, error.has_range);
	}
}

static struct kunit_case journal_cases[] = {
	KUNIT_CASE(calls_are_counted),
	KUNIT_CASE(time_falls_into_its_bucket),
	KUNIT_CASE(last_failures_are_remembered),
	KUNIT_CASE(reason_of_another_attempt_is_not_told),
	{}
};

static struct kunit_suite journal_suite = {
	.name = "t1x_journal",
	.test_cases = journal_cases,
};

kunit_test_suite(journal_suite);
