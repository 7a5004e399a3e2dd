// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracker of user mappings. See include/dma_tracker.h.
 */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "alloc.h"
#include "call.h"
#include "dma_tracker.h"

static struct kmem_cache *dma_cache;

static struct t1x_dma *node_dma(struct rb_node *node)
{
	return rb_entry_safe(node, struct t1x_dma, node);
}

/**
 * t1x_dma_cache_create() - Make the slab cache of mappings
 *
 * Context: Module init. May sleep.
 * Return: 0 or -ENOMEM.
 */
int t1x_dma_cache_create(void)
{
	dma_cache = KMEM_CACHE(t1x_dma, SLAB_ACCOUNT);
	return dma_cache ? 0 : -ENOMEM;
}

/**
 * t1x_dma_cache_destroy() - Drop the slab cache; it must be empty
 *
 * Context: Module exit. May sleep.
 */
void t1x_dma_cache_destroy(void)
{
	kmem_cache_destroy(dma_cache);
}

/**
 * t1x_dma_alloc() - Allocate a mapping without records, FILLING and unlinked
 * @iova: First byte, page aligned
 * @last: Last byte, inclusive; last + 1 is page aligned or 0
 *
 * It is charged to the memory cgroup of the caller, as what comes beside it is.
 *
 * Context: May sleep.
 * Return: The mapping, or NULL if memory is short.
 */
struct t1x_dma *t1x_dma_alloc(unsigned long iova, unsigned long last)
{
	struct t1x_dma *dma = kmem_cache_zalloc(dma_cache, T1X_GFP_USER);

	if (!dma)
		return NULL;

	dma->iova = iova;
	dma->last = last;
	dma->state = T1X_DMA_FILLING;
	dma->seg_order = T1X_DMA_FEW_ORDER;
	RB_CLEAR_NODE(&dma->node);
	return dma;
}

/**
 * t1x_dma_alloc_part() - Allocate what t1x_dma_split() needs
 * @dma: DYING mapping that the caller owns
 * @iova: First byte of the part
 * @last: Last byte of the part; that of @dma when it is split
 *
 * Context: May sleep.
 * Return: The part, unlinked, with room for its share of the records of @dma but
 * not for dirty pages; or NULL if memory is short.
 */
struct t1x_dma *t1x_dma_alloc_part(const struct t1x_dma *dma,
				   unsigned long iova, unsigned long last)
{
	struct t1x_dma *part = t1x_dma_alloc(iova, last);

	if (!part)
		return NULL;

	if (t1x_dma_reserve_part(dma, part)) {
		t1x_dma_free(part);
		return NULL;
	}

	return part;
}

/**
 * t1x_dma_free() - Free a mapping that is in no tree
 * @dma: Mapping from t1x_dma_alloc(); its account was given back
 *
 * Context: May sleep.
 */
void t1x_dma_free(struct t1x_dma *dma)
{
	WARN_ON_ONCE(!RB_EMPTY_NODE(&dma->node));

	t1x_dma_untrack(dma);
	t1x_dma_free_records(dma);
	kmem_cache_free(dma_cache, dma);
}

/**
 * t1x_dma_tree_init() - Make an empty tree
 * @tree: Tree to initialise
 * @lock: Mutex that its owner takes around every call below
 */
void t1x_dma_tree_init(struct t1x_dma_tree *tree, struct mutex *lock)
{
	tree->lock = lock;
	tree->root = RB_ROOT;
	tree->nr_filling = 0;
	tree->nr_vaddr_invalid = 0;
	INIT_LIST_HEAD(&tree->cuts);
	tree->externals = RB_ROOT;
	tree->nr_externals_held = 0;
	tree->nr_externals_added = 0;
	INIT_LIST_HEAD(&tree->copies);
	init_waitqueue_head(&tree->changed);
}

/**
 * t1x_dma_find() - Find the lowest mapping that overlaps a range
 * @tree: Tree to search
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The mapping, or NULL if the range is free.
 */
