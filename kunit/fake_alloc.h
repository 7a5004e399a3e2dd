/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts the allocations of a production file that is included after this
 * header, and lets the n-th of them fail.
 *
 * The headers below are those whose inline functions allocate: they must be
 * parsed before the names mean something else.
 */
#ifndef T1X_FAKE_ALLOC_H
#define T1X_FAKE_ALLOC_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "fake_domain.h"

bool fake_alloc_refuse(void);
void *fake_alloc_take(void *p);
void fake_alloc_drop(const void *p);

static inline void *real_kzalloc(size_t size, gfp_t gfp)
{
	return fake_alloc_refuse() ? NULL : fake_alloc_take(kzalloc(size, gfp));
}

static inline void *real_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return fake_alloc_refuse() ?
		       NULL :
		       fake_alloc_take(kmalloc_array(n, size, gfp));
}

static inline void *real_kvzalloc(size_t size, gfp_t gfp)
{
	fake_alloc.size = size;
	return fake_alloc_refuse() ? NULL :
				     fake_alloc_take(kvzalloc(size, gfp));
}

static inline void *real_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return fake_alloc_refuse() ?
		       NULL :
		       fake_alloc_take(kmem_cache_zalloc(cache, gfp));
}

static inline int real_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp,
					size_t nr, void **p)
{
	size_t i;

	if (fake_alloc_refuse() || !kmem_cache_alloc_bulk(cache, gfp, nr, p))
		return 0;
	for (i = 0; i < nr; i++)
		fake_alloc_take(p[i]);
	return nr;
}

static inline void *real_krealloc(void *p, size_t size, gfp_t gfp)
{
	void *new = fake_alloc_refuse() ? NULL : krealloc(p, size, gfp);

	return p ? new : fake_alloc_take(new);
}

static inline void real_kfree(const void *p)
{
	fake_alloc_drop(p);
	kfree(p);
}

static inline void real_kvfree(const void *p)
{
	fake_alloc_drop(p);
	kvfree(p);
}

static inline void real_cache_free(struct kmem_cache *cache, void *p)
{
	fake_alloc_drop(p);
	kmem_cache_free(cache, p);
}

#undef kzalloc
#undef kmalloc_array
#undef kvzalloc
#undef kmem_cache_zalloc
#undef kmem_cache_alloc_bulk
#undef krealloc
#define kzalloc(size, gfp) real_kzalloc(size, gfp)
#define kmalloc_array(n, size, gfp) real_kmalloc_array(n, size, gfp)
#define kvzalloc(size, gfp) real_kvzalloc(size, gfp)
#define kmem_cache_zalloc(cache, gfp) real_cache_zalloc(cache, gfp)
#define kmem_cache_alloc_bulk(cache, gfp, nr, p) \
	real_cache_alloc_bulk(cache, gfp, nr, p)
#define krealloc(p, size, gfp) real_krealloc(p, size, gfp)
#define kfree(p) real_kfree(p)
#define kvfree(p) real_kvfree(p)
#define kmem_cache_free(cache, p) real_cache_free(cache, p)

#endif /* T1X_FAKE_ALLOC_H */
