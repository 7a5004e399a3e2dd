/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a call costs: instructions of the guest, how often the kernel's own
 * functions run, and where the instructions go.
 *
 * Under QEMU's -icount shift=0 the time stamp counter advances by one with each
 * instruction, so a difference of two readings is a number of instructions, the
 * same on every host. meter_check() proves that before anything is measured.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>

#include "util.h"

#define METER_PHASES 2
#define METER_PROBES 20

enum meter_mode {
	METER_CLOCK,
	METER_COUNTS, /* of calls and locks; to count costs instructions itself */
	METER_PROFILE, /* see profile.h */
};

struct meter {
	enum meter_mode mode;
	u64 began;
	u64 spent[METER_PHASES];
	u64 hits_began[METER_PROBES];
	u64 hits[METER_PHASES][METER_PROBES];
};

/* Fails where the clock counts anything but instructions */
void meter_check(void);
/* Instructions that one "rep stosb" of a page counts as */
u64 meter_rep_cost(void);

void meter_reset(struct meter *meter, enum meter_mode mode);
/* What lies between the two is added to the phase */
void meter_begin(struct meter *meter);
void meter_end(struct meter *meter, int phase);

/* Probes on those of the functions in meter.c that this kernel has; off at first */
void meter_probes_define(void);
void meter_probes_enable(bool on);
/* NULL where the kernel has no such function */
const char *meter_probe(int n);

#endif
