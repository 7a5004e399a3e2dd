// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-tree type1 is the specification: whatever a sequence of operations is
 * answered there, it must be answered by the backend under test, except for
 * the rows of Documentation/abi-diff.rst that compare.c knows. For what type1x
 * alone can do, a model is: it knows of no exceptions.
 *
 *   T1X_DIFF_OPS   about how many operations of each (10000; 100000 with T1X_FULL)
 *   T1X_DIFF_SEED  the first seed (1); if it is given, each step is shown
 *   T1X_DIFF_SEQ   a file: run this sequence alone, and print both records
 *   T1X_DIFF_WITHOUT  kinds of operations to leave out, as gen.c names them
 */
#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "batch.h"
#include "cases.h"
#include "compare.h"
#include "record.h"
#include "../t1x_emu/t1x_emu.h"

#define PER_SEQUENCE 100
#define PER_BATCH 20
#define MAX_FAILURES 6 /* sorts of differences to show */
#define MAX_BAD 40 /* sequences, then it is enough */
#define TIMEOUT 36000 /* The suite has a limit of its own */
#define FAULT_SEEDS 200 /* within which each fault of a model shows */
#define LINE 4096

static const struct subject ours;
static const char *const helpers[] = { "t1x_second_domain", "t1x_emu" };

FIXTURE(differential)
{
	struct t1x_leak leak;
	bool loaded[2];
};

FIXTURE_SETUP(differential)
{
	int i, ret;

	if (!t1x_module_path(T1X_MODULE_INTREE))
		SKIP(return, "the guest lacks " T1X_MODULE_INTREE);
	t1x_leak_begin(&self->leak);
	for (i = 0; i < 2; i++) {
		const char *path = t1x_module_path(helpers[i]);

		if (!path || t1x_refcnt(helpers[i]) >= 0)
			continue;
		ret = t1x_insmod(path);
		t1x_require(!ret, "insmod %s: %s", path, strerror(-ret));
		self->loaded[i] = true;
	}
}

FIXTURE_TEARDOWN(differential)
{
	int i;

	for (i = 0; i < 2; i++)
		if (self->loaded[i])
			EXPECT_EQ(0, t1x_rmmod(helpers[i]));
	t1x_print_known();
	/* Pins are compared at the end of each sequence: in-tree loses some for good */
	EXPECT_EQ(self->leak.locked, t1x_locked());
	EXPECT_EQ(0, t1x_leak_log(&self->leak));
}

