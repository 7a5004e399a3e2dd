/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file whose pages do not come: a FUSE server that answers everything but
 * reads, until it is told to. Mapping the file gives memory whose page fault is
 * parked for as long as a test likes.
 */
#ifndef T1X_FUSE_H
#define T1X_FUSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Shared with the server, which is a process of its own: a test may well stop
 * every thread of its own process.
 */
struct t1x_fuse_state {
	atomic_bool released;
	atomic_bool stop;
	atomic_int parked; /* reads withheld so far */
};

struct t1x_fuse {
	char path[64];
	size_t size;
	pid_t server;
	struct t1x_fuse_state *state;
};

/* False where the kernel has no FUSE: the test then skips */
bool t1x_fuse_start(struct t1x_fuse *fuse, size_t size);
/* Answers what is withheld, ends the server, unmounts */
void t1x_fuse_stop(struct t1x_fuse *fuse);

/* A shared, readable mapping of the whole file; at may be NULL */
void *t1x_fuse_map(struct t1x_fuse *fuse, void *at);
/* A private, writable one: even who writes waits for what the page held before */
void *t1x_fuse_map_private(struct t1x_fuse *fuse);
/* True once a fault waits for a page */
bool t1x_fuse_wait_parked(struct t1x_fuse *fuse, unsigned int ms);
void t1x_fuse_release(struct t1x_fuse *fuse);
/* The server goes without an answer: what waits for a page fails */
void t1x_fuse_die(struct t1x_fuse *fuse);

#endif