struct t1x_dma *t1x_dma_find(struct t1x_dma_tree *tree, unsigned long iova,
			     unsigned long last)
{
	struct rb_node *node = tree->root.rb_node;
	struct t1x_dma *lowest = NULL;

	lockdep_assert_held(tree->lock);

	while (node) {
		struct t1x_dma *dma = node_dma(node);

		if (dma->last < iova) {
			node = node->rb_right;
			continue;
		}

		lowest = dma;
		if (dma->iova <= iova)
			break;
		node = node->rb_left;
	}

	return lowest && lowest->iova <= last ? lowest : NULL;
}

/**
 * t1x_dma_first() - The lowest mapping
 * @tree: Tree
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The first mapping by IOVA, or NULL.
 */
struct t1x_dma *t1x_dma_first(struct t1x_dma_tree *tree)
{
	lockdep_assert_held(tree->lock);

	return node_dma(rb_first(&tree->root));
}

/**
 * t1x_dma_next() - The mapping that follows another
 * @tree: Tree that holds @dma
 * @dma: Mapping to start from
 *
 * Context: tree->lock held. May sleep: a tree may be long.
 * Return: The next mapping by IOVA, or NULL.
 */
struct t1x_dma *t1x_dma_next(struct t1x_dma_tree *tree, struct t1x_dma *dma)
{
	lockdep_assert_held(tree->lock);

	cond_resched();
	return node_dma(rb_next(&dma->node));
}

/**
 * t1x_dma_cuts() - Does an end of a range fall inside a mapping?
 * @tree: Tree to search
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: tree->lock held. Does not sleep.
 * Return: true if @iova is not the first byte, or @last not the last byte, of
 * the mapping that contains it.
 */
bool t1x_dma_cuts(struct t1x_dma_tree *tree, unsigned long iova,
		  unsigned long last)
{
	struct t1x_dma *dma;

	dma = t1x_dma_find(tree, iova, iova);
	if (dma && dma->iova != iova)
		return true;

	dma = t1x_dma_find(tree, last, last);
	return dma && dma->last != last;
}

/**
 * t1x_dma_refuse_cut() - Say that a mapping cannot be cut where a call would
 * @dma: Mapping, of which a part lies beyond an end of the call's range
 * @call: The caller's call, or NULL
 *
 * Context: The mapping cannot go. Does not sleep.
 * Return: -EINVAL.
 */
int t1x_dma_refuse_cut(const struct t1x_dma *dma, struct t1x_call *call)
{
	return t1x_call_fail_with(call, -EINVAL, T1X_REASON_CUT, dma->iova,
				  dma->last, t1x_dma_granule(dma));
}

/**
 * t1x_dma_going() - What of a DYING mapping goes
 * @tree: Tree that holds @dma
 * @dma: Mapping
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The range; unless the call that owns @dma cuts it, all of it.
 */
struct t1x_iova_range t1x_dma_going(struct t1x_dma_tree *tree,
				    const struct t1x_dma *dma)
{
	const struct t1x_dma_cut *cut;

	lockdep_assert_held(tree->lock);

	list_for_each_entry(cut, &tree->cuts, next) {
		if (cut->dma == dma)
			return cut->going;
	}

	return t1x_dma_range(dma);
}

/**
 * t1x_dma_find_usable() - Find the mapping that drivers of emulated devices may use
 * @tree: Tree to search
 * @iova: Byte that they want
 * @last: Set to the last byte from @iova on that they may use too
 *
 * A mapping of which a part is being removed is there but for that part.
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The mapping or NULL.
 */
struct t1x_dma *t1x_dma_find_usable(struct t1x_dma_tree *tree,
				    unsigned long iova, unsigned long *last)
{
	struct t1x_dma *dma = t1x_dma_find(tree, iova, iova);
	struct t1x_iova_range going;

	if (!dma || dma->stuck || dma->state == T1X_DMA_FILLING)
		return NULL;

	*last = dma->last;
	if (dma->state != T1X_DMA_DYING)
		return dma;

	going = t1x_dma_going(tree, dma);
	if (iova > going.last)
		return dma;
	if (iova >= going.iova)
		return NULL;

	*last = going.iova - 1;
	return dma;
}

