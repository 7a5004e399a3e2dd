// SPDX-License-Identifier: GPL-2.0-only
/*
 * External pins. See include/external.h.
 */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "alloc.h"
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

/* Of one alone, by the shorter way. */
static bool alloc_some(struct t1x_external **externals, unsigned int nr)
{
	if (nr > 1)
		return kmem_cache_alloc_bulk(external_cache, T1X_GFP_USER, nr,
					     (void **)externals);

	externals[0] = kmem_cache_zalloc(external_cache, T1X_GFP_USER);
	return externals[0];
}

/**
 * t1x_external_alloc() - Allocate external pins that are held once, all or none
 * @iova: IOVA of the first one, any byte of its page; the others follow, page by page
 * @externals: Set to the pins, in no tree yet; pfn and held mean nothing yet
 * @nr: How many, not 0
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_external_alloc(unsigned long iova, struct t1x_external **externals,
		       unsigned int nr)
{
	unsigned int i;

	if (!alloc_some(externals, nr))
		return -ENOMEM;

	for (i = 0; i < nr; i++, iova += PAGE_SIZE) {
		externals[i]->iova = iova;
		externals[i]->refs = 1;
	}
	return 0;
}

/**
 * t1x_external_free() - Free an external pin that is in no tree
 * @external: Pin
 */
void t1x_external_free(struct t1x_external *external)
{
	kmem_cache_free(external_cache, external);
}

/**
 * t1x_external_find() - Find the pin that was made with an IOVA
 * @tree: Mappings of the container
 * @iova: The very IOVA; another byte of the same page is another pin
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The pin or NULL.
 */
struct t1x_external *t1x_external_find(struct t1x_dma_tree *tree,
				       unsigned long iova)
{
	struct rb_node *node = tree->externals.rb_node;

	lockdep_assert_held(tree->lock);

	while (node) {
		struct t1x_external *external = node_external(node);

		if (external->iova == iova)
			return external;
		node = iova < external->iova ? node->rb_left : node->rb_right;
	}

	return NULL;
}

static void link_first(struct t1x_dma_tree *tree, struct t1x_external *external)
{
	struct rb_node **link = &tree->externals.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = external->iova < node_external(parent)->iova ?
			       &parent->rb_left :
			       &parent->rb_right;
	}

	rb_link_node(&external->node, parent, link);
}

/* Behind a pin that no other one lies behind. */
static void link_behind(struct t1x_external *external, struct rb_node *prev)
{
	struct rb_node *next;

	if (!prev->rb_right) {
		rb_link_node(&external->node, prev, &prev->rb_right);
		return;
	}

	next = rb_next(prev);
	rb_link_node(&external->node, next, &next->rb_left);
}

/**
 * t1x_external_insert() - Add pins that follow each other
 * @tree: Mappings of the container, which has no pin between the first and the last
 * @externals: Pins of pages of one of them, by their IOVA; belong to it afterwards
 * @nr: How many
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_external_insert(struct t1x_dma_tree *tree,
			 struct t1x_external *const *externals, unsigned int nr)
{
	unsigned int i;

	lockdep_assert_held(tree->lock);

	tree->nr_externals_added += nr;
	for (i = 0; i < nr; i++) {
		if (i)
			link_behind(externals[i], &externals[i - 1]->node);
		else
			link_first(tree, externals[i]);
		rb_insert_color(&externals[i]->node, &tree->externals);
		tree->nr_externals_held += externals[i]->held;
	}
}

/**
 * t1x_external_remove() - Take a pin out
 * @tree: Mappings of the container
 * @external: Pin of a page of one of them; belongs to the caller afterwards
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_external_remove(struct t1x_dma_tree *tree,
			 struct t1x_external *external)
{
	lockdep_assert_held(tree->lock);

	rb_erase(&external->node, &tree->externals);
	tree->nr_externals_held -= external->held;
}

/**
 * t1x_external_first() - Find the lowest pin of a range
 * @tree: Mappings of the container
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The pin with the lowest IOVA in the range, or NULL if there is none.
 */
struct t1x_external *t1x_external_first(struct t1x_dma_tree *tree,
					unsigned long iova, unsigned long last)
{
	struct rb_node *node = tree->externals.rb_node;
	struct t1x_external *lowest = NULL;

	lockdep_assert_held(tree->lock);

	while (node) {
		struct t1x_external *external = node_external(node);

		if (external->iova < iova) {
			node = node->rb_right;
		} else {
			lowest = external;
			node = node->rb_left;
		}
	}

	return lowest && lowest->iova <= last ? lowest : NULL;
}

/* The pin that follows another in a mapping, or NULL. */
static struct t1x_external *next_of(const struct t1x_dma *dma,
				    struct t1x_external *external)
{
	external = node_external(rb_next(&external->node));
	return external && external->iova <= dma->last ? external : NULL;
}

/**
 * t1x_external_nr_held() - How many pages do drivers hold of a mapping?
 * @tree: Mappings of the container
 * @dma: One of them
 *
 * Context: tree->lock held. May sleep.
 * Return: Pages that are pinned, each as often as it is.
 */
unsigned long t1x_external_nr_held(struct t1x_dma_tree *tree,
				   const struct t1x_dma *dma)
{
	struct t1x_external *external;
	unsigned long npages = 0;

	for (external = t1x_external_first(tree, dma->iova, dma->last);
	     external; external = next_of(dma, external)) {
		npages += external->held;
		cond_resched();
	}

	return npages;
}

/**
 * t1x_external_mark_dirty() - Mark what is held: a device may write there any time
 * @tree: Mappings of the container
 * @dma: One of them, tracked or not
 *
 * Context: tree->lock held. May sleep.
 */
void t1x_external_mark_dirty(struct t1x_dma_tree *tree,
			     const struct t1x_dma *dma)
{
	struct t1x_external *external;

	for (external = t1x_external_first(tree, dma->iova, dma->last);
	     external; external = next_of(dma, external)) {
		t1x_dma_set_dirty(dma, external->iova >> PAGE_SHIFT, 1);
		cond_resched();
	}
}
