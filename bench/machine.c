// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "machine.h"
#include "util.h"

/* VT-d's capability register says whether it caches what is not present */
#define DMAR "/sys/class/iommu/dmar0/intel-iommu/cap"
#define CAP_CACHING_MODE 0x80UL

static const char *iommu_name(void)
{
	char text[32];

	if (!t1x_read_text(DMAR, text, sizeof(text)))
		return strtoul(text, NULL, 16) & CAP_CACHING_MODE ?
			       "VT-d with caching mode on" :
			       "VT-d with caching mode off";
	return access("/sys/class/iommu/ivhd0", F_OK) ? "no IOMMU" : "AMD-Vi";
}

void machine_print(void)
{
	struct utsname uts;

	uname(&uts);
	printf("kernel %s\n", uts.release);
	printf("iommu %s\n", iommu_name());
}