static int link_dma(struct t1x_dma_tree *tree, struct t1x_dma *dma)
{
	struct rb_node **link = &tree->root.rb_node, *parent = NULL;

	while (*link) {
		struct t1x_dma *other = node_dma(*link);

		parent = *link;
		if (dma->last < other->iova)
			link = &parent->rb_left;
		else if (dma->iova > other->last)
			link = &parent->rb_right;
		else
			return -EEXIST;
	}

	rb_link_node(&dma->node, parent, link);
	rb_insert_color(&dma->node, &tree->root);
	return 0;
}

/**
 * t1x_dma_insert() - Track a new mapping
 * @tree: Tree to add to
 * @dma: FILLING mapping; owned by the tree on success
 *
 * Context: tree->lock held. Does not sleep.
 * Return: 0, or -EEXIST on any overlap. On failure nothing changed.
 */
int t1x_dma_insert(struct t1x_dma_tree *tree, struct t1x_dma *dma)
{
	lockdep_assert_held(tree->lock);

	if (link_dma(tree, dma))
		return -EEXIST;

	tree->nr_filling += dma->state == T1X_DMA_FILLING;
	return 0;
}

/**
 * t1x_dma_remove() - Stop tracking a mapping
 * @tree: Tree that holds @dma
 * @dma: Mapping; owned by the caller afterwards
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_dma_remove(struct t1x_dma_tree *tree, struct t1x_dma *dma)
{
	lockdep_assert_held(tree->lock);

	tree->nr_filling -= dma->state == T1X_DMA_FILLING;
	tree->nr_vaddr_invalid -= dma->vaddr_invalid;
	rb_erase(&dma->node, &tree->root);
	RB_CLEAR_NODE(&dma->node);
	t1x_dma_wake(tree);
}

/**
 * t1x_dma_set_state() - Move a tracked mapping to its next state
 * @tree: Tree that holds @dma
 * @dma: Mapping
 * @state: LIVE, BUSY or DYING; DYING, it goes whole but for what tree->cuts says
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_dma_set_state(struct t1x_dma_tree *tree, struct t1x_dma *dma,
		       enum t1x_dma_state state)
{
	lockdep_assert_held(tree->lock);

	tree->nr_filling -= dma->state == T1X_DMA_FILLING;
	dma->state = state;
	t1x_dma_wake(tree);
}

/**
 * t1x_dma_set_vaddr_invalid() - Note that the memory of a mapping is moving
 * @tree: Tree that holds @dma
 * @dma: Mapping
 * @invalid: It is to be found at no address, until VFIO_DMA_MAP_FLAG_VADDR
 *
 * Context: tree->lock held. Does not sleep.
 */
void t1x_dma_set_vaddr_invalid(struct t1x_dma_tree *tree, struct t1x_dma *dma,
			       bool invalid)
{
	lockdep_assert_held(tree->lock);

	tree->nr_vaddr_invalid += invalid - dma->vaddr_invalid;
	dma->vaddr_invalid = invalid;
}

/**
 * t1x_dma_wake() - Let those look again who wait in t1x_dma_wait()
 * @tree: Tree
 *
 * Context: tree->lock held, under which waiters queue up: none can be missed. Does
 * not sleep.
 */
void t1x_dma_wake(struct t1x_dma_tree *tree)
{
	lockdep_assert_held(tree->lock);

	/* No barrier: a waiter queues up under the lock. */
	if (waitqueue_active(&tree->changed))
		wake_up_all(&tree->changed);
}

/**
 * t1x_dma_wait() - Wait for a mapping to change, with no lock held
 * @tree: Tree
 * @timeout: Longest wait in jiffies, or MAX_SCHEDULE_TIMEOUT
 *
 * What is waited for may be the filler of a mapping, which waits for a user.
 *
 * Context: tree->lock held; it is dropped and taken again, so look at everything
 * anew. Sleeps.
 * Return: 0, or -EINTR on a fatal signal.
 */
int t1x_dma_wait(struct t1x_dma_tree *tree, long timeout)
{
	DEFINE_WAIT(wait);

	lockdep_assert_held(tree->lock);

	/* Whoever changes a state holds the lock, so the wake-up cannot be lost. */
	prepare_to_wait(&tree->changed, &wait, TASK_KILLABLE);
	mutex_unlock(tree->lock);
	schedule_timeout(timeout);
	finish_wait(&tree->changed, &wait);
	mutex_lock(tree->lock);

	return fatal_signal_pending(current) ? -EINTR : 0;
}

