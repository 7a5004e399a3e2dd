// SPDX-License-Identifier: GPL-2.0-only
/*
 * External pins of one mapping. See include/external.h.
 */
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "alloc.h"
#include "dirty_bitmap.h"
#include "dma_tracker.h"
#include "external.h"

static struct kmem_cache *external_cache;

static struct t1x_external *node_external(struct rb_node *node)
{
	return rb_entry_safe(node, struct t1x_external, node);
}

/**
 * t1x_external_cache_create() - Make the slab cache of external pins
 *
 * Context: Module init. May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_external_cache_create(void)
{
	external_cache = KMEM_CACHE(t1x_external, SLAB_ACCOUNT);
	return external_cache ? 0 : -ENOMEM;
}

/**
 * t1x_external_cache_destroy() - Drop the slab cache; it must be empty
 *
 * Context: Module exit. May sleep.
 */
void t1x_external_cache_destroy(void)
{
	kmem_cache_destroy(external_cache);
}

/**
 * t1x_external_alloc() - Allocate an external pin that is held once
 * @iova: IOVA that is pinned, any byte of its page
 *
 * Context: May sleep.
 * Return: The pin, in no mapping yet, or NULL if memory is short.
 */
struct t1x_external *t1x_external_alloc(unsigned long iova)
{
	struct t1x_external *external;

	external = kmem_cache_zalloc(external_cache, T1X_GFP_USER);
	if (!external)
		return NULL;

	external->iova = iova;
	external->refs = 1;
	return external;
}

/**
 * t1x_external_free() - Free an external pin that is in no mapping
 * @external: Pin or NULL
 */
void t1x_external_free(struct t1x_external *external)
{
	if (external)
		kmem_cache_free(external_cache, external);
}

/**
 * t1x_external_find() - Find the pin that was made with an IOVA
 * @dma: Mapping
 * @iova: The very IOVA; another byte of the same page is another pin
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: The pin or NULL.
 */
struct t1x_external *t1x_external_find(const struct t1x_dma *dma,
				       unsigned long iova)
{
	struct rb_node *node = dma->externals.rb_node;

	while (node) {
		struct t1x_external *external = node_external(node);

		if (external->iova == iova)
			return external;
		node = iova < external->iova ? node->rb_left : node->rb_right;
	}

	return NULL;
}

/**
 * t1x_external_insert() - Add a pin to a mapping
 * @dma: Mapping that has no pin of this IOVA
 * @external: Pin; belongs to the mapping afterwards
 *
 * Context: The tree's mutex held. Does not sleep.
 */
void t1x_external_insert(struct t1x_dma *dma, struct t1x_external *external)
{
	struct rb_node **link = &dma->externals.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = external->iova < node_external(parent)->iova ?
			       &parent->rb_left :
			       &parent->rb_right;
	}

	rb_link_node(&external->node, parent, link);
	rb_insert_color(&external->node, &dma->externals);
	dma->nr_externals_held += external->held;
}

/**
 * t1x_external_remove() - Take a pin out of a mapping
 * @dma: Mapping
 * @external: Pin of it; belongs to the caller afterwards
 *
 * Context: The tree's mutex held. Does not sleep.
 */
void t1x_external_remove(struct t1x_dma *dma, struct t1x_external *external)
{
	rb_erase(&external->node, &dma->externals);
	dma->nr_externals_held -= external->held;
}

/* The pin with the lowest IOVA at or above one, or NULL. */
static struct t1x_external *find_from(const struct t1x_dma *dma,
				      unsigned long iova)
{
	struct rb_node *node = dma->externals.rb_node;
	struct t1x_external *lowest = NULL;

	while (node) {
		struct t1x_external *external = node_external(node);

		if (external->iova < iova) {
			node = node->rb_right;
		} else {
			lowest = external;
			node = node->rb_left;
		}
	}

	return lowest;
}

/**
 * t1x_external_any() - Is anything of a range pinned?
 * @dma: Mapping
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: The tree's mutex held. Does not sleep.
 * Return: true if a pin was made with an IOVA in the range.
 */
bool t1x_external_any(const struct t1x_dma *dma, unsigned long iova,
		      unsigned long last)
{
	struct t1x_external *external = find_from(dma, iova);

	return external && external->iova <= last;
}

/**
 * t1x_external_split() - Give the pins of the upper end of a mapping to another
 * @dma: Mapping
 * @part: Mapping without a pin, which was the upper end of @dma
 *
 * Context: The tree's mutex held. May sleep.
 */
void t1x_external_split(struct t1x_dma *dma, struct t1x_dma *part)
{
	struct t1x_external *external;

	while ((external = find_from(dma, part->iova))) {
		t1x_external_remove(dma, external);
		t1x_external_insert(part, external);
		cond_resched();
	}
}

/**
 * t1x_external_mark_dirty() - Mark what is held: a device may write there any time
 * @dma: Mapping, tracked or not
 *
 * Context: The tree's mutex held. Does not sleep.
 */
void t1x_external_mark_dirty(struct t1x_dma *dma)
{
	struct rb_node *node;

	for (node = rb_first(&dma->externals); node; node = rb_next(node))
		t1x_dirty_set(&dma->dirty,
			      node_external(node)->iova >> PAGE_SHIFT, 1);
}
