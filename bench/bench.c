// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures one row after another on each backend, hot, and prints what it saw,
 * one fact a line, for scripts/bench-table.awk:
 *
 *   kernel RELEASE
 *   iommu NAME, CACHING MODE
 *   rep INSTRUCTIONS OF A rep stosb OVER A PAGE
 *   row ID|LABEL|UNIT|UNITS|RUNS|PHASES
 *   result BACKEND ROW PHASE INSTRUCTIONS
 *   count BACKEND ROW PHASE FUNCTION CALLS
 *   skip BACKEND ROW|REASON
 *   profile ROW PHASE BACKEND SELF% TOTAL% FUNCTION (with BENCH_PROFILE set)
 *   keptrow ID|LABEL|UNIT|UNITS|BYTES MAPPED
 *   kept BACKEND ROW CALL BYTES
 *   site BACKEND ROW CALL OBJECTS BYTES FUNCTION
 *   now BACKEND
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "kept.h"
#include "machine.h"
#include "profile.h"
#include "rows.h"

#define REPEATS 3
/* Instructions, to be worth a profile */
#define PROFILED 100000000UL
/* Beside the 1 GiB page that the guest reserves at boot */
#define HUGE_PAGES 264

static bool chosen(const char *id)
{
	const char *list = getenv("BENCH_ROWS");
	char name[64];

	if (!list || !*list)
		return true;
	for (; *list; list += strcspn(list, " ")) {
		list += strspn(list, " ");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(list, " "),
			 list);
		if (!strcmp(name, id))
			return true;
	}
	return false;
}

static const char *row_missing(const struct row *row, enum backend backend)
{
	return row->missing ? row->missing(row, backend) : NULL;
}

static void print_row(const struct row *row)
{
	int i;

	printf("row %s|%s|%s|%lu|%lu|", row->id, row->label, row->unit,
	       row->units, row_runs(row));
	for (i = 0; i < METER_PHASES && row->phases[i]; i++)
		printf("%s%s", i ? " " : "", row->phases[i]);
	printf("\n");
}

static void begin(const struct row *row, struct target *target,
		  enum backend backend)
{
	target->backend = backend;
	if (row->begin)
		row->begin(row, target);
	else
		target_open(target, backend, NULL);
}

static void end(const struct row *row, struct target *target)
{
	if (row->end)
		row->end(row, target);
	else
		target_close(target);
}

static void print_counts(const struct row *row, enum backend backend,
			 const struct meter *meter)
{
	int i, n;

	for (i = 0; i < METER_PHASES && row->phases[i]; i++)
		for (n = 0; n < METER_PROBES; n++)
			if (meter_probe(n))
				printf("count %s %s %s %s %lu\n",
				       backend_name(backend), row->id,
				       row->phases[i], meter_probe(n),
				       meter->hits[i][n]);
}

static void measure(const struct row *row, enum backend backend)
{
	u64 best[METER_PHASES] = { ~0UL, ~0UL };
	struct target target;
	struct meter meter;
	int i, n;

	begin(row, &target, backend);
	for (n = 0; n < REPEATS; n++) {
		meter_reset(&meter, METER_CLOCK);
		row->run(row, &target, &meter);
		for (i = 0; i < METER_PHASES; i++)
			if (meter.spent[i] < best[i])
				best[i] = meter.spent[i];
	}
	end(row, &target);

	for (i = 0; i < METER_PHASES && row->phases[i]; i++)
		printf("result %s %s %s %lu\n", backend_name(backend), row->id,
		       row->phases[i], best[i]);
}

static void count(const struct row *row, enum backend backend)
{
	struct target target;
	struct meter meter;

	meter_probes_enable(true);
	begin(row, &target, backend);
	meter_reset(&meter, METER_COUNTS);
	row->run(row, &target, &meter);
	end(row, &target);
	print_counts(row, backend, &meter);
	meter_probes_enable(false);
}

static void print_profile(const struct row *row, enum backend backend)
{
	struct target target;
	struct meter meter;
	u64 spent[METER_PHASES] = {};
	char prefix[128];
	int i;

	begin(row, &target, backend);
	t1x_require(profile_open(), "this kernel has no cpu-clock event");
	do {
		meter_reset(&meter, METER_PROFILE);
		row->run(row, &target, &meter);
		for (i = 0; i < METER_PHASES; i++)
			spent[i] += meter.spent[i];
	} while (spent[0] + spent[1] < PROFILED);
	for (i = 0; i < METER_PHASES && row->phases[i]; i++) {
		snprintf(prefix, sizeof(prefix), "profile %s %s %s", row->id,
			 row->phases[i], backend_name(backend));
		profile_print(i, prefix);
	}
	profile_close();
	end(row, &target);
}

static void run_row(const struct row *row, enum backend backend)
{
	const char *why = row_missing(row, backend);

	if (why) {
		printf("skip %s %s|%s\n", backend_name(backend), row->id, why);
		return;
	}
	measure(row, backend);
	count(row, backend);
	if (getenv("BENCH_PROFILE"))
		print_profile(row, backend);
}

static bool is_for(const struct row *row, enum backend backend)
{
	return chosen(row->id) && (row->short_call || !backend_lacks(backend));
}

static void run_backend(enum backend backend)
{
	const char *why = backend_missing(backend);
	int i;

	if (why) {
		printf("skip %s *|%s\n", backend_name(backend), why);
		return;
	}

	printf("now %s\n", backend_name(backend));
	backend_load(backend);
	for (i = 0; i < nr_rows; i++)
		if (is_for(&rows[i], backend))
			run_row(&rows[i], backend);
	for (i = 0; i < nr_kepts; i++)
		if (chosen(kepts[i].id) && backend != LIMIT &&
		    !backend_lacks(backend))
			kept_measure(&kepts[i], backend);
	backend_unload(backend);
}

int main(void)
{
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	meter_check();
	machine_print();
	printf("rep %lu\n", meter_rep_cost());

	meter_probes_define();
	t1x_write_ulong("/proc/sys/vm/nr_hugepages", HUGE_PAGES);
	for (i = 0; i < nr_rows; i++)
		if (chosen(rows[i].id) && !row_missing(&rows[i], TYPE1))
			print_row(&rows[i]);
	for (i = 0; i < nr_kepts; i++)
		if (chosen(kepts[i].id))
			kept_print(&kepts[i]);

	for (i = 0; i < NR_BACKENDS; i++)
		run_backend(i);
	printf("finished\n");
	return 0;
}
