// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach and detach of IOMMU groups. See include/group.h.
 */
#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "backing.h"
#include "call.h"
#include "dirty_log.h"
#include "dma_tracker.h"
#include "domains.h"
#include "emulated.h"
#include "group.h"
#include "iova_space.h"
#include "journal.h"
#include "map.h"

#include "compat.h"

/* The lowest mapping at or above @iova; it stays while the rwsem is held. */
static struct t1x_dma *next_mapped(struct t1x_map *map, unsigned long iova)
{
	struct t1x_dma *dma;

	lockdep_assert_held_write(&map->domains.rwsem);

	/* One with pages in the IOMMU cannot go, because that needs the rwsem. */
	mutex_lock(&map->lock);
	dma = t1x_dma_find(&map->tree, iova, ULONG_MAX);
	while (dma && (!t1x_dma_in_iommu(dma) || dma->stuck))
		dma = t1x_dma_next(&map->tree, dma);
	mutex_unlock(&map->lock);
	return dma;
}

static struct t1x_dma *next_mapped_after(struct t1x_map *map,
					 const struct t1x_dma *dma)
{
	return dma->last == ULONG_MAX ? NULL : next_mapped(map, dma->last + 1);
}

/* Unmap from one domain what of a mapping lies below page @end. */
static void withdraw_dma(struct t1x_domain *domain, const struct t1x_dma *dma,
			 unsigned long end)
{
	if (end > dma->unmapped)
		t1x_domain_unmap(domain, t1x_dma_iova_at(dma, dma->unmapped),
				 end - dma->unmapped);
	cond_resched();
}

/* Take all mappings up to @stop, exclusive, out of one domain. */
static void withdraw(struct t1x_map *map, struct t1x_domain *domain,
		     const struct t1x_dma *stop)
{
	struct t1x_dma *dma;

	for (dma = next_mapped(map, 0); dma && dma != stop;
	     dma = next_mapped_after(map, dma))
		withdraw_dma(domain, dma, dma->mapped);
}

/*
 * Map in a new domain what the others map of one mapping, FILLING and DYING ones
 * up to where they are. A call of iommu_map ends where physical memory jumps, at
 * multiples of the granule and where the mapping ends, as later unmaps will.
 */
static int replay_dma(struct t1x_map *map, struct t1x_domain *domain,
		      const struct t1x_dma *dma, unsigned long *nr_runs)
{
	struct t1x_leaves leaves =
		t1x_domains_leaves(&map->domains, t1x_dma_granule(dma));
	unsigned long index = dma->unmapped, end = dma->mapped;
	unsigned long pfn, next;
	int ret;

	if (!t1x_backing_find_pfn(&map->domains, dma, index, &pfn))
		return -EINVAL;

	while (index < end) {
		unsigned long run_pfn = pfn;

		next = t1x_backing_run_end(&map->domains, dma, index, end,
					   &pfn);
		if (!next) {
			ret = -EINVAL;
			goto err_withdraw;
		}

		ret = t1x_domain_map(domain, t1x_dma_iova_at(dma, index),
				     run_pfn, next - index, dma->prot, &leaves);
		if (ret > 0)
			ret = -EIO; /* what the driver keeps goes with the domain */
		if (ret)
			goto err_withdraw;
		index = next;
		++*nr_runs;
		cond_resched();
	}
	return 0;

err_withdraw:
	withdraw_dma(domain, dma, index);
	return ret;
}

/* Map everything in a new domain, or nothing. */
static int replay(struct t1x_map *map, struct t1x_domain *domain,
		  struct t1x_call *call)
{
	struct t1x_dma *dma;
	int ret;

	for (dma = next_mapped(map, 0); dma;
	     dma = next_mapped_after(map, dma)) {
		unsigned long nr_runs = 0;

		ret = replay_dma(map, domain, dma, &nr_runs);
		t1x_journal_replay(call, dma->iova, dma->last, nr_runs, ret);
		if (ret) {
			withdraw(map, domain, dma);
			return t1x_call_fail_with(call, ret, T1X_REASON_IOMMU,
						  dma->iova, 0, 0);
		}
	}

	return 0;
}

static int refuse_window(const struct t1x_iova_space *space,
			 const struct t1x_dma *dma, struct t1x_call *call)
{
	struct t1x_iova_range gap = t1x_iova_gap(space, dma->iova);

	t1x_call_set_range(call, dma->iova, dma->last);
	return t1x_call_fail_with(call, -EINVAL, T1X_REASON_OUTSIDE, gap.iova,
				  gap.last, 0);
}

/* Is every mapping, whatever its state, inside a space? */
static int check_window(struct t1x_map *map, const struct t1x_iova_space *space,
			struct t1x_call *call)
{
	struct t1x_dma *dma;

