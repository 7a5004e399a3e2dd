// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of Documentation/examples/ do what they show, and say in one line
 * why where they cannot.
 */
#include "suite.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 90000
#define MAX_LINES 32
#define NO_DEVICE "0000:ff:1f.7"

FIXTURE(examples)
{
	struct t1x_leak leak;
	char text[8192];
	char *lines[MAX_LINES]; /* what the program has printed */
	int nlines;
};

FIXTURE_VARIANT(examples)
{
	const char *program;
	const char *among, *last; /* lines of its output */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(examples, unplug) {
	"/examples/unplug",
	"six at once                  .###......#####.###############.  65532 entries left",
	"unplug: 24 blocks were left, all as the device saw them",
};

FIXTURE_VARIANT_ADD(examples, migrate) {
	"/examples/migrate",
	"unmapped 59 pages, 59 of them dirty",
	"migrate: the copy is the same",
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

/* Cuts what the program has printed into lines, and passes them on */
static void read_lines(struct _test_data_examples *self, int output)
{
	char *line, *rest = self->text;

	t1x_require(pread(output, rest, sizeof(self->text) - 1, 0) >= 0,
		    "reading the output: %s", strerror(errno));
	self->nlines = 0;
	while ((line = strsep(&rest, "\n")) && *line &&
	       self->nlines < MAX_LINES) {
		printf("# %s\n", line);
		self->lines[self->nlines++] = line;
	}
	t1x_require(self->nlines, "no output");
}

/* Exit code of the program, with its output in self->lines */
static int run(struct _test_data_examples *self, const char *program,
	       const char *bdf, void (*prepare)(void))
{
	int output = memfd_create("output", 0), status = 0, ret;
	pid_t pid = t1x_fork();

	if (!pid) {
		if (prepare)
			prepare();
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		execl(program, program, bdf, NULL);
		_exit(126);
	}
	ret = t1x_wait(pid, TIMEOUT_MS, &status);
	if (ret) {
		kill(pid, SIGKILL);
		t1x_wait(pid, TIMEOUT_MS, NULL);
	}
	read_lines(self, output);
	close(output);
	t1x_require(!ret && WIFEXITED(status), "%s did not end by itself",
		    program);
	return WEXITSTATUS(status);
}

static bool has_line(struct _test_data_examples *self, const char *line)
{
	int i;

	for (i = 0; i < self->nlines; i++)
		if (!strcmp(line, self->lines[i]))
			return true;
	printf("# no line: %s\n", line);
	return false;
}

TEST_F_TIMEOUT(examples, shows_what_it_is_for, 2 * TIMEOUT_MS / 1000)
{
	if (!t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs type1x and an edu device");

	EXPECT_EQ(0, run(self, variant->program, t1x_edu(0), NULL));
	EXPECT_TRUE(has_line(self, variant->among));
	EXPECT_STREQ(variant->last, self->lines[self->nlines - 1]);
}

TEST_F(examples, failure_is_one_line_and_exit_code_1)
{
	if (!t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs type1x and an edu device");

	EXPECT_EQ(1, run(self, variant->program, t1x_edu(0), limit_memlock));
	EXPECT_EQ(1, self->nlines);
	EXPECT_STREQ("VFIO_IOMMU_TYPE1X_MAP_RANGE: Cannot allocate memory",
		     self->lines[0]);
}

TEST_F(examples, in_tree_type1_is_told_apart_with_exit_code_2)
{
	if (t1x_is_type1x() || !t1x_edu(0))
		SKIP(return, "needs in-tree type1 and an edu device");

	EXPECT_EQ(2, run(self, variant->program, t1x_edu(0), NULL));
	EXPECT_EQ(1, self->nlines);
	EXPECT_STREQ("the container is not served by vfio_iommu_type1x",
		     self->lines[0]);
}

TEST_F(examples, missing_device_is_one_line_and_exit_code_2)
{
	EXPECT_EQ(2, run(self, variant->program, NO_DEVICE, NULL));
	EXPECT_EQ(1, self->nlines);
	EXPECT_STREQ(NO_DEVICE ": no such device, or no IOMMU", self->lines[0]);
}

TEST_F(examples, no_argument_is_a_line_of_usage_and_exit_code_2)
{
	EXPECT_EQ(2, run(self, variant->program, NULL, NULL));
	EXPECT_EQ(1, self->nlines);
	EXPECT_EQ(0, strncmp("usage: ", self->lines[0], 7));
}

TEST_HARNESS_MAIN
