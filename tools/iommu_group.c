// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "iommu_group.h"
#include "memory.h"

#define GROUPS "/sys/kernel/iommu_groups"

char **t1x_iommu_groups(void)
{
	char **names = t1x_dir_list(GROUPS);

	if (names && *names)
		return names;
	t1x_dir_free(names);
	return NULL;
}

char **t1x_iommu_group_devices(const char *group)
{
	return t1x_dir_list(GROUPS "/%s/devices", group);
}

char *t1x_iommu_group_driver(const char *group, const char *device)
{
	char *link =
		t1x_file_link(GROUPS "/%s/devices/%s/driver", group, device);
	char *driver = NULL;

	if (link && strrchr(link, '/'))
		driver = t1x_copy(strrchr(link, '/') + 1);
	free(link);
	return driver;
}

bool t1x_driver_is_vfio(const char *driver)
{
	/* vfio-pci, mlx5_vfio_pci and their like */
	return driver && strstr(driver, "vfio");
}

bool t1x_driver_is_harmless(const char *driver)
{
	return !driver || !strcmp(driver, "pci-stub") ||
	       !strcmp(driver, "pcieport");
}

static bool parse_region(char *line, struct t1x_reserved *region)
{
	const char *type;

	if (!t1x_next_number(&line, &region->first) ||
	    !t1x_next_number(&line, &region->last))
		return false;
	type = t1x_word(&line);
	snprintf(region->type, sizeof(region->type), "%s", type ?: "reserved");
	return true;
}

bool t1x_iommu_group_reserved(const char *group, u64 first, u64 last,
			      const char *type, struct t1x_reserved *region)
{
	char *text = t1x_file_read(GROUPS "/%s/reserved_regions", group);
	char *at = text;
	bool found = false;
	char *line;

	while (!found && (line = t1x_line(&at)))
		found = parse_region(line, region) && region->first <= last &&
			region->last >= first &&
			(!type || !strcmp(type, region->type));
	free(text);
	return found;
}
