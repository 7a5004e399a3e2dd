// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <linux/vfio.h>
#include <linux/vfio_type1x.h>
#include <stdlib.h>
#include <string.h>

#include "seq.h"

#define STEP (64 * T1X_1G)
#define AREA (256 * STEP)
#define SLOT(n) (STEP * (n) + AREA)
#define KB 1024UL

const struct region_info t1x_region[R_COUNT] = {
	[R_A] = { "a", SLOT(0), 256 * KB, STEP },
	[R_U] = { "u", SLOT(1), 256 * KB, STEP },
	[R_R] = { "r", SLOT(2), 64 * KB, STEP },
	[R_M] = { "m", SLOT(3), 256 * KB, STEP },
	[R_F] = { "f", SLOT(4), 64 * KB, STEP },
	[R_H] = { "h", SLOT(5), 2 * T1X_2M, STEP },
	[R_P] = { "p", SLOT(6), 128 * KB, STEP },
	[R_RO] = { "ro", SLOT(7), 4 * KB, STEP },
	[R_BUF] = { "buf", SLOT(8), 64 * KB, STEP },
	[R_ARG] = { "arg", SLOT(9), 4 * KB, STEP },
	[R_N] = { "n", 2 * AREA, 0, AREA },
};

const char *const t1x_group_name[G_COUNT] = {
	[G_EDU0] = "edu0", [G_EDU1] = "edu1", [G_NVME0] = "nvme0",
	[G_EMU0] = "emu0", [G_EMU1] = "emu1",
};

struct word {
	const char *name;
	u64 value;
};

static const struct word map_flags[] = { { "read", VFIO_DMA_MAP_FLAG_READ },
					 { "write", VFIO_DMA_MAP_FLAG_WRITE },
					 { "vaddr", VFIO_DMA_MAP_FLAG_VADDR },
					 { NULL } };

static const struct word unmap_flags[] = {
	{ "bitmap", VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP },
	{ "all", VFIO_DMA_UNMAP_FLAG_ALL },
	{ "vaddr", VFIO_DMA_UNMAP_FLAG_VADDR },
	{ NULL }
};

static const struct word dirty_flags[] = {
	{ "start", VFIO_IOMMU_DIRTY_PAGES_FLAG_START },
	{ "stop", VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP },
	{ "get", VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
	{ NULL }
};

static const struct word map_range_flags[] = {
	{ "read", VFIO_TYPE1X_MAP_FLAG_READ },
	{ "write", VFIO_TYPE1X_MAP_FLAG_WRITE },
	{ "granule", VFIO_TYPE1X_MAP_FLAG_GRANULE },
	{ NULL }
};

static const struct word unmap_range_flags[] = {
	{ "bitmap", VFIO_TYPE1X_UNMAP_FLAG_GET_DIRTY_BITMAP },
	{ NULL }
};

static const struct word dirty_range_flags[] = {
	{ "no-clear", VFIO_TYPE1X_DIRTY_FLAG_NO_CLEAR },
	{ NULL }
};

static const struct word pgsizes_flags[] = { { "get", VFIO_TYPE1X_PGSIZES_GET },
					     { "set", VFIO_TYPE1X_PGSIZES_SET },
					     { NULL } };

static const struct word types[] = { { "v1", VFIO_TYPE1_IOMMU },
				     { "v2", VFIO_TYPE1v2_IOMMU },
				     { "nesting", 6 },
				     { NULL } };

static const struct word groups[] = { { "edu0", G_EDU0 },   { "edu1", G_EDU1 },
				      { "nvme0", G_NVME0 }, { "emu0", G_EMU0 },
				      { "emu1", G_EMU1 },   { NULL } };

static const struct word prots[] = { { "read", 1 }, { "write", 2 }, { NULL } };

static const struct word raws[] = {
	{ "info", RAW_INFO },	    { "map", RAW_MAP },
	{ "unmap", RAW_UNMAP },	    { "dirty", RAW_DIRTY },
	{ "unknown", RAW_UNKNOWN }, { NULL }
};

/* How an argument is written */
enum form {
	DEC,
	HEX,
	ADDR,
	WORDS /* names joined by +, and what is left as a number */
};

struct arg_info {
	const char *name;
	enum form form;
	const struct word *words;
};

/* The arguments of all that reports dirty pages of a range */
/* clang-format off */
#define REPORT(flags, end) { \
	{ "argsz", DEC }, { "flags", WORDS, flags }, { "iova", HEX }, \
	{ end, HEX }, { "pgsize", HEX }, { "bytes", HEX }, \
	{ "data", ADDR }, { "fill", HEX } }
/* clang-format on */

