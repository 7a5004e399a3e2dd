/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test must leave as it found it: pinned pages of the system, locked
 * memory of the process, free huge pages, and a kernel log without complaints.
 */
#ifndef T1X_LEAK_H
#define T1X_LEAK_H

#include <stdbool.h>
#include <sys/types.h>

struct t1x_leak {
	long pins;
	long locked; /* pages */
	long huge_free;
	int kmsg;
	bool allow_faults; /* set by a test that provokes DMA faults */
};

long t1x_pins(void);
/* VmLck in pages */
long t1x_locked(void);
long t1x_locked_of(pid_t pid);

void t1x_leak_begin(struct t1x_leak *leak);
/* Pages charged to this process, and pins of the system since then; prints */
bool t1x_pinned_are(const struct t1x_leak *leak, long locked, long pins);
/* Number of complaints in the kernel log since then, the first ones printed */
int t1x_leak_log(struct t1x_leak *leak);
/* Number of things that are not as they were, one line printed for each */
int t1x_leak_end(struct t1x_leak *leak);

/* Reads the kernel log on; true if a line from now on reports a DMA fault */
bool t1x_saw_dma_fault(int kmsg, unsigned int ms);
int t1x_kmsg_open(void);
/* Reads the kernel log on; lines from now on that match an extended regular expression */
int t1x_kmsg_count(int fd, const char *pattern);

#endif
