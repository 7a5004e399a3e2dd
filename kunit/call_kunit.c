// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call says of its failure.
 */
#include "../call.c"

#include <kunit/test.h>
#include <linux/string.h>

static void every_reason_has_a_name_and_fits(struct kunit *test)
{
	char text[T1X_FAILURE_TEXT];
	enum t1x_reason reason;

	for (reason = 0; reason < T1X_NR_REASONS; reason++) {
		/* The longest hexadecimal, the last name of each list. */
		struct t1x_failure failure = {
			.ret = -EINVAL,
			.reason = reason,
			.values = { ULONG_MAX, ULONG_MAX, ULONG_MAX },
		};

		KUNIT_ASSERT_NOT_NULL(test, t1x_reason_name(reason));
		if (reason == T1X_REASON_ARGUMENT ||
		    reason == T1X_REASON_ALIGNMENT)
			failure.values[0] = T1X_NR_FIELDS - 1;
		if (reason == T1X_REASON_USER_MEMORY)
			failure.values[1] = T1X_NR_FAULTS - 1;
		KUNIT_EXPECT_LT(test,
				t1x_failure_print(&failure, text, sizeof(text)),
				(int)sizeof(text) - 1);
	}
}

static void every_name_is_there(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < T1X_NR_CALLS; i++)
		KUNIT_EXPECT_NOT_NULL(test, t1x_call_name(i));
	for (i = 0; i < T1X_NR_FIELDS; i++)
		KUNIT_EXPECT_NOT_NULL(test, field_names[i]);
	for (i = 0; i < T1X_NR_FAULTS; i++)
		KUNIT_EXPECT_NOT_NULL(test, fault_names[i]);
}

static void texts(struct kunit *test)
{
	static const struct {
		enum t1x_reason reason;
		u64 a, b, c;
		const char *want;
	} rows[] = {
		{ T1X_REASON_WRAP, 1, 2, 3, "wrap" },
		{ T1X_REASON_ARGUMENT, T1X_FIELD_FLAGS, 2, 3,
		  "argument field=flags" },
		{ T1X_REASON_ALIGNMENT, T1X_FIELD_RANGE, 4096, 3,
		  "alignment field=range pgsize=4096" },
		{ T1X_REASON_OVERLAP, 0, 0xfff, 7,
		  "overlap first=0x0 last=0xfff pid=7" },
		{ T1X_REASON_MEMLOCK, 8192, 4096, 7,
		  "memlock need=8192 limit=4096 pid=7" },
		{ T1X_REASON_USER_MEMORY, 0x1000, T1X_FAULT_NO_VMA, 0,
		  "user_memory vaddr=0x1000 why=no_vma" },
		{ T1X_REASON_CUT, 0x1000, 0x2fff, 4096,
		  "cut first=0x1000 last=0x2fff granule=4096" },
	};
	struct t1x_call call = {};
	char text[T1X_FAILURE_TEXT];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				t1x_call_fail_with(&call, -EINVAL,
						   rows[i].reason, rows[i].a,
						   rows[i].b, rows[i].c));
		KUNIT_EXPECT_EQ(test, (int)strlen(rows[i].want),
				t1x_failure_print(&call.failure, text,
						  sizeof(text)));
		KUNIT_EXPECT_STREQ(test, rows[i].want, text);
	}
}

static void text_that_does_not_fit_is_cut(struct kunit *test)
{
	struct t1x_failure failure = {
		.reason = T1X_REASON_OVERLAP,
		.values = { 1, 2, 3 },
	};
	char text[16];

	KUNIT_EXPECT_EQ(test, 15,
			t1x_failure_print(&failure, text, sizeof(text)));
	KUNIT_EXPECT_STREQ(test, "overlap first=0", text);
}

static void nobody_need_know(struct kunit *test)
{
	t1x_call_set_range(NULL, 0, 1);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			t1x_call_fail(NULL, -EBUSY, T1X_REASON_MAPPED));
}

static struct kunit_case call_cases[] = {
	KUNIT_CASE(every_reason_has_a_name_and_fits),
	KUNIT_CASE(every_name_is_there),
	KUNIT_CASE(texts),
	KUNIT_CASE(text_that_does_not_fit_is_cut),
	KUNIT_CASE(nobody_need_know),
	{}
};

static struct kunit_suite call_suite = {
	.name = "t1x_call",
	.test_cases = call_cases,
};

kunit_test_suite(call_suite);