/**
 * t1x_dma_find_unsettled() - Find a mapping that another call is working on
 * @tree: Tree to search
 * @iova: First byte of the range
 * @last: Last byte of the range, inclusive
 *
 * Context: tree->lock held. May sleep.
 * Return: A mapping that overlaps the range and has to be waited for, or NULL.
 */
struct t1x_dma *t1x_dma_find_unsettled(struct t1x_dma_tree *tree,
				       unsigned long iova, unsigned long last)
{
	struct t1x_dma *dma;

	for (dma = t1x_dma_find(tree, iova, last); dma && dma->iova <= last;
	     dma = t1x_dma_next(tree, dma)) {
		if (!t1x_dma_is_settled(dma))
			return dma;
	}

	return NULL;
}

/**
 * t1x_dma_find_after() - Find the lowest mapping above an IOVA
 * @tree: Tree to search
 * @last: Last byte of what the caller has seen, perhaps of a mapping that has gone
 *
 * Context: tree->lock held. Does not sleep.
 * Return: The mapping or NULL.
 */
struct t1x_dma *t1x_dma_find_after(struct t1x_dma_tree *tree,
				   unsigned long last)
{
	return last == ULONG_MAX ? NULL :
				   t1x_dma_find(tree, last + 1, ULONG_MAX);
}

/**
 * t1x_dma_find_dying() - Find a mapping that is being unmapped
 * @tree: Tree to search
 *
 * Context: tree->lock held. May sleep.
 * Return: A mapping that will go or be LIVE again, or NULL.
 */
struct t1x_dma *t1x_dma_find_dying(struct t1x_dma_tree *tree)
{
	struct t1x_dma *dma;

	for (dma = t1x_dma_first(tree); dma; dma = t1x_dma_next(tree, dma)) {
		if (dma->state == T1X_DMA_DYING && !dma->stuck)
			return dma;
	}

	return NULL;
}

/**
 * t1x_dma_split() - Make a mapping of the upper end of another
 * @tree: Tree that holds @dma
 * @dma: DYING mapping that the caller owns, in the IOMMU as a whole or not at all,
 *	 with room for the rest of its records
 * @part: From t1x_dma_alloc_part(), with the account and, if @dma has one, a dirty
 *	  bitmap of its own; owned by the tree afterwards
 *
 * @part is DYING too.
 *
 * Context: domains.rwsem and tree->lock held. May sleep.
 */
void t1x_dma_split(struct t1x_dma_tree *tree, struct t1x_dma *dma,
		   struct t1x_dma *part)
{
	struct t1x_dirty dirty = t1x_dma_dirty(dma);
	struct t1x_dirty part_dirty = t1x_dma_dirty(part);
	unsigned long offset = part->iova - dma->iova;

	lockdep_assert_held(tree->lock);

	part->prot = dma->prot;
	part->granule_order = dma->granule_order;
	part->vaddr = dma->vaddr + offset;
	part->lock_cap = dma->lock_cap;
	part->state = dma->state;
	part->externals_charged = dma->externals_charged;
	if (dma->mapped)
		t1x_dma_split_records(dma, part, offset >> PAGE_SHIFT);
	t1x_dirty_split(&dirty, &part_dirty);

	dma->last = part->iova - 1;
	WARN_ON_ONCE(link_dma(tree, part));
	t1x_dma_set_vaddr_invalid(tree, part, dma->vaddr_invalid);
}

/**
 * t1x_dma_untrack() - Forget which pages of a mapping are dirty
 * @dma: Mapping; nothing is done if it is not tracked
 *
 * Context: The tree's mutex held, if @dma is in one. May sleep.
 */
void t1x_dma_untrack(struct t1x_dma *dma)
{
	struct t1x_dirty dirty = t1x_dma_dirty(dma);

	t1x_dirty_free(&dirty);
	dma->dirty_bits = NULL;
}
