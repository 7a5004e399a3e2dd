// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-type1x on what the kernel shows of a container that is open. How it takes
 * files that are no kernel's is tested by scripts/check-tools.sh.
 */
#include "program.h"
#include "seen.h"
#include "suite.h"

#include <stdarg.h>

#define TIMEOUT_MS 60000
#define INSTANCES "/sys/kernel/tracing/instances"
/* Reserved for interrupts on x86, whatever the IOMMU */
#define MSI_BASE 0xfee00000UL

FIXTURE(tool)
{
	struct t1x c;
	struct t1x_leak leak;
	struct t1x_program tool;
	const char *bdf;
	char *mem;
	char number[24];
	u64 id;
};

FIXTURE_SETUP(tool)
{
	self->bdf = t1x_any_device();
	if (!t1x_is_type1x() || !self->bdf)
		SKIP(return, "needs type1x and a device");
	/* So wide that no line is wrapped */
	setenv("COLUMNS", "200", 1);
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(8));
	t1x_leak_begin(&self->leak);
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, self->bdf);
	self->id = t1x_seen_id();
	snprintf(self->number, sizeof(self->number), "%lu", self->id);
}

FIXTURE_TEARDOWN(tool)
{
	t1x_close(&self->c);
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

static void start(struct _test_data_tool *self, const char *const *args)
{
	const char *argv[8] = { "/bin/vfio-type1x" };
	unsigned int i;

	for (i = 1; *args && i < ARRAY_SIZE(argv) - 1; i++)
		argv[i] = *args++;
	t1x_program_start(&self->tool, argv, NULL);
}

static int end(struct _test_data_tool *self)
{
	return t1x_program_end(&self->tool, TIMEOUT_MS);
}

/* Exit code of "vfio-type1x ARGUMENT..." */
#define run(self, ...)                                              \
	({                                                          \
		start(self, (const char *[]){ __VA_ARGS__, NULL }); \
		end(self);                                          \
	})

/* Has it printed these words? */
__attribute((format(printf, 2, 3))) static bool
printed(const struct _test_data_tool *self, const char *fmt, ...)
{
	char want[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(want, sizeof(want), fmt, args);
	va_end(args);
	if (strstr(self->tool.output, want))
		return true;
	printf("# not printed: %s\n", want);
	return false;
}

/* Two mappings, of five pages */
static void map_two(struct _test_data_tool *self)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	t1x_map(&self->c, self->mem + PAGES(4), T1X_BASE + PAGES(8), PAGES(1));
}

/* A row of "list" */
struct row {
	u64 id, mappings, groups, devices;
	char type[16], comm[32], mapped[32], locked[32];
	int pid;
};

static bool parse_row(const char *line, struct row *row)
{
	return sscanf(line, " %lu %15s %d %31s %lu %31s %31s %lu %lu", &row->id,
		      row->type, &row->pid, row->comm, &row->mappings,
		      row->mapped, row->locked, &row->groups,
		      &row->devices) == 9;
}

static bool find_row(const char *text, u64 id, struct row *row)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (parse_row(text, row) && row->id == id)
			return true;
	return false;
}

TEST_F(tool, list_has_a_row_for_the_container)
{
	struct row row;

	map_two(self);
	ASSERT_EQ(0, run(self, "list"));
	ASSERT_TRUE(find_row(self->tool.output, self->id, &row));
	EXPECT_STREQ("v2", row.type);
	EXPECT_EQ(getpid(), row.pid);
	EXPECT_STREQ("tool", row.comm);
	EXPECT_EQ(2, row.mappings);
	EXPECT_STREQ("20K", row.mapped);
	EXPECT_STREQ("20K", row.locked);
	EXPECT_EQ(1, row.groups);
	EXPECT_EQ(1, row.devices);

	ASSERT_EQ(0, run(self, "list", "-j"));
	EXPECT_TRUE(printed(self, "\"id\": %lu,", self->id));
	EXPECT_TRUE(printed(self, "\"mapped\": 20480,"));
	EXPECT_TRUE(printed(self, "\"%s\"", self->bdf));
}

