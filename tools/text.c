// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* How many results of a printf's arguments live at once */
#define RING 8
#define RING_LEN 96

static char *ring_next(void)
{
	static char ring[RING][RING_LEN];
	static unsigned int at;

	return ring[at++ % RING];
}

/* Bytes of the UTF-8 character at s, which is printable, or 0. */
static size_t utf8_len(const unsigned char *s)
{
	static const unsigned int least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t i, len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	unsigned int c = *s & (0xff >> (len + 1));

	if (*s < 0xc2 || *s > 0xf4)
		return 0;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* Not the long way round, no half of a UTF-16 pair. */
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

void t1x_clean(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t len = *s < 0x80 ? 1 : utf8_len(s);

		if (!len || *s == 0x7f ||
		    (*s < ' ' && *s != '\n' && *s != '\t')) {
			*s = '?';
			len = 1;
		}
		s += len;
	}
}

char *t1x_line(char **text)
{
	if (!*text || !**text)
		return NULL;
	return strsep(text, "\n");
}

char *t1x_word(char **line)
{
	char *word = t1x_rest(*line);

	if (!word || !*word)
		return NULL;
	*line = word;
	return strsep(line, " \t");
}

char *t1x_rest(char *line)
{
	return line ? line + strspn(line, " \t") : NULL;
}

bool t1x_number(const char *word, u64 *value)
{
	bool hex = word && !strncmp(word, "0x", 2);
	char *end;

	if (!word || *word < '0' || *word > '9')
		return false;
	errno = 0;
	*value = strtoull(word, &end, hex ? 16 : 10);
	return !*end && !errno;
}

bool t1x_next_number(char **line, u64 *value)
{
	return t1x_number(t1x_word(line), value);
}

bool t1x_range(const char *word, u64 *first, u64 *last)
{
	const char *dash = word ? strchr(word, '-') : NULL;
	char begin[24];

	if (!dash || dash - word >= (long)sizeof(begin))
		return false;
	memcpy(begin, word, dash - word);
	begin[dash - word] = '\0';
	return t1x_number(begin, first) && t1x_number(dash + 1, last);
}

/* Are these bytes a number of at most four digits of that unit? */
static bool whole(u64 bytes, int unit)
{
	return !(bytes & ((1ULL << (10 * unit)) - 1)) &&
	       bytes >> (10 * unit) < 10000;
}

static void size_words(char *out, size_t len, u64 bytes)
{
	static const char units[] = " KMGTPE";
	int unit = 0;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	/* "2047M" says more than "1.9G". */
	if (unit && bytes % (1ULL << (10 * unit)) && whole(bytes, unit - 1))
		unit--;

	if (!unit)
		snprintf(out, len, "%lluB", bytes);
	else if (bytes % (1ULL << (10 * unit)))
		snprintf(out, len, "%llu.%llu%c", bytes >> (10 * unit),
			 (bytes >> (10 * (unit - 1)) & 1023) * 10 / 1024,
			 units[unit]);
	else
		snprintf(out, len, "%llu%c", bytes >> (10 * unit), units[unit]);
}

const char *t1x_size(u64 bytes)
{
	char *out = ring_next();

	size_words(out, RING_LEN, bytes);
	return out;
}

const char *t1x_span(u64 first, u64 last)
{
	return last - first == ~0ULL ? "16E" : t1x_size(last - first + 1);
}

/* The last of the bits that follow the lowest one without a gap. */
static u64 run_end(u64 bitmap)
{
	u64 end = bitmap & -bitmap;

	while (bitmap & end << 1)
		end <<= 1;
	return end;
}

const char *t1x_sizes(u64 bitmap)
{
	char first[16], last[16], *out = ring_next();
	size_t len = 0;

	snprintf(out, RING_LEN, "none");
	while (bitmap && len < RING_LEN) {
		u64 begin = bitmap & -bitmap, end = run_end(bitmap);

		/* AMD-Vi has nearly all powers of two. */
		if (end >> 2 < begin)
			end = begin;
		size_words(first, sizeof(first), begin);
		size_words(last, sizeof(last), end);
		len += snprintf(out + len, RING_LEN - len, "%s%s%s%s",
				len ? " " : "", first, end > begin ? "-" : "",
				end > begin ? last : "");
		bitmap &= ~(end | (end - 1));
	}
	return out;
}

const char *t1x_ns(u64 ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	char *out = ring_next();
	u64 scale = 1;
	int unit = 0;

	for (; unit < 3 && ns / scale >= 1000; unit++)
		scale *= 1000;
	if (unit && ns / scale < 100)
		snprintf(out, RING_LEN, "%llu.%llu%s", ns / scale,
			 ns % scale * 10 / scale, units[unit]);
	else
		snprintf(out, RING_LEN, "%llu%s", ns / scale, units[unit]);
	return out;
}

const char *t1x_plural(u64 n, const char *thing)
{
	char *out = ring_next();

	snprintf(out, RING_LEN, "%llu %s%s", n, thing, n == 1 ? "" : "s");
	return out;
}

const char *t1x_errno(long error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ ENOENT, "ENOENT" },
		{ ESRCH, "ESRCH" },
		{ EINTR, "EINTR" },
		{ EIO, "EIO" },
		{ E2BIG, "E2BIG" },
		{ EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },
		{ EFAULT, "EFAULT" },
		{ EBUSY, "EBUSY" },
		{ EEXIST, "EEXIST" },
		{ ENODEV, "ENODEV" },
		{ EINVAL, "EINVAL" },
		{ ENOTTY, "ENOTTY" },
		{ ENOSPC, "ENOSPC" },
		{ ERANGE, "ERANGE" },
		{ EOVERFLOW, "EOVERFLOW" },
		{ EOPNOTSUPP, "EOPNOTSUPP" },
	};
	char *out = ring_next();
	size_t i;

	if (error < 0)
		error = -error;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == error)
			return names[i].name;
	snprintf(out, RING_LEN, "errno %ld", error);
	return out;
}
