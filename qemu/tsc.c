// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints how fast the time stamp counter of this machine counts, in kHz. Under TCG it is the
 * guest's, too, and a guest finds that out by itself only as long as the host lets it run: one
 * that came to a tenth of it ran out of all its time limits.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment {
	unsigned long long cycles;
	double ns;
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Of many looks at both clocks the one that took the least time: nothing came between. */
static struct moment look(void)
{
	unsigned long long took, least = ~0ULL;
	struct moment moment, best = { 0 };
	int i;

	for (i = 0; i < 1000; i++) {
		moment.cycles = __rdtsc();
		moment.ns = now_ns();
		took = __rdtsc() - moment.cycles;
		if (took < least) {
			least = took;
			best = moment;
		}
	}

	return best;
}

int main(void)
{
	const struct timespec while_both_count = { .tv_nsec = 50000000 };
	struct moment from, to;

	from = look();
	nanosleep(&while_both_count, NULL);
	to = look();

	printf("%.0f\n", (to.cycles - from.cycles) / (to.ns - from.ns) * 1e6);
	return 0;
}