static const struct {
	const char *name;
	struct arg_info arg[OP_ARGS + 1];
} kinds[OP_KINDS] = {
	[OP_ATTACH] = { "attach",
			{ { "group", WORDS, groups }, { "apart", DEC } } },
	[OP_DETACH] = { "detach", { { "group", WORDS, groups } } },
	[OP_SET] = { "set", { { "type", WORDS, types } } },
	[OP_OPEN] = { "open", { { "group", WORDS, groups } } },
	[OP_CLOSE] = { "close", { { "group", WORDS, groups } } },
	[OP_MAP] = { "map",
		     { { "argsz", DEC },
		       { "flags", WORDS, map_flags },
		       { "vaddr", ADDR },
		       { "iova", HEX },
		       { "size", HEX } } },
	[OP_UNMAP] = { "unmap",
		       { { "argsz", DEC },
			 { "flags", WORDS, unmap_flags },
			 { "iova", HEX },
			 { "size", HEX } } },
	[OP_UNMAPD] = { "unmapd", REPORT(unmap_flags, "size") },
	[OP_DIRTY] = { "dirty",
		       { { "argsz", DEC }, { "flags", WORDS, dirty_flags } } },
	[OP_GET] = { "get", REPORT(dirty_flags, "size") },
	[OP_INFO] = { "info", { { "argsz", DEC } } },
	[OP_EXT] = { "ext", { { "id", HEX } } },
	[OP_RAW] = { "raw", { { "cmd", WORDS, raws }, { "at", ADDR } } },
	[OP_DROP] = { "drop", { { "vaddr", ADDR }, { "size", HEX } } },
	[OP_PROT] = { "prot",
		      { { "vaddr", ADDR },
			{ "size", HEX },
			{ "prot", WORDS, prots } } },
	[OP_DIE] = { "die", {} },
	[OP_TABLE] = { "table", { { "group", WORDS, groups } } },
	[OP_PIN] = { "pin",
		     { { "group", WORDS, groups },
		       { "iova", HEX },
		       { "pages", DEC },
		       { "prot", WORDS, prots } } },
	[OP_UNPIN] = { "unpin",
		       { { "group", WORDS, groups },
			 { "iova", HEX },
			 { "pages", DEC } } },
	[OP_RW] = { "rw",
		    { { "group", WORDS, groups },
		      { "iova", HEX },
		      { "len", HEX },
		      { "write", DEC } } },
	[OP_MAPR] = { "mapr",
		      { { "argsz", DEC },
			{ "flags", WORDS, map_range_flags },
			{ "vaddr", ADDR },
			{ "iova", HEX },
			{ "last", HEX },
			{ "granule", HEX } } },
	[OP_UNMAPR] = { "unmapr", REPORT(unmap_range_flags, "last") },
	[OP_DIRTYR] = { "dirtyr", REPORT(dirty_range_flags, "last") },
	[OP_PGSIZES] = { "pgsizes",
			 { { "argsz", DEC },
			   { "flags", WORDS, pgsizes_flags },
			   { "pgsizes", HEX } } },
};

const char *t1x_op_name(enum op_kind kind)
{
	return kinds[kind].name;
}

bool t1x_op_unmaps(enum op_kind kind)
{
	return kind == OP_UNMAP || kind == OP_UNMAPD || kind == OP_UNMAPR;
}

bool t1x_op_changes_state(enum op_kind kind)
{
	switch (kind) {
	case OP_ATTACH:
	case OP_DETACH:
	case OP_SET:
	case OP_CLOSE:
	case OP_MAP:
	case OP_RAW:
	case OP_DIE:
	case OP_PIN:
	case OP_UNPIN:
	case OP_MAPR:
		return true;
	default:
		return t1x_op_unmaps(kind);
	}
}

void t1x_print_addr(FILE *out, u64 addr)
{
	int i;

	for (i = 0; i < R_COUNT; i++) {
		const struct region_info *r = &t1x_region[i];

		if (addr - r->base < r->span) {
			fprintf(out, "%s+0x%lx", r->name, addr - r->base);
			return;
		}
	}
	fprintf(out, "0x%lx", addr);
}

static void print_words(FILE *out, const struct word *words, u64 value)
{
	const char *sep = "";
	/* Of the others, one is named */
	bool is_set = words != types && words != groups && words != raws;

	for (; words->name; words++) {
		if (is_set ? !(value & words->value) : value != words->value)
			continue;
		fprintf(out, "%s%s", sep, words->name);
		if (!is_set)
			return;
		value &= ~words->value;
		sep = "+";
	}
	if (value || !*sep)
		fprintf(out, "%s0x%lx", sep, value);
}