static u64 setting(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static const char *expected_of(const struct seq *seq)
{
	return seq->model ? "model" : "in-tree";
}

static void print_results(const struct seq *seq, const struct outcome *out,
			  const char *prefix)
{
	static char line[65536];
	int i;

	for (i = 0; i <= seq->n; i++) {
		printf("%s", prefix);
		if (i < seq->n)
			t1x_print_op(stdout, &seq->op[i]);
		printf("\n# %s: %.*s\n", expected_of(seq), LINE,
		       t1x_record_line(out->expected, i, line, sizeof(line)));
		printf("# %s: %.*s\n", t1x_module(), LINE,
		       t1x_record_line(out->ours, i, line, sizeof(line)));
	}
}

/* The sequence between two marks, from where the host makes a file of it */
static void report(struct seq *seq, const char *name)
{
	struct outcome out;
	int before = seq->n;

	printf("# %s differs: shrinking %d operations\n", name, before);
	fflush(stdout);
	out = t1x_shrink(seq, &ours);
	printf("# %s: %s and %s differ, %d of %d operations are left\n", name,
	       expected_of(seq), t1x_module(), seq->n, before);
	printf("#SEQ begin %s.seq\n", name);
	t1x_print_settings(stdout, seq, "#SEQ ");
	print_results(seq, &out, "#SEQ ");
	printf("#SEQ end\n");
	fflush(stdout);
	t1x_batch_free(&out, 1);
}

/* What a difference looks like: the operation and the first word of both */
static void describe(char *sort, size_t len, const struct seq *seq,
		     const struct outcome *out)
{
	char a[64], b[64];

	t1x_record_line(out->expected, out->at, a, sizeof(a));
	t1x_record_line(out->ours, out->at, b, sizeof(b));
	snprintf(sort, len, "%s: %.*s, %.*s",
		 out->at < seq->n ? t1x_op_name(seq->op[out->at].kind) : "end",
		 (int)strcspn(a, " "), a, (int)strcspn(b, " "), b);
}

/* One of each sort is worth shrinking */
static bool seen_before(const struct seq *seq, const struct outcome *out,
			const char *name)
{
	static char seen[MAX_FAILURES][128];
	static int n;
	char sort[128];
	int i;

	describe(sort, sizeof(sort), seq, out);
	for (i = 0; i < n; i++) {
		if (strcmp(seen[i], sort))
			continue;
		printf("# %s differs too, at %d: %s\n", name, out->at, sort);
		return true;
	}
	if (n == MAX_FAILURES)
		return true;
	memcpy(seen[n++], sort, sizeof(sort));
	return false;
}

/* Number of sequences that differ */
static int run_sequences(struct seq *seqs, char (*names)[64], int n)
{
	struct outcome outcomes[PER_BATCH];
	int i, bad = 0;

	t1x_batch(seqs, n, outcomes, &ours);
	for (i = 0; i < n; i++) {
		t1x_count_answers(&seqs[i], outcomes[i].expected);
		if (outcomes[i].at < 0)
			continue;
		bad++;
		if (!seen_before(&seqs[i], &outcomes[i], names[i]))
			report(&seqs[i], names[i]);
	}
	t1x_batch_free(outcomes, n);
	for (i = 0; i < n; i++)
		t1x_free_seq(&seqs[i]);
	return bad;
}

static int run_random(int type, const char *name, u64 ops, bool model)
{
	static char names[PER_BATCH][64];
	struct gen_options opt = {
		.type = type,
		.n = PER_SEQUENCE,
		.emu = !access(T1X_EMU_SYSFS, F_OK),
		/* Debian's 7.3 has it too */
		.ubsan = getenv("T1X_DEBUG_LANE") || t1x_kernel_at_least(7, 3),
		.model = model,
		.without = getenv("T1X_DIFF_WITHOUT"),
	};
	struct seq seqs[PER_BATCH];
	u64 seed = setting("T1X_DIFF_SEED", 1), done = 0, start = t1x_now_ms();
	int n, bad = 0;

	while (done < ops && bad < MAX_BAD) {
		for (n = 0; n < PER_BATCH && done < ops; n++, seed++) {
			t1x_generate(&seqs[n], seed, &opt);
			snprintf(names[n], sizeof(names[n]), "%s-%lu", name,
				 seed);
			done += seqs[n].n;
		}
		/* Where to look, should the kernel panic: SEED= shows each step */
		printf("# up to %s\n", names[n - 1]);
		fflush(stdout);
		bad += run_sequences(seqs, names, n);
	}
	printf("# %s: %lu operations%s, up to seed %lu, %lu s\n", name, done,
	       opt.emu ? "" : ", no emulated devices", seed - 1,
	       (t1x_now_ms() - start) / 1000);
	t1x_print_answers();
	return bad;
}

static u64 operations(unsigned int percent)
{
	return setting("T1X_DIFF_OPS", getenv("T1X_FULL") ? 100000 : 10000) *
	       percent / 100;
}

static bool one_file(void)
{
	return getenv("T1X_DIFF_SEQ");
}

TEST_F_TIMEOUT(differential, random_sequences_on_v2, TIMEOUT)
{
	if (one_file())
		SKIP(return, "one sequence is asked for");
	EXPECT_EQ(0,
		  run_random(VFIO_TYPE1v2_IOMMU, "v2", operations(60), false));
}

TEST_F_TIMEOUT(differential, random_sequences_on_v1, TIMEOUT)
{
	if (one_file())
		SKIP(return, "one sequence is asked for");
	EXPECT_EQ(0, run_random(VFIO_TYPE1_IOMMU, "v1", operations(36), false));
}

TEST_F_TIMEOUT(differential, random_sequences_on_nesting, TIMEOUT)
{
	if (one_file())
		SKIP(return, "one sequence is asked for");
	EXPECT_EQ(0, run_random(6, "nesting", operations(4), false));
}

/* What in-tree does not have: there the model is the specification */
static bool no_ranges(void)
{
	return one_file() || !t1x_is_type1x();
}

TEST_F_TIMEOUT(differential, random_ranges_on_v2, TIMEOUT)
{
	if (no_ranges())
		SKIP(return, "one sequence is asked for, or another backend");
	EXPECT_EQ(0, run_random(VFIO_TYPE1v2_IOMMU, "ranges-v2", operations(65),
				true));
}

TEST_F_TIMEOUT(differential, random_ranges_on_v1, TIMEOUT)
{
	if (no_ranges())
		SKIP(return, "one sequence is asked for, or another backend");
	EXPECT_EQ(0, run_random(VFIO_TYPE1_IOMMU, "ranges-v1", operations(35),
				true));
}

TEST_F_TIMEOUT(differential, sequences_that_once_differed, TIMEOUT)
{
	static char names[PER_BATCH][64];
	const struct kept *kept = t1x_kept;
	struct seq seqs[PER_BATCH];
	int n, bad = 0;

	if (one_file())
		SKIP(return, "one sequence is asked for");
	while (kept->name) {
		for (n = 0; n < PER_BATCH && kept->name; n++, kept++) {
			ASSERT_TRUE(t1x_parse_seq(&seqs[n], kept->text));
			snprintf(names[n], sizeof(names[n]), "%s", kept->name);
		}
		bad += run_sequences(seqs, names, n);
	}
	EXPECT_EQ(0, bad);
}

TEST_F_TIMEOUT(differential, sequence_from_a_file, TIMEOUT)
{
	static char text[1 << 20];
	struct outcome out;
	struct seq seq;

	if (!one_file())
		SKIP(return, "no file is asked for");
	ASSERT_EQ(0, t1x_read_text(getenv("T1X_DIFF_SEQ"), text, sizeof(text)));
	ASSERT_TRUE(t1x_parse_seq(&seq, text));
	t1x_batch(&seq, 1, &out, &ours);
	print_results(&seq, &out, "# ");
	EXPECT_EQ(-1, out.at);
	t1x_batch_free(&out, 1);
	t1x_free_seq(&seq);
}

/* Text, numbers and text again, for all that the generator makes */
static void write_and_read(struct __test_metadata *_metadata, bool model)
{
	struct gen_options opt = { VFIO_TYPE1v2_IOMMU, 2000, true,
				   .model = model };
	char *text, *again;
	struct seq seq, copy;
	size_t len;
	FILE *out;

	t1x_generate(&seq, 7, &opt);
	out = open_memstream(&text, &len);
	t1x_print_seq(out, &seq);
	fclose(out);
	ASSERT_TRUE(t1x_parse_seq(&copy, text));
	EXPECT_EQ(seq.n, copy.n);
	out = open_memstream(&again, &len);
	t1x_print_seq(out, &copy);
	fclose(out);
	EXPECT_STREQ(text, again);
	free(text);
	free(again);
	t1x_free_seq(&seq);
	t1x_free_seq(&copy);
}

TEST(sequence_survives_being_written_and_read)
{
	write_and_read(_metadata, false);
	write_and_read(_metadata, true);
}

/* Of all sequences, the first whose answers by the subject differ */
static bool find_difference(const struct gen_options *opt, u64 seeds,
			    const struct subject *subject, struct seq *seq)
{
	struct outcome out;
	u64 seed;

	for (seed = 1; seed <= seeds; seed++) {
		t1x_generate(seq, seed, opt);
		t1x_batch(seq, 1, &out, subject);
		t1x_batch_free(&out, 1);
		if (out.at >= 0)
			return true;
		t1x_free_seq(seq);
	}
	return false;
}

/* A backend that keeps one entry less than it is told must be found out */
TEST_F_TIMEOUT(differential, wrong_backend_is_seen_and_shrunk, TIMEOUT)
{
	struct gen_options opt = { VFIO_TYPE1v2_IOMMU, PER_SEQUENCE };
	const struct subject wrong = { .handicap = 1 };
	struct outcome out;
	struct seq seq;

	if (one_file())
		SKIP(return, "one sequence is asked for");
	ASSERT_TRUE(find_difference(&opt, 10, &wrong, &seq));
	out = t1x_shrink(&seq, &wrong);
	EXPECT_GE(out.at, 0);
	/* One group, the type: what is left is one entry less */
	EXPECT_LE(seq.n, 3);
	t1x_batch_free(&out, 1);
	t1x_free_seq(&seq);
}

/*
 * Does the generator come where a rule of type1x can be broken? A model in which
 * one is must be found out, for each of them. Needs no kernel and no module.
 */
TEST(each_fault_of_a_model_is_found)
{
	int fault, found = 0;

	for (fault = FAULT_NONE + 1; fault < FAULTS; fault++) {
		struct gen_options opt = { VFIO_TYPE1v2_IOMMU, PER_SEQUENCE,
					   .emu = true, .model = true };
		const struct subject wrong = { .fault = fault };
		struct outcome out;
		struct seq seq;

		if (fault == FAULT_V1_CUTS)
			opt.type = VFIO_TYPE1_IOMMU;
		if (!find_difference(&opt, FAULT_SEEDS, &wrong, &seq)) {
			printf("# fault %d is not found\n", fault);
			continue;
		}
		found++;
		out = t1x_shrink(&seq, &wrong);
		printf("# fault %d is found by %d operations\n", fault, seq.n);
		EXPECT_GE(out.at, 0);
		t1x_batch_free(&out, 1);
		t1x_free_seq(&seq);
	}
	EXPECT_EQ(FAULTS - 1, found);
}

/* The model says which pages a mapping may have; the table, which large ones it has */
TEST(pages_larger_than_a_mapping_may_have_are_seen)
{
	static const char model[] =
		"; 0x0 rw | 0x1000@0x0-0x1fffff 0x201000@0x200000-0x3fffff\n";
	static const struct {
		const char *leaves;
		bool allowed;
	} tables[] = {
		{ "", true },
		{ " 0x200000@0x200000", true },
		{ " 0x200000@0x0", false },
		{ " 0x200000@0x200000 0x200000@0x0", false },
		{ " 0x10000@0x200000", false },
		{ " 0x200000@0x300000", false },
		{ " 0x200000@0x600000", false },
		{ " 0x200000", false },
	};
	const struct op op = { .who = 'A', .kind = OP_TABLE };
	struct seq seq = { .model = true };
	char ours[256];
	size_t i;

	t1x_add_op(&seq, &op);
	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		snprintf(ours, sizeof(ours), "%.*s|%s\n",
			 (int)strcspn(model, "|"), model, tables[i].leaves);
		EXPECT_EQ(tables[i].allowed ? -1 : 0,
			  t1x_compare(&seq, model, ours))
		{
			TH_LOG("leaves:%s", tables[i].leaves);
		}
	}
	t1x_free_seq(&seq);
}

TEST_HARNESS_MAIN
