// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

static char line[T1X_LINE_MAX];
static size_t line_len;

void t1x_say_nothing(void)
{
	line_len = 0;
	line[0] = '\0';
}

const char *t1x_said(void)
{
	return line;
}

void t1x_say(const char *fmt, ...)
{
	size_t room = sizeof(line) - line_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + line_len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		line_len += (size_t)n < room ? (size_t)n : room - 1;
}

void t1x_say_ret(long ret)
{
	if (ret < 0)
		t1x_say("%s", strerrorname_np(errno) ?: "unknown errno");
	else
		t1x_say("%ld", ret);
}

void t1x_say_result(int ret, int result)
{
	if (ret || result >= 0) {
		t1x_say_ret(ret ? ret : result);
		return;
	}
	errno = -result;
	t1x_say_ret(-1);
}

/* FNV-1a, but of words */
u64 t1x_hash(const void *mem, size_t len)
{
	u64 sum = 0xcbf29ce484222325;
	size_t at, n;

	for (at = 0; at < len; at += n) {
		u64 word = 0;

		n = len - at < sizeof(word) ? len - at : sizeof(word);
		memcpy(&word, (const char *)mem + at, n);
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum;
}

void t1x_say_bytes(const void *mem, size_t len)
{
	t1x_say(" bytes %016lx", t1x_hash(mem, len));
}

/* How many of the bytes are as the first, by words where they can be */
static u64 run_length(const unsigned char *at, u64 len)
{
	u64 word, n = 1;

	memset(&word, *at, sizeof(word));
	while (len - n >= sizeof(word) && !memcmp(at + n, &word, sizeof(word)))
		n += sizeof(word);
	while (n < len && at[n] == *at)
		n++;
	return n;
}

static u64 count_unlike(const unsigned char *at, u64 len, unsigned char fill)
{
	u64 i, n, unlike = 0;

	for (i = 0; i < len; i += n) {
		n = run_length(at + i, len - i);
		if (at[i] != fill)
			unlike += n;
	}
	return unlike;
}

void t1x_say_bitmap(const unsigned char *buf, const struct op *op)
{
	u64 room = t1x_region[R_BUF].size;
	u64 first = op->arg[BITMAP_DATA] - t1x_region[R_BUF].base;
	unsigned char fill = op->arg[BITMAP_FILL];
	u64 end, i, n, stray;

	if (first >= room)
		return;
	end = op->arg[BITMAP_SIZE] < room - first ?
		      first + op->arg[BITMAP_SIZE] :
		      room;
	t1x_say(" bits");
	for (i = first; i < end; i += n) {
		n = run_length(buf + i, end - i);
		t1x_say(n > 1 ? " %02x*%lu" : " %02x", buf[i], n);
	}
	stray = count_unlike(buf, first, fill) +
		count_unlike(buf + end, room - end, fill);
	if (stray)
		t1x_say(" stray %lu", stray);
}

void t1x_say_place(char who, u64 vaddr)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!who) {
		t1x_say(" ?");
		return;
	}
	out = open_memstream(&text, &len);
	t1x_print_addr(out, vaddr);
	fclose(out);
	t1x_say(" %c:%s", who, text);
	free(text);
}

void t1x_say_callback(enum group group, u64 iova, u64 len)
{
	t1x_say(" %s:0x%lx+0x%lx", t1x_group_name[group], iova, len);
}

static void say_caps(const void *info, u32 offset)
{
	int n;

	for (n = 0; offset && offset < 4000 && n < 8; n++) {
		const struct vfio_info_cap_header *cap = info + offset;
		const struct vfio_iommu_type1_info_cap_iova_range *iovas;
		const struct vfio_iommu_type1_info_cap_migration *mig;
		u32 i;

		t1x_say(" cap %u v%u at %u", cap->id, cap->version, offset);
		iovas = (const void *)cap;
		mig = (const void *)cap;
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION)
			t1x_say(" flags 0x%x pgsizes 0x%lx max 0x%lx",
				mig->flags, (u64)mig->pgsize_bitmap,
				(u64)mig->max_dirty_bitmap_size);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			for (i = 0; i < iovas->nr_iovas && i < 8; i++)
				t1x_say(" 0x%lx-0x%lx",
					(u64)iovas->iova_ranges[i].start,
					(u64)iovas->iova_ranges[i].end);
		offset = cap->next;
	}
}

void t1x_say_info(int ret, const void *buf, u32 argsz)
{
	const struct vfio_iommu_type1_info *info = buf;

	t1x_say_ret(ret);
	t1x_say(" argsz %u", info->argsz);
	if (!ret) {
		t1x_say(" flags 0x%x pgsizes 0x%lx", info->flags,
			(u64)info->iova_pgsizes);
		if (argsz >= sizeof(*info)) {
			t1x_say(" caps at %u", info->cap_offset);
			say_caps(buf, info->cap_offset);
		}
	}
	/* The whole buffer, holes included */
	t1x_say_bytes(buf, T1X_INFO_MAX);
}

void t1x_say_state(long locked, long locked_of_b, long avail)
{
	t1x_say(" | A %ld", locked);
	if (locked_of_b >= 0)
		t1x_say(" B %ld", locked_of_b);
	if (avail >= 0)
		t1x_say(" avail %ld", avail);
}

static bool goes_on(const struct t1x_reach *a, const struct t1x_reach *b)
{
	if (b->iova != a->iova + a->size || a->leaf != b->leaf ||
	    a->read != b->read || a->write != b->write || a->who != b->who)
		return false;
	return !a->who || b->vaddr == a->vaddr + a->size;
}

void t1x_say_reaches(const struct t1x_reach *reach, int n)
{
	u64 start = 0;
	int i;

	for (i = 0; i < n; i++) {
		const struct t1x_reach *at = &reach[i];

		if (!i || !goes_on(at - 1, at)) {
			start = at->iova;
			t1x_say("; 0x%lx %s%s%s", at->iova, at->read ? "r" : "",
				at->write ? "w" : "",
				at->leaf > T1X_PAGE ? " huge" : "");
			t1x_say_place(at->who, at->vaddr);
		}
		if (i == n - 1 || !goes_on(at, at + 1))
			t1x_say("-0x%lx", at->iova + at->size - start);
	}
}

const char *t1x_record_line(const char *record, int n, char *buf, size_t len)
{
	while (n-- && *record) {
		record += strcspn(record, "\n");
		record += *record == '\n';
	}
	snprintf(buf, len, "%.*s", (int)strcspn(record, "\n"), record);
	return buf;
}
