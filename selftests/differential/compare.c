// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "record.h"

#define BITMAP_MAX 65536
#define PAGES_OF_WORD 64

/* An operation, what came before it, and both answers */
struct pair {
	const struct seq *seq;
	int at; /* seq->n: the end */
	const char *intree, *ours;
};

enum verdict {
	UNKNOWN, /* the rule does not speak of this */
	KNOWN,
	KNOWN_AND_OVER, /* from here on the states differ, and so may all */
};

/* What the sequence has done so far, by in-tree's answers */
static struct {
	bool bits_lost; /* EFAULT in a report, since tracking began */
	bool odd_pin; /* a page pinned at an IOVA amid two */
	bool replayed; /* a group with an IOMMU has come after a mapping */
	bool mapped,
		other_prot; /* a MAP; a process with memory unlike the other's */
} past;

static const struct op *op_of(const struct pair *pair)
{
	return pair->at < pair->seq->n ? &pair->seq->op[pair->at] : NULL;
}

static const char *next_line(const char *record)
{
	record += strcspn(record, "\n");
	return record + (*record == '\n');
}

static bool is_report(const struct op *op)
{
	return op && (op->kind == OP_GET || op->kind == OP_UNMAPD);
}

static bool starts(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

static bool old_kernel(void)
{
	return !t1x_kernel_at_least(6, 18);
}

static bool ends_with_space(const struct op *op, int iova, int size)
{
	return op->arg[size] && op->arg[iova] + op->arg[size] == 0;
}

static enum verdict last_page(const struct pair *pair)
{
	const struct op *op = op_of(pair);

	if (!op || !old_kernel())
		return UNKNOWN;
	switch (op->kind) {
	case OP_UNMAP:
	case OP_UNMAPD:
	case OP_GET:
		return ends_with_space(op, UNMAP_IOVA, UNMAP_SIZE) ?
			       KNOWN_AND_OVER :
			       UNKNOWN;
	case OP_MAP:
		return ends_with_space(op, MAP_IOVA, MAP_SIZE) ?
			       KNOWN_AND_OVER :
			       UNKNOWN;
	}
	return UNKNOWN;
}

/* What follows the bits of a line: what devices were told, and the state */
static const char *after_bits(const char *bits)
{
	const char *told = strstr(bits, " emu"), *state = strstr(bits, " |");

	return told ? told : state ? state : bits + strlen(bits);
}

/* Are two lines equal up to their bits, and from their end on? */
static bool equal_but_bits(const char *a, const char *b)
{
	const char *bits_a = strstr(a, " bits"), *bits_b = strstr(b, " bits");

	if (!bits_a || !bits_b || bits_a - a != bits_b - b ||
	    strncmp(a, b, bits_a - a))
		return false;
	return !strcmp(after_bits(bits_a), after_bits(bits_b));
}

/* The runs behind "bits" back into bytes; -1 where there is more than that */
static int bytes_of(const char *line, unsigned char *bytes)
{
	const char *at = strstr(line, " bits") + 5, *end = after_bits(at);
	unsigned long count;
	unsigned int value;
	int n = 0, len;

	while (at < end && sscanf(at, " %2x%n", &value, &len) == 1) {
		at += len;
		count = 1;
		if (*at == '*')
			count = strtoul(at + 1, (char **)&at, 10);
		if (count > (unsigned long)(BITMAP_MAX - n))
			return -1;
		memset(bytes + n, value, count);
		n += count;
	}
	return at == end ? n : -1;
}

static bool has_more_bits(const char *intree, const char *ours)
{
	static unsigned char a[BITMAP_MAX], b[BITMAP_MAX];
	int n = bytes_of(intree, a), i;

	if (n < 0 || bytes_of(ours, b) != n)
		return false;
	for (i = 0; i < n; i++)
		if (b[i] & ~a[i])
			return false;
	return true;
}

/*
 * Was a mapping reported before that does not begin with a word of the window?
 * Or is it now, and there are bits of the user's in that word?
 */
static bool shifted_before(const struct pair *pair)
{
	const struct op *op = pair->seq->op;
	int last = pair->at - !op[pair->at].arg[BITMAP_FILL];
	int report, map;

	for (report = 0; report <= last; report++)
		for (map = 0; is_report(&op[report]) && map < report; map++)
			if (op[map].kind == OP_MAP &&
			    (op[map].arg[MAP_IOVA] -
			     op[report].arg[UNMAP_IOVA]) /
				    T1X_PAGE % PAGES_OF_WORD)
				return true;
	return false;
}

static enum verdict stale_bits(const struct pair *pair)
{
	return is_report(op_of(pair)) && starts(pair->intree, "0") &&
			       equal_but_bits(pair->intree, pair->ours) &&
			       shifted_before(pair) &&
			       has_more_bits(pair->intree, pair->ours) ?
		       KNOWN :
		       UNKNOWN;
}

static enum verdict lost_bits(const struct pair *pair)
{
	const struct op *op = op_of(pair);

	if (!is_report(op))
		return UNKNOWN;
	if (equal_but_bits(pair->intree, pair->ours))
		return past.bits_lost || starts(pair->intree, "EFAULT") ?
			       KNOWN :
			       UNKNOWN;
	/* In-tree has removed what it had reported before the fault */
	return op->kind == OP_UNMAPD && starts(pair->intree, "EFAULT") &&
			       starts(pair->ours, "EFAULT") ?
		       KNOWN_AND_OVER :
		       UNKNOWN;
}

/* Equal but for the numbers behind A and B, which are locked memory */
static bool equal_but_locked(const char *a, const char *b)
{
	bool state = starts(a, "end:");

	for (;;) {
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		state |= *a == '|';
		if (state && (*a == 'A' || *a == 'B') && a[1] == ' ' &&
		    b[1] == ' ') {
			a += 2 + strspn(a + 2, "0123456789");
			b += 2 + strspn(b + 2, "0123456789");
			continue;
		}
		a++;
		b++;
	}
}

static enum verdict odd_pin(const struct pair *pair)
{
	return past.odd_pin && equal_but_locked(pair->intree, pair->ours) ?
		       KNOWN :
		       UNKNOWN;
}

/* Equal but for whose memory it is, A's or B's, in what places are called */
static bool equal_but_owner(const char *a, const char *b)
{
	for (; *a == *b || (*a + *b == 'A' + 'B' && a[1] == ':' && b[1] == ':');
	     a++, b++)
		if (!*a)
			return true;
	return false;
}

/* Was anything mapped that VT-d cannot reach? */
static bool has_unreachable(const struct pair *pair)
{
	const struct op *op = pair->seq->op;
	int i;

	for (i = 0; i < pair->at; i++)
		if (op[i].kind == OP_MAP &&
		    op[i].arg[MAP_IOVA] + op[i].arg[MAP_SIZE] - 1 >> 48)
			return true;
	return false;
}

/* In-tree fills the first domain from the memory of whoever attaches */
static enum verdict replay(const struct pair *pair)
{
	const struct op *op = op_of(pair);

	if (!op || !past.mapped)
		return UNKNOWN;
	/* Ours looks at the aperture before it pins, in-tree leaves it to the driver */
	if (op->kind == OP_ATTACH && !is_emu(op->arg[0]) &&
	    starts(pair->ours, "EINVAL") &&
	    (starts(pair->intree, "EFAULT") ||
	     starts(pair->intree, "ERANGE")) &&
	    has_unreachable(pair))
		return KNOWN;
	if (op->kind == OP_ATTACH && !is_emu(op->arg[0]) &&
	    (starts(pair->ours, "ESRCH") || past.other_prot))
		return KNOWN_AND_OVER;
	return op->kind == OP_TABLE && past.replayed &&
			       equal_but_owner(pair->intree, pair->ours) ?
		       KNOWN :
		       UNKNOWN;
}

static bool is_within(const struct op *op, enum region r)
{
	return op->arg[MAP_VADDR] - t1x_region[r].base < t1x_region[r].size;
}

/*
 * Before 6.2 type1x has private memory copied where the device only reads, and charges
 * what in-tree leaves shared: locked memory, limits and pages differ from then on.
 */
static enum verdict unshared(const struct pair *pair)
{
	int i;

	if (t1x_kernel_at_least(6, 2))
		return UNKNOWN;
	for (i = 0; i <= pair->at && i < pair->seq->n; i++) {
		const struct op *op = &pair->seq->op[i];

		if (op->kind == OP_MAP &&
		    op->arg[MAP_FLAGS] == VFIO_DMA_MAP_FLAG_READ &&
		    !is_within(op, R_M) && !is_within(op, R_F))
			return KNOWN_AND_OVER;
	}
	return UNKNOWN;
}

/*
 * Every difference that is meant to be has a row in Documentation/abi-diff.rst,
 * and its first words stand here. All else is a failure.
 */
static struct {
	const char *row;
	enum verdict (*rule)(const struct pair *pair);
	int used;
} known[] = {
	{ "UNMAP and GET_BITMAP of a range that ends with the 64-bit space",
	  last_page },
	{ "Attach of the first group with an IOMMU to a container that emulated groups have filled",
	  replay },
	{ "A report of dirty pages that cannot be written", lost_bits },
	{ "A report of dirty pages that cannot be written", stale_bits },
	{ "A page that is pinned and has PG_reserved", odd_pin },
	{ "A MAP for reading only of private memory, 6.1", unshared },
};

#define NKNOWN (sizeof(known) / sizeof(*known))

static enum verdict judge(const struct pair *pair)
{
	size_t i;

	for (i = 0; i < NKNOWN; i++) {
		enum verdict verdict = known[i].rule(pair);

		if (verdict == UNKNOWN)
			continue;
		known[i].used++;
		return verdict;
	}
	return UNKNOWN;
}

/* A mapping that in-tree cannot find again makes all that follows differ */
static bool spoils_intree(const struct op *op, const char *intree)
{
	return op->kind == OP_MAP && old_kernel() &&
	       ends_with_space(op, MAP_IOVA, MAP_SIZE) &&
	       !strncmp(intree, "0", 1);
}

/* How often each kind of operation had each answer: is all of it still reached? */
#define MAX_ANSWERS 24

static struct answers {
	int n;
	char text[MAX_ANSWERS][20];
	int count[MAX_ANSWERS];
} answers[OP_KINDS];

static void count_answer(const struct op *op, const char *line)
{
	struct answers *all = &answers[op->kind];
	char word[20];
	int i;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " "), line);
	if (!strncmp(line, "0 size 0x0", 10))
		snprintf(word, sizeof(word), "0 for nothing");
	for (i = 0; i < all->n; i++)
		if (!strcmp(all->text[i], word))
			break;
	if (i == MAX_ANSWERS)
		return;
	if (i == all->n) {
		all->n++;
		memcpy(all->text[i], word, sizeof(word));
		all->count[i] = 0;
	}
	all->count[i]++;
}