	lockdep_assert_held(&map->lock);

	for (dma = t1x_dma_first(&map->tree); dma;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (!t1x_iova_contains(space, dma->iova, dma->last))
			return refuse_window(space, dma, call);
	}

	return 0;
}

/* The IOMMU core or a driver says no, and nothing of why. */
static int refuse_group(struct t1x_call *call, int ret)
{
	if (call && ret != -ENOMEM)
		t1x_call_fail_with(call, ret, T1X_REASON_GROUP, call->group, 0,
				   0);
	return ret;
}

/* All that can refuse a new domain before anything is changed for it. */
static int vet_domain(struct t1x_map *map, struct t1x_domain *domain,
		      struct iommu_group *group,
		      const struct t1x_group_opts *opts,
		      struct t1x_iova_space *space, phys_addr_t *msi_base)
{
	int ret;

	ret = t1x_domains_build_space(&map->domains, NULL, space);
	if (!ret)
		ret = t1x_domain_restrict(domain, space, msi_base);
	if (ret)
		return refuse_group(opts->call, ret);

	if (!t1x_domains_may_add(&map->domains, domain))
		return t1x_call_fail_with(opts->call, -EINVAL,
					  T1X_REASON_PGSIZE,
					  map->domains.subset, 0, 0);

	mutex_lock(&map->lock);
	ret = check_window(map, space, opts->call);
	mutex_unlock(&map->lock);
	if (ret)
		return ret;

	if (!opts->unsafe_interrupts && !iommu_group_has_isolated_msi(group)) {
		pr_warn_ratelimited("%s, see allow_unsafe_interrupts\n",
				    "no interrupt remapping for this group");
		return t1x_call_fail(opts->call, -EPERM, T1X_REASON_INTERRUPTS);
	}

	return 0;
}

/* An attach may have to pin what is at an address that is invalid. */
static int check_addresses(struct t1x_map *map, struct t1x_call *call)
{
	lockdep_assert_held(&map->lock);

	return map->tree.nr_vaddr_invalid ?
		       t1x_call_fail(call, -EBUSY, T1X_REASON_VADDR_INVALID) :
		       0;
}

/*
 * The last step of an attach. A MAP may have come in since the window was looked
 * at; then it was first, and the attach fails as it would have after it.
 * Return: 0; -EINVAL; -EBUSY; -EAGAIN if an unmap is to be waited for. On success
 * @space is the old one.
 */
static int commit_attach(struct t1x_map *map, struct t1x_domain *domain,
			 struct t1x_iova_space *space, struct t1x_call *call)
{
	int ret;

	mutex_lock(&map->lock);
	ret = check_addresses(map, call) ?: check_window(map, space, call);
	if (!ret && list_empty(&map->domains.list) &&
	    !t1x_map_begin_fill_all(map))
		ret = -EAGAIN;
	if (!ret) {
		t1x_iova_swap(&map->space, space);
		if (domain)
			t1x_domains_add(&map->domains, domain);
	}
	mutex_unlock(&map->lock);
	return ret;
}

/*
 * Detach from the IOMMU. What the group wrote unseen must not be clean for a moment,
 * or a report, perhaps the last one, would miss it.
 */
static void leave_domain(struct t1x_map *map, struct t1x_domain *domain,
			 struct iommu_group *group, bool wrote)
{
	bool unseen = t1x_domains_detach(&map->domains, domain, group);

	mutex_lock(&map->lock);
	map->domains.nr_unseen -= unseen;
	if (unseen && wrote)
		t1x_dirty_log_set_all(&map->log);
	mutex_unlock(&map->lock);
}

/* Attach to a domain that exists, or make @domain one of the container's. */
static int place_group(struct t1x_map *map, struct t1x_domain *domain,
		       struct iommu_group *group, struct t1x_iova_space *space,
		       phys_addr_t msi_base, struct t1x_call *call)
{
	int ret;

	ret = t1x_domains_join(&map->domains, domain);
	if (ret < 0)
		return refuse_group(call, ret);

	if (ret) {
		ret = commit_attach(map, NULL, space, call);
		if (ret)
			leave_domain(map,
				     t1x_domains_find(&map->domains, group),
				     group, false);
		else
			t1x_domain_close(domain);
		return ret;
	}

	ret = t1x_domain_prepare_msi(domain, msi_base);
	if (ret)
		return refuse_group(call, ret);

	ret = replay(map, domain, call);
	if (ret)
		return ret;

	ret = commit_attach(map, domain, space, call);
	if (ret)
		withdraw(map, domain, NULL);
	return ret;
}

/* May a group be attached at all? */
static int admit_group(struct t1x_map *map, struct iommu_group *group,
		       struct t1x_call *call)
{
	int ret;

