// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of Documentation/examples/ do what they show, and say in one line
 * why where they cannot.
 */
#include "program.h"
#include "suite.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#define TIMEOUT_MS 90000
#define NO_DEVICE "0000:ff:1f.7"

FIXTURE(examples)
{
	struct t1x_leak leak;
	struct t1x_program running;
};

FIXTURE_VARIANT(examples)
{
	const char *program, *output;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(examples, unplug) {
	"/examples/unplug",
	"64 MiB, one mapping          ################################  65534 entries left\n"
	"the first block unplugged    .###############################  65534 entries left\n"
	"the last                     .##############################.  65534 entries left\n"
	"one in the middle            .##############.###############.  65533 entries left\n"
	"six at once                  .###......#####.###############.  65532 entries left\n"
	"half a block is refused      .###......#####.###############.  65532 entries left\n"
	"the middle one is back       .###......#####################.  65531 entries left\n"
	"unplug: 24 blocks were left, all as the device saw them\n"
};

FIXTURE_VARIANT_ADD(examples, migrate) {
	"/examples/migrate",
	"3576 pages to begin with\n"
	"round 1: 4096 pages sent\n"
	"round 2: 3576 pages sent\n"
	"round 3: 3576 pages sent\n"
	"unmapped 59 pages, 59 of them dirty\n"
	"stopped: 3576 pages sent\n"
	"migrate: the copy is the same\n"
};

/* clang-format on */

FIXTURE_SETUP(examples)
{
	t1x_leak_begin(&self->leak);
	/* The device tries what was unplugged */
	self->leak.allow_faults = true;
}

FIXTURE_TEARDOWN(examples)
{
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

/* No capability that root would have again in the program */
static void limit_memlock(void)
{
	t1x_require(!prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0),
		    "PR_CAPBSET_DROP: %s", strerror(errno));
	t1x_set_memlock(T1X_PAGE);
}

/* Exit code of the program, with what it has printed in self->running.output */
static int run(struct _test_data_examples *self, const char *program,
	       const char *bdf, void (*prepare)(void))
{
	const char *const argv[] = { program, bdf, NULL };

	t1x_program_start(&self->running, argv, prepare);
	return t1x_program_end(&self->running, TIMEOUT_MS);
}

TEST_F_TIMEOUT(examples, shows_what_it_is_for, 2 * TIMEOUT_MS / 1000)
{
	if (!t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs type1x and an edu device");

	EXPECT_EQ(0, run(self, variant->program, t1x_edu(0), NULL));
	EXPECT_STREQ(variant->output, self->running.output);
}

TEST_F(examples, failure_is_one_line_and_exit_code_1)
{
	if (!t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs type1x and an edu device");

	EXPECT_EQ(1, run(self, variant->program, t1x_edu(0), limit_memlock));
	EXPECT_STREQ("VFIO_IOMMU_TYPE1X_MAP_RANGE: Cannot allocate memory\n",
		     self->running.output);
}

TEST_F(examples, in_tree_type1_is_told_apart_with_exit_code_2)
{
	if (t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs in-tree type1 and an edu device");

	EXPECT_EQ(2, run(self, variant->program, t1x_edu(0), NULL));
	EXPECT_STREQ("the container is not served by vfio_iommu_type1x\n",
		     self->running.output);
}

TEST_F(examples, missing_device_is_one_line_and_exit_code_2)
{
	EXPECT_EQ(2, run(self, variant->program, NO_DEVICE, NULL));
	EXPECT_STREQ(NO_DEVICE ": no such device, or no IOMMU\n",
		     self->running.output);
}

TEST_F(examples, no_argument_is_a_line_of_usage_and_exit_code_2)
{
	EXPECT_EQ(2, run(self, variant->program, NULL, NULL));
	EXPECT_EQ(0, strncmp("usage: ", self->running.output, 7));
	EXPECT_EQ(strlen(self->running.output) - 1,
		  strcspn(self->running.output, "\n"));
}

TEST_HARNESS_MAIN