void t1x_print_op(FILE *out, const struct op *op)
{
	const struct arg_info *info = kinds[op->kind].arg;
	int i;

	fprintf(out, "%c %s", op->who, kinds[op->kind].name);
	for (i = 0; info[i].name; i++) {
		fprintf(out, " %s=", info[i].name);
		switch (info[i].form) {
		case DEC:
			fprintf(out, "%ld", op->arg[i]);
			break;
		case HEX:
			fprintf(out, "0x%lx", op->arg[i]);
			break;
		case ADDR:
			t1x_print_addr(out, op->arg[i]);
			break;
		case WORDS:
			print_words(out, info[i].words, op->arg[i]);
			break;
		}
	}
}

void t1x_print_settings(FILE *out, const struct seq *seq, const char *prefix)
{
	if (seq->model)
		fprintf(out, "%smodel\n", prefix);
	if (seq->limit)
		fprintf(out, "%slimit %u\n", prefix, seq->limit);
	if (seq->entries)
		fprintf(out, "%sentries %u\n", prefix, seq->entries);
	if (seq->granule)
		fprintf(out, "%sgranule 0x%lx\n", prefix, seq->granule);
}

void t1x_print_seq(FILE *out, const struct seq *seq)
{
	int i;

	t1x_print_settings(out, seq, "");
	for (i = 0; i < seq->n; i++) {
		t1x_print_op(out, &seq->op[i]);
		fputc('\n', out);
	}
}

/* One term of a sum: a name or a number */
static bool parse_term(const char *text, size_t len, const struct word *words,
		       u64 *value)
{
	char term[64], *end;
	int i;

	if (!len || len >= sizeof(term))
		return false;
	memcpy(term, text, len);
	term[len] = '\0';
	for (; words && words->name; words++) {
		if (strcmp(words->name, term))
			continue;
		*value = words->value;
		return true;
	}
	for (i = 0; !words && i < R_COUNT; i++) {
		if (strcmp(t1x_region[i].name, term))
			continue;
		*value = t1x_region[i].base;
		return true;
	}
	*value = *term == '-' ? (u64)strtol(term, &end, 0) :
				strtoul(term, &end, 0);
	return end != term && !*end;
}

static bool parse_value(const char *text, const struct word *words, u64 *value)
{
	u64 term;

	for (*value = 0;; text++) {
		size_t len = strcspn(text, "+");

		if (!parse_term(text, len, words, &term))
			return false;
		*value += term;
		text += len;
		if (!*text)
			return true;
	}
}

static bool parse_op(struct op *op, char *line)
{
	const struct arg_info *info;
	char *save, *word, *value;
	int i;

	memset(op, 0, sizeof(*op));
	word = strtok_r(line, " ", &save);
	if (!word || strlen(word) != 1 || !strchr("AB", *word))
		return false;
	op->who = *word;

	word = strtok_r(NULL, " ", &save);
	for (i = 0; word && i < OP_KINDS; i++)
		if (!strcmp(kinds[i].name, word))
			break;
	if (!word || i == OP_KINDS)
		return false;
	op->kind = i;

	info = kinds[op->kind].arg;
	for (i = 0; info[i].name; i++) {
		word = strtok_r(NULL, " ", &save);
		value = word ? strchr(word, '=') : NULL;
		if (!value)
			return false;
		*value++ = '\0';
		if (strcmp(word, info[i].name) ||
		    !parse_value(value, info[i].words, &op->arg[i]))
			return false;
	}
	return !strtok_r(NULL, " ", &save);
}

static bool parse_setting(struct seq *seq, const char *line)
{
	if (!strcmp(line, "model"))
		seq->model = true;
	else
		return sscanf(line, "limit %u", &seq->limit) == 1 ||
		       sscanf(line, "entries %u", &seq->entries) == 1 ||
		       sscanf(line, "granule %li", &seq->granule) == 1;
	return true;
}

bool t1x_parse_seq(struct seq *seq, const char *text)
{
	char line[512], copy[512];
	struct op op;

	memset(seq, 0, sizeof(*seq));
	while (*text) {
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		text += len + !!text[len];
		if (!*line || *line == '#' || parse_setting(seq, line))
			continue;
		memcpy(copy, line, sizeof(copy));
		if (!parse_op(&op, copy)) {
			printf("# not an operation: %s\n", line);
			return false;
		}
		t1x_add_op(seq, &op);
	}
	return true;
}

void t1x_add_op(struct seq *seq, const struct op *op)
{
	if (!(seq->n % 64))
		seq->op = realloc(seq->op, (seq->n + 64) * sizeof(*op));
	t1x_require(seq->op, "no memory");
	seq->op[seq->n++] = *op;
}

void t1x_free_seq(struct seq *seq)
{
	free(seq->op);
	memset(seq, 0, sizeof(*seq));
}