void t1x_count_answers(const struct seq *seq, const char *record)
{
	char line[64];
	int i;

	for (i = 0; i < seq->n; i++) {
		t1x_record_line(record, 0, line, sizeof(line));
		count_answer(&seq->op[i], line);
		record = next_line(record);
	}
}

static void note_past(const struct op *op, const char *intree)
{
	if (op->kind == OP_DIRTY && starts(intree, "0") && op->arg[1] == 2)
		past.bits_lost = false;
	if (is_report(op) && starts(intree, "EFAULT"))
		past.bits_lost = true;
	if (op->kind == OP_PIN && op->arg[1] % T1X_PAGE)
		past.odd_pin = true;
	if (op->kind == OP_MAP && starts(intree, "0"))
		past.mapped = true;
	if (op->kind == OP_PROT)
		past.other_prot = true;
	if (op->kind == OP_ATTACH && starts(intree, "0"))
		past.replayed = past.mapped;
}

/*
 * The model tells how large the pages of each mapping may be, not how large they
 * are: is each large page in one, and of a size that this one has?
 */
static bool leaves_are_allowed(const char *sizes, const char *leaves)
{
	u64 size, at, mask, first, last;
	int len, n;

	for (; sscanf(leaves, " 0x%lx@0x%lx%n", &size, &at, &len) == 2;
	     leaves += len) {
		const char *next = sizes;
		bool allowed = false;

		for (; sscanf(next, " 0x%lx@0x%lx-0x%lx%n", &mask, &first,
			      &last, &n) == 3;
		     next += n)
			allowed |= mask & size && at >= first &&
				   at + (size - 1) <= last;
		if (!allowed)
			return false;
	}
	return !*leaves;
}

