// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups whose devices could send the interrupts of others: the guest of
 * IOMMU=intel-noir does not remap interrupts.
 */
#include "suite.h"

FIXTURE(interrupts)
{
	struct t1x c;
	struct t1x_leak leak;
};

T1X_BOTH_TYPES(interrupts);

FIXTURE_SETUP(interrupts)
{
	const char *iommu = getenv("T1X_IOMMU");

	if (!iommu || strcmp(iommu, "intel-noir"))
		SKIP(return, "this guest remaps interrupts");
	self->c.fd = -1;
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(interrupts)
{
	t1x_param_set("allow_unsafe_interrupts", 0);
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(interrupts, group_is_refused_unless_the_parameter_allows_it)
{
	char *mem = t1x_mem_alloc(T1X_MEM_4K, T1X_PAGE);

	EXPECT_EQ(-EPERM, __t1x_open(&self->c, variant->type, t1x_edu(0)));
	ASSERT_EQ(0, t1x_param_set("allow_unsafe_interrupts", 1));
	t1x_open(&self->c, variant->type, t1x_edu(0));

	/* What is attached stays, the next one is refused again */
	ASSERT_EQ(0, t1x_param_set("allow_unsafe_interrupts", 0));
	EXPECT_EQ(-EPERM, __t1x_add_group(&self->c, t1x_edu(1)));
	t1x_map(&self->c, mem, T1X_BASE, T1X_PAGE);
	t1x_unmap(&self->c, T1X_BASE, T1X_PAGE);
}

TEST_HARNESS_MAIN
