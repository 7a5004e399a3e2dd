/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that userfaultfd watches. Nobody provides its pages: whoever waits for
 * one is noticed, and let go by whoever watches, so that a test sees the wait and
 * does not hang; or waits until the end, where that is the test.
 */
#ifndef T1X_UFFD_H
#define T1X_UFFD_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "util.h"

struct t1x_uffd {
	int fd;
	pthread_t watcher;
	atomic_bool stop;
	bool waited;
};

/*
 * From now on, and as long as this process lives, the pages of [mem, mem + size) are
 * withheld, as mode says. False as below.
 */
bool t1x_uffd_withhold(struct t1x_uffd *uffd, void *mem, size_t size, u64 mode);
/* True once anybody waits for such a page */
bool t1x_uffd_wait_parked(struct t1x_uffd *uffd, unsigned int ms);

/*
 * Watches [mem, mem + size) until the end. mode is UFFDIO_REGISTER_MODE_*. False
 * where the kernel has no userfaultfd for this memory: the test then skips.
 */
bool t1x_uffd_begin(struct t1x_uffd *uffd, void *mem, size_t size, u64 mode);
/* True if anybody waited for a page */
bool t1x_uffd_end(struct t1x_uffd *uffd);

/* Writes to these pages fault from now on */
void t1x_uffd_protect(struct t1x_uffd *uffd, void *mem, size_t size);

#endif
