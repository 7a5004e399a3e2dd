// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has the machine an IOMMU that is on, and can the groups of its devices be used?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "file.h"
#include "iommu_group.h"
#include "memory.h"
#include "module.h"

#define ECAP_INTERRUPT_REMAPPING 0x8ULL

/* Does the kernel's command line hold this, as the begin of a word? */
static bool booted_with(const char *word)
{
	char *line = t1x_file_line("/proc/cmdline");
	char *at = line;
	bool found = false;
	const char *have;

	while (!found && (have = t1x_word(&at)))
		found = !strncmp(have, word, strlen(word));
	free(line);
	return found;
}

/* "dmar0, dmar1", to be freed */
static char *join_names(char **names)
{
	char *list = t1x_copy("");
	char **name;

	for (name = names; name && *name; name++)
		list = t1x_join(list, ", ", *name);
	return list;
}

static void tell_no_iommu(struct t1x_findings *findings)
{
	if (booted_with("intel_iommu=off") || booted_with("iommu=off") ||
	    booted_with("amd_iommu=off"))
		t1x_found(
			findings, T1X_MISSING, "IOMMU",
			"take iommu=off, intel_iommu=off or amd_iommu=off away from the kernel's command line, and boot.",
			"it is switched off at boot");
	else if (t1x_file_exists("/sys/firmware/acpi/tables/DMAR"))
		t1x_found(
			findings, T1X_MISSING, "IOMMU",
			"add intel_iommu=on to the kernel's command line, and boot.",
			"the machine has VT-d, the kernel does not use it");
	else if (t1x_file_exists("/sys/firmware/acpi/tables/IVRS"))
		t1x_found(
			findings, T1X_MISSING, "IOMMU",
			"see dmesg for AMD-Vi; the kernel needs CONFIG_AMD_IOMMU.",
			"the machine has AMD-Vi, the kernel does not use it");
	else
		t1x_found(
			findings, T1X_MISSING, "IOMMU",
			"switch VT-d, AMD-Vi or the SMMU on in the firmware's setup; a virtual machine needs a virtual IOMMU (QEMU: -device intel-iommu).",
			"the firmware tells of none");
}

/* Return: has the machine one? */
static bool check_iommu(struct t1x_findings *findings)
{
	char **iommus = t1x_dir_list("/sys/class/iommu");
	char **groups = t1x_iommu_groups();
	char *names = join_names(iommus);
	size_t n = 0;

	while (groups && groups[n])
		n++;
	if (n)
		t1x_found(findings, T1X_READY, "IOMMU", NULL, "%s; %s",
			  *names ? names : "on", t1x_plural(n, "group"));
	else
		tell_no_iommu(findings);
	free(names);
	t1x_dir_free(iommus);
	t1x_dir_free(groups);
	return n;
}

/* Of VT-d its registers tell, of AMD-Vi only how it was booted. */
static bool remaps_interrupts(void)
{
	char *ecap = t1x_file_line("/sys/class/iommu/dmar0/intel-iommu/ecap");
	bool can = !ecap ||
		   (strtoull(ecap, NULL, 16) & ECAP_INTERRUPT_REMAPPING);

	free(ecap);
	return can && !booted_with("intremap=off") &&
	       !booted_with("nointremap");
}

static void check_interrupts(struct t1x_findings *findings)
{
	if (remaps_interrupts())
		t1x_found(findings, T1X_READY, "interrupts", NULL,
			  "nothing speaks against their remapping");
	else if (t1x_module_set("allow_unsafe_interrupts"))
		t1x_found(
			findings, T1X_WARNING, "interrupts",
			"switch interrupt remapping on (firmware; no intremap=off at boot), or trust all who use a device.",
			"not remapped, allow_unsafe_interrupts is set: a device can send those of others");
	else
		t1x_found(
			findings, T1X_MISSING, "interrupts",
			"switch interrupt remapping on (firmware; no intremap=off at boot). Only if you trust all who use a device: echo Y >/sys/module/vfio_iommu_type1x/parameters/allow_unsafe_interrupts",
			"not remapped: groups cannot be attached (EPERM)");
}

/* What of a group is vfio's, and what stands in the way */
struct group_state {
	size_t devices; /* of vfio */
	char *other; /* a device of another driver, */
	char *driver; /* which is this one */
};

static void group_look(const char *group, struct group_state *state)
{
	char **names = t1x_iommu_group_devices(group);
	char **name;

	*state = (struct group_state){};
	for (name = names; name && *name; name++) {
		char *driver = t1x_iommu_group_driver(group, *name);

		if (t1x_driver_is_vfio(driver)) {
			state->devices++;
		} else if (!t1x_driver_is_harmless(driver) && !state->other) {
			state->other = t1x_copy(*name);
			state->driver = driver;
			driver = NULL;
		}
		free(driver);
	}
	t1x_dir_free(names);
}

static void check_viable(struct t1x_findings *findings, const char *group,
			 const struct group_state *state)
{
	char *what = t1x_format("group %s", group);
	char *todo;

	if (state->other) {
		todo = t1x_format(
			"bind %s to vfio-pci too: driverctl set-override %s vfio-pci; or use another slot.",
			state->other, state->other);
		t1x_found(
			findings, T1X_MISSING, what, todo,
			"%s belongs to the driver %s, so that no device of the group can be used",
			state->other, state->driver);
		free(todo);
	}
	free(what);
}

/* Firmware that goes on using a device through memory it names (RMRR). */
static void check_direct(struct t1x_findings *findings, const char *group)
{
	char *what = t1x_format("group %s", group);
	struct t1x_reserved region;

	if (t1x_iommu_group_reserved(group, 0, ~0ULL, "direct", &region))
		t1x_found(
			findings, T1X_MISSING, what,
			"switch the firmware's use of the device off (USB legacy, iLO/iDRAC shared memory), or use another device.",
			"the firmware keeps 0x%llx-0x%llx for it (RMRR), and VT-d does not give such devices away",
			region.first, region.last);
	free(what);
}

static void check_groups(struct t1x_findings *findings)
{
	char **groups = t1x_iommu_groups();
	size_t devices = 0;
	char **group;

	for (group = groups; group && *group; group++) {
		struct group_state state;

		group_look(*group, &state);
		devices += state.devices;
		if (state.devices) {
			check_viable(findings, *group, &state);
			check_direct(findings, *group);
		}
		free(state.other);
		free(state.driver);
	}
	if (devices)
		t1x_found(findings, T1X_READY, "devices", NULL,
			  "%s bound to a driver of vfio",
			  t1x_plural(devices, "device"));
	else
		t1x_found(
			findings, T1X_WARNING, "devices",
			"bind those that are to be given away: driverctl set-override 0000:01:00.0 vfio-pci",
			"none is bound to a driver of vfio");
	t1x_dir_free(groups);
}

void t1x_check_iommu(struct t1x_findings *findings)
{
	if (!check_iommu(findings))
		return;
	check_interrupts(findings);
	check_groups(findings);
}