	mutex_lock(&map->lock);
	ret = check_addresses(map, call);
	if (!ret && (t1x_domains_find(&map->domains, group) ||
		     t1x_emulated_has_group(&map->emulated, group)))
		ret = t1x_call_fail(call, -EINVAL, T1X_REASON_ATTACHED);
	mutex_unlock(&map->lock);
	return ret;
}

/*
 * Drop a domain that has no group any more. What can be mapped without it is told
 * from the same moment on as the page sizes are: @space, unless it is NULL, which
 * becomes the old one.
 */
static struct t1x_dma *drop_domain(struct t1x_map *map,
				   struct t1x_domain *domain,
				   struct t1x_iova_space *space, bool keep)
{
	struct t1x_dma *dying = NULL;

	if (!list_is_singular(&map->domains.list))
		withdraw(map, domain, NULL);
	else if (keep)
		t1x_map_unback_all(map);
	else
		dying = t1x_map_clear_all(map);

	mutex_lock(&map->lock);
	t1x_domains_remove(&map->domains, domain);
	if (space)
		t1x_iova_swap(&map->space, space);
	mutex_unlock(&map->lock);
	t1x_domain_close(domain);
	return dying;
}

/* The first IOMMU could not have all that is mapped: take it away again. */
static void withdraw_first(struct t1x_map *map, struct iommu_group *group,
			   struct t1x_iova_space *old_space)
{
	struct t1x_domain *domain;

	down_write(&map->domains.rwsem);
	domain = t1x_domains_find(&map->domains, group);
	leave_domain(map, domain, group, false);
	drop_domain(map, domain, old_space, true);
	up_write(&map->domains.rwsem);

	t1x_accounts_settle(&map->accounts);
}

/* Attach with the rwsem held. Sets *@first if everything is still to be pinned. */
static int attach_locked(struct t1x_map *map, struct iommu_group *group,
			 const struct t1x_group_opts *opts,
			 struct t1x_iova_space *space, bool *first)
{
	struct t1x_domain *domain;
	phys_addr_t msi_base = 0;
	int ret;

	ret = admit_group(map, group, opts->call);
	if (ret)
		return ret;

	domain = t1x_domain_open(group, opts->nesting);
	if (IS_ERR(domain))
		return refuse_group(opts->call, PTR_ERR(domain));

	*first = list_empty(&map->domains.list);
	ret = vet_domain(map, domain, group, opts, space, &msi_base);
	if (!ret)
		ret = place_group(map, domain, group, space, msi_base,
				  opts->call);
	if (ret)
		t1x_domain_close(domain);
	return ret;
}

static int attach_once(struct t1x_map *map, struct iommu_group *group,
		       const struct t1x_group_opts *opts)
{
	struct t1x_iova_space space;
	bool first = false;
	int ret;

	t1x_iova_init(&space);

	if (down_write_killable(&map->domains.rwsem))
		return -EINTR;
	ret = attach_locked(map, group, opts, &space, &first);
	up_write(&map->domains.rwsem);

	if (!ret && first) {
		ret = t1x_map_fill_all(map, opts->single, opts->call);
		if (ret)
			withdraw_first(map, group, &space);
	}

	t1x_iova_destroy(&space);
	return ret;
}

/* Wait until no mapping is being unmapped. */
static int wait_for_unmaps(struct t1x_map *map)
{
	int ret = 0;

	if (mutex_lock_killable(&map->lock))
		return -EINTR;

	while (!ret && t1x_dma_find_dying(&map->tree))
		ret = t1x_dma_wait(&map->tree, MAX_SCHEDULE_TIMEOUT);
	mutex_unlock(&map->lock);
	return ret;
}

/**
 * t1x_group_attach() - Attach an IOMMU group
 * @map: Mappings of the container
 * @group: Group
 * @opts: How
 *
 * What the container maps is mapped for the group too when this returns. If it is
 * not pinned yet, for want of an IOMMU, it is pinned from the address spaces of
 * those who mapped it.
 *
 * Context: vfio core's group_lock held. May sleep; never waits for a mapping that
 * is FILLING, but replays what there is of it. Its waits are killable; a replay runs
 * to its end.
 * Return: 0; -EINVAL if the group is attached already, or if a mapping lies
 * outside what it can reach; -EPERM if its interrupts are not isolated; -EBUSY
 * while an address is invalid; -ESRCH if a mapping is to be pinned whose address
 * space is gone; -EINTR on a fatal signal; -ENOMEM; or what the IOMMU driver or
 * t1x_backing_fill() says. On failure nothing changed.
 */
int t1x_group_attach(struct t1x_map *map, struct iommu_group *group,
		     const struct t1x_group_opts *opts)
{
	int ret;

	do {
		ret = attach_once(map, group, opts);
		if (ret == -EAGAIN)
			ret = wait_for_unmaps(map) ?: -EAGAIN;
	} while (ret == -EAGAIN);

	return ret;
}

