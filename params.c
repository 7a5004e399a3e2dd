// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's parameters. See include/params.h.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>

#include "params.h"

struct t1x_params t1x_params __read_mostly = {
	.dma_entry_limit = U16_MAX,
};

module_param_named(allow_unsafe_interrupts, t1x_params.unsafe_interrupts, bool,
		   0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Let groups be used whose interrupts are not remapped");

module_param_named(disable_hugepages, t1x_params.single, bool, 0644);
MODULE_PARM_DESC(disable_hugepages,
		 "Map with the smallest IOMMU page size only");

module_param_named(dma_entry_limit, t1x_params.dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "Maximum number of user DMA mappings per container (65535)");

static int set_granule(const char *val, const struct kernel_param *kp)
{
	unsigned long bytes;
	int ret = kstrtoul(val, 0, &bytes);

	if (ret)
		return ret;
	if (bytes && (!is_power_of_2(bytes) || bytes < PAGE_SIZE))
		return -EINVAL;

	WRITE_ONCE(t1x_params.granule, bytes);
	return 0;
}

static const struct kernel_param_ops granule_ops = {
	.set = set_granule,
	.get = param_get_ulong,
};

module_param_cb(granule, &granule_ops, &t1x_params.granule, 0644);
MODULE_PARM_DESC(granule,
		 "Let mappings be cut at multiples of so many bytes (0: off)");
