// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes an IOMMU group refuse to join a domain that another group is in.
 *
 * A machine with one IOMMU puts all groups of a container into one domain, so
 * that no second domain is ever filled with the existing mappings. This module
 * fails iommu_attach_group(), once for each count written to its parameter
 * "arm", where the domain has a group already: the backend then has to keep the
 * new group in a domain of its own. "arm_any" fails the next attach of all.
 * "failed" counts what was failed. For tests only.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>

#define MAX_DOMAINS 16

struct seen_domain {
	unsigned long domain;
	int groups;
};

static unsigned int arm;
module_param(arm, uint, 0644);
MODULE_PARM_DESC(arm, "How many attaches to a domain in use to fail");

static unsigned int arm_any;
module_param(arm_any, uint, 0644);
MODULE_PARM_DESC(arm_any, "How many attaches to fail, whatever the domain");

static unsigned int failed;
module_param(failed, uint, 0444);
MODULE_PARM_DESC(failed, "Attaches failed so far");

/* Protects the table and the parameters; probes run with preemption off */
static DEFINE_RAW_SPINLOCK(lock);
static struct seen_domain seen[MAX_DOMAINS];

/* Runs in place of a refused call: it returns to that call's caller */
static noinline int refuse(void)
{
	return -EINVAL;
}

static struct seen_domain *find_domain(unsigned long domain)
{
	int i;

	for (i = 0; i < MAX_DOMAINS; i++)
		if (seen[i].groups && seen[i].domain == domain)
			return &seen[i];
	return NULL;
}

static void count_group(unsigned long domain)
{
	struct seen_domain *entry = find_domain(domain);
	int i;

	for (i = 0; !entry && i < MAX_DOMAINS; i++)
		if (!seen[i].groups)
			entry = &seen[i];
	if (!entry)
		return;

	entry->domain = domain;
	entry->groups++;
}

static bool must_fail(unsigned long domain)
{
	unsigned int *count = NULL;

	if (arm_any)
		count = &arm_any;
	else if (arm && find_domain(domain))
		count = &arm;
	if (!count)
		return false;

	(*count)--;
	failed++;
	return true;
}

static int attach_entry(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long domain = regs_get_kernel_argument(regs, 0);
	bool fail;

	raw_spin_lock(&lock);
	fail = must_fail(domain);
	if (!fail)
		count_group(domain);
	raw_spin_unlock(&lock);
	if (!fail)
		return 0;

	instruction_pointer_set(regs, (unsigned long)refuse);
	return 1;
}
NOKPROBE_SYMBOL(attach_entry);

static int detach_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct seen_domain *entry;

	raw_spin_lock(&lock);
	entry = find_domain(regs_get_kernel_argument(regs, 0));
	if (entry)
		entry->groups--;
	raw_spin_unlock(&lock);
	return 0;
}
NOKPROBE_SYMBOL(detach_entry);

/* Present only because a probe with one may change where the call goes */
static void attach_post(struct kprobe *probe, struct pt_regs *regs,
			unsigned long flags)
{
}

static struct kprobe attach_probe = {
	.symbol_name = "iommu_attach_group",
	.pre_handler = attach_entry,
	.post_handler = attach_post,
};

static struct kprobe detach_probe = {
	.symbol_name = "iommu_detach_group",
	.pre_handler = detach_entry,
};

static struct kprobe *probes[] = { &attach_probe, &detach_probe };

static int __init second_domain_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}

static void __exit second_domain_exit(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}

module_init(second_domain_init);
module_exit(second_domain_exit);
MODULE_DESCRIPTION("Test only: keep IOMMU groups from sharing a domain");
MODULE_LICENSE("GPL");
