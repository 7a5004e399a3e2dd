/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What type1x shows of a container in debugfs, read and parsed: its formats are
 * those of Documentation/debugfs.rst.
 */
#ifndef T1X_SEEN_H
#define T1X_SEEN_H

#include "util.h"

#define T1X_SEEN_DIR "/sys/kernel/debug/vfio_type1x"
#define T1X_SEEN_SIZES 64

/* A line of "maps" */
struct t1x_seen_map {
	u64 iova, last, vaddr, granule, pages;
	char prot[4], state[16], why[16];
	bool in_iommu;
	u64 bytes[T1X_SEEN_SIZES]; /* in IOMMU pages of 2^n bytes */
	int pid;
};

struct t1x_seen_maps {
	int n;
	struct t1x_seen_map *map;
};

/* Number of the newest container that this process has opened; 0: there is none */
u64 t1x_seen_id(void);

/*
 * All of a file of a container, to be freed; fails the test if it is not there.
 * Container 0 stands for all, also for those that are gone.
 */
char *t1x_seen_read(u64 id, const char *file);
/* An open file of a container, or -errno */
int t1x_seen_open(u64 id, const char *file, int flags);

/* Fails the test on a line that is not as documented, or out of order */
void t1x_seen_maps(u64 id, struct t1x_seen_maps *maps);
/* The same of a text that was read before */
void t1x_seen_parse_maps(const char *text, struct t1x_seen_maps *maps);
void t1x_seen_free(struct t1x_seen_maps *maps);
/* The mapping that begins at an IOVA, or NULL */
const struct t1x_seen_map *t1x_seen_find(const struct t1x_seen_maps *maps,
					 u64 iova);

/* The number behind a key of "stats" or "info"; fails the test if it is missing */
u64 t1x_seen_number(u64 id, const char *file, const char *key);
/* Is there such a line? */
bool t1x_seen_line(u64 id, const char *file, const char *line);
/* The same of a text that was read before */
u64 t1x_seen_value(const char *text, const char *key);
bool t1x_seen_has(const char *text, const char *line);
/* The last line of "errors" from the errno on, without who it was; "" if none */
void t1x_seen_error(u64 id, char *buf, size_t len);

#endif
