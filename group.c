// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach and detach of IOMMU groups. See include/group.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "dma_tracker.h"
#include "domain.h"
#include "group.h"
#include "iova_space.h"
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
	while (dma && (dma->unmapped == dma->mapped || dma->stuck))
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
		t1x_domain_unmap_one(domain,
				     t1x_dma_iova_at(dma, dma->unmapped),
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
 * up to where they are. A call of iommu_map ends where physical memory jumps and
 * where the mapping ends, as later unmaps will.
 */
static int replay_dma(struct t1x_map *map, struct t1x_domain *domain,
		      const struct t1x_dma *dma)
{
	unsigned long index = dma->unmapped, end = dma->mapped;
	unsigned long pfn, next;
	int ret;

	if (!t1x_domain_find_pfn(&map->domains, t1x_dma_iova_at(dma, index),
				 &pfn))
		return -EINVAL;

	while (index < end) {
		unsigned long run_pfn = pfn;

		next = t1x_map_run_end(map, dma, index, end, &pfn);
		if (!next) {
			ret = -EINVAL;
			goto err_withdraw;
		}

		ret = t1x_domain_map_one(domain, t1x_dma_iova_at(dma, index),
					 run_pfn, next - index, dma->prot);
		if (ret)
			goto err_withdraw;
		index = next;
		cond_resched();
	}
	return 0;

err_withdraw:
	withdraw_dma(domain, dma, index);
	return ret;
}

/* Map everything in a new domain, or nothing. */
static int replay(struct t1x_map *map, struct t1x_domain *domain)
{
	struct t1x_dma *dma;
	int ret;

	for (dma = next_mapped(map, 0); dma;
	     dma = next_mapped_after(map, dma)) {
		ret = replay_dma(map, domain, dma);
		if (ret) {
			withdraw(map, domain, dma);
			return ret;
		}
	}

	return 0;
}

/* Is every mapping, whatever its state, inside a space? */
static int check_window(struct t1x_map *map, const struct t1x_iova_space *space)
{
	struct t1x_dma *dma;

	lockdep_assert_held(&map->lock);

	for (dma = t1x_dma_find(&map->tree, 0, ULONG_MAX); dma;
	     dma = t1x_dma_next(&map->tree, dma)) {
		if (!t1x_iova_contains(space, dma->iova, dma->last))
			return -EINVAL;
	}

	return 0;
}

/* All that can refuse a new domain before anything is changed for it. */
static int vet_domain(struct t1x_map *map, struct t1x_domain *domain,
		      struct iommu_group *group,
		      const struct t1x_group_opts *opts,
		      struct t1x_iova_space *space, phys_addr_t *msi_base)
{
	int ret;

	ret = t1x_domain_build_space(&map->domains, space);
	if (!ret)
		ret = t1x_domain_restrict(domain, space, msi_base);
	if (ret)
		return ret;

	mutex_lock(&map->lock);
	ret = check_window(map, space);
	mutex_unlock(&map->lock);
	if (ret)
		return ret;

	if (!opts->unsafe_interrupts && !iommu_group_has_isolated_msi(group)) {
		pr_warn_ratelimited("%s, see allow_unsafe_interrupts\n",
				    "no interrupt remapping for this group");
		return -EPERM;
	}

	return 0;
}

/*
 * The last step of an attach. A MAP may have come in since the window was looked
 * at; then it was first, and the attach fails as it would have after it.
 */
static int commit_attach(struct t1x_map *map, struct t1x_domain *domain,
			 struct t1x_iova_space *space)
{
	int ret;

	mutex_lock(&map->lock);
	ret = check_window(map, space);
	if (!ret) {
		t1x_iova_swap(&map->space, space);
		if (domain)
			t1x_domain_add(&map->domains, domain);
	}
	mutex_unlock(&map->lock);
	return ret;
}

/* Attach to a domain that exists, or make @domain one of the container's. */
static int place_group(struct t1x_map *map, struct t1x_domain *domain,
		       struct iommu_group *group, struct t1x_iova_space *space,
		       phys_addr_t msi_base)
{
	int ret;

	ret = t1x_domain_join(&map->domains, domain);
	if (ret < 0)
		return ret;

	if (ret) {
		ret = commit_attach(map, NULL, space);
		if (ret)
			t1x_domain_detach(&map->domains,
					  t1x_domain_of(&map->domains, group),
					  group);
		else
			t1x_domain_close(domain);
		return ret;
	}

	ret = t1x_domain_prepare_msi(domain, msi_base);
	if (ret)
		return ret;

	ret = replay(map, domain);
	if (ret)
		return ret;

	ret = commit_attach(map, domain, space);
	if (ret)
		withdraw(map, domain, NULL);
	return ret;
}

/**
 * t1x_group_attach() - Attach an IOMMU group
 * @map: Mappings of the container
 * @group: Group
 * @opts: How
 *
 * What the container maps is mapped for the group too when this returns.
 *
 * Context: vfio core's group_lock held. May sleep; never waits for a mapping that
 * is FILLING, but replays what there is of it.
 * Return: 0; -EINVAL if the group is attached already, or if a mapping lies
 * outside what it can reach; -EPERM if its interrupts are not isolated; -EINTR on
 * a fatal signal; -ENOMEM; or what the IOMMU driver says. On failure nothing
 * changed.
 */
int t1x_group_attach(struct t1x_map *map, struct iommu_group *group,
		     const struct t1x_group_opts *opts)
{
	struct t1x_iova_space space;
	struct t1x_domain *domain;
	phys_addr_t msi_base = 0;
	int ret = -EINVAL;

	t1x_iova_init(&space);

	if (down_write_killable(&map->domains.rwsem))
		return -EINTR;

	if (t1x_domain_of(&map->domains, group))
		goto out_unlock;

	domain = t1x_domain_open(group, opts->nesting);
	if (IS_ERR(domain)) {
		ret = PTR_ERR(domain);
		goto out_unlock;
	}

	ret = vet_domain(map, domain, group, opts, &space, &msi_base);
	if (!ret)
		ret = place_group(map, domain, group, &space, msi_base);
	if (ret)
		t1x_domain_close(domain);

out_unlock:
	up_write(&map->domains.rwsem);
	t1x_iova_destroy(&space);
	return ret;
}

/* Drop a domain that has no group any more. */
static struct t1x_dma *drop_domain(struct t1x_map *map,
				   struct t1x_domain *domain)
{
	struct t1x_dma *dying = NULL;

	if (list_is_singular(&map->domains.list))
		dying = t1x_map_clear_all(map);
	else
		withdraw(map, domain, NULL);

	mutex_lock(&map->lock);
	t1x_domain_remove(&map->domains, domain);
	mutex_unlock(&map->lock);
	t1x_domain_close(domain);
	return dying;
}

/**
 * t1x_group_detach() - Detach an IOMMU group
 * @map: Mappings of the container
 * @group: Group; nothing is done if it is not attached
 *
 * With the last group of the container, all mappings go.
 *
 * Context: vfio core's group_lock held. May sleep; never waits for a mapping that
 * is FILLING. Cannot fail.
 */
void t1x_group_detach(struct t1x_map *map, struct iommu_group *group)
{
	struct t1x_dma *dying = NULL;
	struct t1x_iova_space space;
	struct t1x_domain *domain;

	t1x_iova_init(&space);
	down_write(&map->domains.rwsem);

	domain = t1x_domain_of(&map->domains, group);
	if (!domain)
		goto out_unlock;

	t1x_domain_detach(&map->domains, domain, group);
	if (list_empty(&domain->groups))
		dying = drop_domain(map, domain);

	/* Without memory the old space, no larger than the new one, stays. */
	if (!t1x_domain_build_space(&map->domains, &space)) {
		mutex_lock(&map->lock);
		t1x_iova_swap(&map->space, &space);
		mutex_unlock(&map->lock);
	}

out_unlock:
	up_write(&map->domains.rwsem);
	t1x_iova_destroy(&space);
	t1x_map_forget(map, dying);
}
