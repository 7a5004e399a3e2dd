/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites of map.c and group.c have in common: a container of fake memory,
 * groups and domains, driven through the functions that the ioctls call.
 */
#ifndef T1X_FAKE_CONTAINER_H
#define T1X_FAKE_CONTAINER_H

#include <kunit/test.h>
#include <linux/completion.h>

#include "map.h"

#include "fake_domain.h"
#include "fake_group.h"
#include "fake_pin.h"

#define FAKE_GROUPS 3
#define FAKE_ENTRY_LIMIT 1000

struct fake_container {
	struct kunit *test;
	struct t1x_map map;
	struct fake_group groups[FAKE_GROUPS];
	struct fake_domain *domains[FAKE_GROUPS]; /* theirs, while attached */
};

/* A MAP or UNMAP in a thread of its own, for those that wait. */
struct fake_call {
	struct fake_container *c;
	bool unmap;
	unsigned long iova;
	unsigned long npages;
	unsigned long page;
	int ret;
	u64 size;
	struct task_struct *task;
	struct completion done;
};

void fake_call_start(struct fake_call *call);
void fake_call_await_waiting(struct fake_call *call);
int fake_call_end(struct fake_call *call);

int fake_container_init(struct kunit *test);
void fake_container_exit(struct kunit *test);

struct fake_container *fake_container_new(struct kunit *test);
struct fake_container *fake_container_new_with(struct kunit *test,
					       unsigned int nr);
void fake_container_end(struct fake_container *c);
struct fake_domain *fake_domain_new_other(struct kunit *test);
void fake_offer(struct fake_container *c, unsigned int i,
		struct fake_domain *domain);
int fake_try_attach(struct fake_container *c, unsigned int i);
void fake_attach(struct fake_container *c, unsigned int i,
		 struct fake_domain *domain);
void fake_detach(struct fake_container *c, unsigned int i);

int fake_map(struct fake_container *c, unsigned long iova, unsigned long npages,
	     unsigned long page);
int fake_map_granule(struct fake_container *c, unsigned long iova,
		     unsigned long npages, unsigned long page,
		     unsigned long granule);
int fake_unmap(struct fake_container *c, unsigned long iova,
	       unsigned long npages, u64 *size);
int fake_unmap_v1(struct fake_container *c, unsigned long iova,
		  unsigned long npages, u64 *size);
u64 fake_unmap_all(struct fake_container *c);
struct t1x_dma *fake_find_dma(struct fake_container *c, unsigned long iova);
void fake_check_mapped(struct fake_container *c, unsigned long iova,
		       unsigned long npages, unsigned long page);
void fake_check_empty(struct fake_container *c);

#endif /* T1X_FAKE_CONTAINER_H */
