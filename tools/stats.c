// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "process.h"
#include "stats.h"

/* account 1234 pages 524192 limit 262144 */
static void parse_payer(struct t1x_stats *stats, char *line)
{
	struct t1x_payer payer = { .limit = T1X_UNLIMITED };
	char *key, *value;

	if (!t1x_next_number(&line, &payer.pid))
		return;
	while ((key = t1x_word(&line)) && (value = t1x_word(&line))) {
		if (!strcmp(key, "pages"))
			t1x_number(value, &payer.pages);
		else if (!strcmp(key, "limit") &&
			 !t1x_number(value, &payer.limit))
			payer.limit = T1X_UNLIMITED;
	}
	stats->payers =
		t1x_grow(stats->payers, stats->nr_payers, sizeof(payer));
	stats->payers[stats->nr_payers++] = payer;
}

/* calls map 120 failed 2 */
static void parse_calls(struct t1x_stats *stats, char *line)
{
	struct t1x_calls calls = { .call = t1x_word(&line) };

	if (!t1x_next_number(&line, &calls.done))
		return;
	if (t1x_word(&line))
		t1x_next_number(&line, &calls.failed);
	stats->calls = t1x_grow(stats->calls, stats->nr_calls, sizeof(calls));
	stats->calls[stats->nr_calls++] = calls;
}

/* map_ns 8192 100 */
static void parse_bucket(struct t1x_histogram *histogram, char *line)
{
	struct t1x_bucket bucket;

	if (!t1x_next_number(&line, &bucket.ns) ||
	    !t1x_next_number(&line, &bucket.calls))
		return;
	histogram->buckets =
		t1x_grow(histogram->buckets, histogram->n, sizeof(bucket));
	histogram->buckets[histogram->n++] = bucket;
}

static void parse_number(struct t1x_stats *stats, const char *key, char *line)
{
	const struct {
		const char *key;
		u64 *value;
	} numbers[] = {
		{ "mappings", &stats->mappings },
		{ "mappings_left", &stats->left },
		{ "pages", &stats->pages },
		{ "external_pages", &stats->external },
		{ "stuck", &stats->stuck },
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(key, numbers[i].key))
			t1x_next_number(&line, numbers[i].value);
}

static void parse(struct t1x_stats *stats, char *line)
{
	const char *key = t1x_word(&line);

	if (!key)
		return;
	if (!strcmp(key, "account"))
		parse_payer(stats, line);
	else if (!strcmp(key, "calls"))
		parse_calls(stats, line);
	else if (!strcmp(key, "map_ns"))
		parse_bucket(&stats->map, line);
	else if (!strcmp(key, "unmap_ns"))
		parse_bucket(&stats->unmap, line);
	else if (!strcmp(key, "dirty_log"))
		stats->dirty_log = t1x_word(&line);
	else
		parse_number(stats, key, line);
}

void t1x_stats_parse(struct t1x_stats *stats, char *text)
{
	char *line;

	*stats = (struct t1x_stats){ .text = text };
	while ((line = t1x_line(&text)))
		parse(stats, line);
	stats->dirty_log = stats->dirty_log ?: "off";
}

u64 t1x_stats_locked(const struct t1x_stats *stats)
{
	u64 pages = 0;
	size_t i;

	for (i = 0; i < stats->nr_payers; i++)
		pages += stats->payers[i].pages;
	return pages;
}

void t1x_stats_free(struct t1x_stats *stats)
{
	free(stats->payers);
	free(stats->calls);
	free(stats->map.buckets);
	free(stats->unmap.buckets);
	free(stats->text);
}