TEST_F(tool, show_says_what_the_container_has)
{
	map_two(self);
	ASSERT_EQ(0, run(self, "show", self->number));
	EXPECT_TRUE(printed(self, "container    %lu, v2, served by %s\n",
			    self->id, T1X_MODULE_OURS));
	EXPECT_TRUE(printed(self, "opened by    %d tool\n", getpid()));
	EXPECT_TRUE(printed(self, "groups       %d: %s (domain 0)\n",
			    t1x_group_number(self->bdf), self->bdf));
	EXPECT_TRUE(printed(self, "mappings     2, 65533 more are possible\n"));
	EXPECT_TRUE(printed(self, "mapped       20K\n"));
	EXPECT_TRUE(printed(self, "locked       20K for %d tool, limit ",
			    getpid()));
	EXPECT_TRUE(printed(self, "calls        map: 2, 0 failed\n"));
}

TEST_F(tool, number_that_no_container_has_is_one_line_and_exit_code_2)
{
	static const char *const commands[] = { "show", "maps", "huge",
						"explain", "monitor" };
	char number[24], want[128];
	unsigned int i;

	snprintf(number, sizeof(number), "%lu", self->id + 1000);
	snprintf(
		want, sizeof(want),
		"vfio-type1x: no container has the number %s: 'vfio-type1x list' shows which there are\n",
		number);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(2, run(self, commands[i], number))
		TH_LOG("%s", commands[i]);
		EXPECT_STREQ(want, self->tool.output);
	}
}

TEST_F(tool, check_finds_the_guest_ready)
{
	EXPECT_EQ(0, run(self, "check"));
	EXPECT_TRUE(printed(self, "ok    IOMMU: "));
	EXPECT_TRUE(printed(self, " bound to a driver of vfio\n"));
	EXPECT_TRUE(printed(self, "ok    vfio: loaded\n"));
	EXPECT_TRUE(printed(self, "ok    module: %s serves new containers; ",
			    T1X_MODULE_OURS));
	EXPECT_TRUE(printed(self, "\nready: 0 to mend, "));
}

TEST_F(tool, explain_tells_of_a_container_that_is_closed)
{
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1));
	EXPECT_EQ(-EEXIST, __t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1)));
	ASSERT_EQ(0, run(self, "explain", self->number));
	EXPECT_EQ(0, strncmp(self->tool.output, "MAP of ", 7));
	t1x_close(&self->c);

	ASSERT_EQ(0, run(self, "explain", self->number));
	EXPECT_TRUE(printed(
		self,
		"Container %lu (closed): MAP of 0x%lx-0x%lx (4K) by %d tool: EEXIST, ",
		self->id, T1X_BASE, T1X_BASE + PAGES(1) - 1, getpid()));
	ASSERT_EQ(0, run(self, "explain"));
	EXPECT_TRUE(printed(self, "Container %lu (closed): MAP of ", self->id));
}

/* Begin to monitor; what is done from here on is traced */
#define monitor(self, ...)                                                     \
	({                                                                     \
		start(self, (const char *[]){ "monitor", __VA_ARGS__, NULL }); \
		t1x_program_wait_output(&(self)->tool, TIMEOUT_MS);            \
	})

/* Is the tracing instance of the monitor gone? */
static bool left_no_tracing(const struct _test_data_tool *self)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCES "/vfio-type1x-%d",
		 self->tool.pid);
	return access(path, F_OK) && errno == ENOENT;
}

TEST_F(tool, monitor_tells_a_map_as_it_happens)
{
	if (access(INSTANCES, F_OK))
		SKIP(return, "this kernel has no tracing instances");

	monitor(self, "-n", "1", self->number);
	EXPECT_FALSE(left_no_tracing(self));
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(4));
	EXPECT_EQ(0, end(self));
	EXPECT_TRUE(printed(self, " %d tool ", getpid()));
	EXPECT_TRUE(printed(self, " %lu map       0x%lx-0x%lx 16K runs=",
			    self->id, T1X_BASE, T1X_BASE + PAGES(4) - 1));
	EXPECT_TRUE(left_no_tracing(self));
}

TEST_F(tool, monitor_names_the_reserved_region_that_is_in_the_way)
{
	if (access(INSTANCES, F_OK))
		SKIP(return, "this kernel has no tracing instances");

	monitor(self, "-e", "-n", "1", self->number);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(1));
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, MSI_BASE, PAGES(1)));
	EXPECT_EQ(0, end(self));
	EXPECT_TRUE(printed(
		self,
		"MAP 0x%lx-0x%lx EINVAL: 0xfee00000-0xfeefffff cannot be mapped. The machine reserves 0xfee00000-0xfeefffff for group %d (msi).\n",
		MSI_BASE, MSI_BASE + PAGES(1) - 1,
		t1x_group_number(self->bdf)));
	EXPECT_TRUE(left_no_tracing(self));
}

TEST_HARNESS_MAIN