static bool agrees_with_model(const struct op *op, const char *model,
			      const char *ours)
{
	const char *bar = strchr(model, '|'), *our_bar = strchr(ours, '|');

	if (!strcmp(model, ours))
		return true;
	if (!op || op->kind != OP_TABLE || !bar || !our_bar)
		return false;
	return bar - model == our_bar - ours &&
	       !strncmp(model, ours, bar - model) &&
	       leaves_are_allowed(bar + 1, our_bar + 1);
}

int t1x_compare(const struct seq *seq, const char *intree, const char *ours)
{
	static char a[T1X_LINE_MAX], b[T1X_LINE_MAX];
	struct pair pair = { seq, 0, a, b };

	memset(&past, 0, sizeof(past));
	for (; pair.at <= seq->n; pair.at++) {
		enum verdict verdict = KNOWN;

		t1x_record_line(intree, 0, a, sizeof(a));
		t1x_record_line(ours, 0, b, sizeof(b));
		if (seq->model && !agrees_with_model(op_of(&pair), a, b))
			return pair.at;
		if (!seq->model && strcmp(a, b))
			verdict = judge(&pair);
		if (verdict == UNKNOWN)
			return pair.at;
		if (verdict == KNOWN_AND_OVER || pair.at == seq->n ||
		    (!seq->model && spoils_intree(op_of(&pair), a)))
			break;
		note_past(op_of(&pair), a);
		intree = next_line(intree);
		ours = next_line(ours);
	}
	return -1;
}

void t1x_print_answers(void)
{
	int kind, i;

	for (kind = 0; kind < OP_KINDS; kind++) {
		struct answers *all = &answers[kind];

		if (!all->n)
			continue;
		printf("# %s:", t1x_op_name(kind));
		for (i = 0; i < all->n; i++)
			printf(" %s %d", all->text[i], all->count[i]);
		printf("\n");
		all->n = 0;
	}
}

void t1x_print_known(void)
{
	size_t i;

	for (i = 0; i < NKNOWN; i++)
		if (known[i].used)
			printf("# known difference, met %d times: %s\n",
			       known[i].used, known[i].row);
}