/**
 * t1x_group_attach_emulated() - Attach the group of a mediated device
 * @map: Mappings of the container
 * @group: Group
 * @call: The caller's call, or NULL
 *
 * Context: vfio core's group_lock held. May sleep.
 * Return: 0; -EBUSY while an address is invalid; -EINVAL if the group is attached
 * already; -ENOMEM. On failure nothing changed.
 */
int t1x_group_attach_emulated(struct t1x_map *map, struct iommu_group *group,
			      struct t1x_call *call)
{
	int ret;

	down_write(&map->domains.rwsem);
	ret = admit_group(map, group, call);
	if (!ret) {
		mutex_lock(&map->lock);
		/* The addresses are valid, or the drivers could not do their work. */
		ret = check_addresses(map, call) ?:
			      t1x_emulated_add_group(&map->emulated, group);
		mutex_unlock(&map->lock);
	}
	up_write(&map->domains.rwsem);
	return ret;
}

/* A choice of page sizes lasts as long as the container has a group. */
static void forget_subset(struct t1x_map *map)
{
	mutex_lock(&map->lock);
	t1x_domains_set_subset(&map->domains, 0);
	mutex_unlock(&map->lock);
}

/* Detach an emulated group. With the last group of all, the mappings go. */
static bool detach_emulated(struct t1x_map *map, struct iommu_group *group,
			    struct t1x_dma **dying)
{
	bool removed, last;

	mutex_lock(&map->lock);
	removed = t1x_emulated_remove_group(&map->emulated, group);
	last = !t1x_emulated_is_used(&map->emulated) &&
	       list_empty(&map->domains.list);
	mutex_unlock(&map->lock);

	if (removed && last) {
		*dying = t1x_map_clear_all(map);
		forget_subset(map);
	}
	return removed;
}

/*
 * What can be mapped after a group has gone, and a domain with it unless that is
 * NULL. Without any IOMMU that is everything, told as one range: so in-tree type1
 * does after the last one went.
 * Return: @wider; or NULL without memory: the old space, no larger, stays.
 */
static struct t1x_iova_space *build_wider(struct t1x_map *map,
					  const struct t1x_domain *gone,
					  struct t1x_iova_space *wider)
{
	int ret;

	if (gone && list_is_singular(&map->domains.list))
		ret = t1x_iova_add(wider, 0, ULONG_MAX);
	else
		ret = t1x_domains_build_space(&map->domains, gone, wider);
	return ret ? NULL : wider;
}

/* Detach from the IOMMU, and from the container the domain if that was its last group. */
static struct t1x_dma *detach_iommu(struct t1x_map *map,
				    struct t1x_domain *domain,
				    struct iommu_group *group, bool keep)
{
	struct t1x_iova_space wider, *space;
	struct t1x_dma *dying = NULL;

	leave_domain(map, domain, group, true);

	t1x_iova_init(&wider);
	if (list_empty(&domain->groups)) {
		space = build_wider(map, domain, &wider);
		dying = drop_domain(map, domain, space, keep);
	} else {
		space = build_wider(map, NULL, &wider);
		mutex_lock(&map->lock);
		if (space)
			t1x_iova_swap(&map->space, space);
		mutex_unlock(&map->lock);
	}
	t1x_iova_destroy(&wider);
	return dying;
}

static struct t1x_dma *detach_locked(struct t1x_map *map,
				     struct iommu_group *group)
{
	struct t1x_dma *dying = NULL;
	struct t1x_domain *domain;
	bool keep;

	if (detach_emulated(map, group, &dying))
		return dying;

	domain = t1x_domains_find(&map->domains, group);
	if (!domain)
		return NULL;

	mutex_lock(&map->lock);
	keep = t1x_emulated_is_used(&map->emulated);
	mutex_unlock(&map->lock);

	dying = detach_iommu(map, domain, group, keep);
	if (!keep && list_empty(&map->domains.list))
		forget_subset(map);
	return dying;
}

/**
 * t1x_group_detach() - Detach an IOMMU group, emulated or not
 * @map: Mappings of the container
 * @group: Group; nothing is done if it is not attached
 *
 * With the last group of the container, all mappings go. With the last one that
 * has an IOMMU, they are unpinned and stay for the drivers of the others.
 *
 * Context: vfio core's group_lock held. May sleep; never waits for a mapping that
 * is FILLING. Cannot fail.
 */
void t1x_group_detach(struct t1x_map *map, struct iommu_group *group)
{
	struct t1x_dma *dying;

	down_write(&map->domains.rwsem);
	dying = detach_locked(map, group);
	up_write(&map->domains.rwsem);

	t1x_map_forget(map, dying);
	t1x_accounts_settle(&map->accounts);
}
