// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is vfio there, and will vfio_iommu_type1x serve the next container?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "file.h"
#include "kernels.h"
#include "memory.h"
#include "modprobe.h"
#include "module.h"

static bool file_has(const char *text, const char *path)
{
	char *all = t1x_file_read("%s", path);
	bool has = all && strstr(all, text);

	free(all);
	return has;
}

static void check_vfio(struct t1x_findings *findings)
{
	char *kernel = t1x_kernel_running();
	char *config = t1x_format("/boot/config-%s", kernel);

	if (file_has("\nCONFIG_IOMMUFD_VFIO_CONTAINER=y", config))
		t1x_found(
			findings, T1X_MISSING, "vfio",
			"use a kernel without CONFIG_IOMMUFD_VFIO_CONTAINER.",
			"/dev/vfio/vfio is iommufd's in this kernel, which asks no backend");
	else if (!t1x_vfio_loaded())
		t1x_found(
			findings, T1X_WARNING, "vfio",
			"modprobe vfio-pci; it is loaded at the latest when /dev/vfio/vfio is opened.",
			"not loaded");
	else if (!t1x_file_exists("/sys/class/misc/vfio"))
		t1x_found(
			findings, T1X_MISSING, "vfio",
			"use a kernel with CONFIG_VFIO_CONTAINER.",
			"loaded, but there is no /dev/vfio/vfio: the kernel has no containers");
	else
		t1x_found(findings, T1X_READY, "vfio", NULL, "loaded");
	free(config);
	free(kernel);
}

/* "[integrity]" or "[confidentiality]" */
static bool wants_signature(void)
{
	char *state = t1x_file_line("/sys/kernel/security/lockdown");
	bool locked = state && !strstr(state, "[none]");

	free(state);
	return locked;
}

/* Without ours, what is there of the other one? */
static const char *intree_alone(void)
{
	struct t1x_module intree;

	t1x_module_read(&intree, T1X_INTREE);
	if (!intree.loaded)
		return T1X_INTREE " is not loaded";
	return intree.builtin ?
		       T1X_INTREE " is built in, and serves new containers" :
		       T1X_INTREE " is loaded, and serves new containers";
}

static void check_not_loaded(struct t1x_findings *findings, const char *alias)
{
	const char *intree = intree_alone();
	char *kernel = t1x_kernel_running();

	if (t1x_kernel_read(kernel) < T1X_KERNEL_OURS)
		t1x_found(findings, T1X_MISSING, "module",
			  "make install, or dkms autoinstall.",
			  "%s is not installed for Linux %s; %s", T1X_OURS,
			  kernel, intree);
	else if (alias && !t1x_vfio_loaded())
		t1x_found(findings, T1X_READY, "module", NULL,
			  "vfio will load %s (%s); %s", T1X_OURS, alias,
			  intree);
	else
		t1x_found(findings, T1X_MISSING, "module",
			  "modprobe vfio_iommu_type1x", "%s is not loaded; %s",
			  T1X_OURS, intree);
	if (wants_signature())
		t1x_found(
			findings, T1X_WARNING, "signature",
			"sign it with a key that the firmware knows: with DKMS, mokutil --import /var/lib/dkms/mok.pub and boot.",
			"the kernel is locked down (Secure Boot): it loads signed modules alone");
	free(kernel);
}

static void check_serving(struct t1x_findings *findings)
{
	const char *serving = t1x_module_serving();
	struct t1x_module intree;

	t1x_module_read(&intree, T1X_INTREE);
	if (strcmp(serving, T1X_OURS))
		t1x_found(
			findings, T1X_MISSING, "module",
			"stop what uses containers of it, rmmod vfio_iommu_type1x, modprobe vfio_iommu_type1x: the last one serves.",
			"%s came after %s, and serves new containers",
			T1X_INTREE, T1X_OURS);
	else if (intree.counted && intree.refs)
		t1x_found(
			findings, T1X_WARNING, "module",
			"start these programs anew, if they are to have the benefit.",
			"%s serves new containers; %s has %s from before",
			T1X_OURS, T1X_INTREE,
			t1x_plural(intree.refs, "reference"));
	else
		t1x_found(findings, T1X_READY, "module", NULL,
			  "%s serves new containers; %s is %s", T1X_OURS,
			  T1X_INTREE,
			  !intree.loaded ? "not loaded" :
			  intree.builtin ? "built in, and never asked first" :
					   "loaded, and never asked first");
}

static void check_module(struct t1x_findings *findings)
{
	char *alias = t1x_modprobe_alias(T1X_INTREE, T1X_OURS);

	if (t1x_module_loaded(T1X_OURS))
		check_serving(findings);
	else
		check_not_loaded(findings, alias);
	t1x_found(findings, T1X_READY, "takeover", NULL, "%s%s",
		  alias ? "on, by " : "off", alias ?: "");
	free(alias);
}

static void check_parameters(struct t1x_findings *findings)
{
	if (t1x_module_set("disable_hugepages"))
		t1x_found(
			findings, T1X_WARNING, "parameters",
			"echo N >/sys/module/vfio_iommu_type1x/parameters/disable_hugepages",
			"disable_hugepages is set: all is mapped in the smallest pages");
	if (t1x_module_set("allow_unsafe_interrupts"))
		t1x_found(
			findings, T1X_WARNING, "parameters",
			"echo N >/sys/module/vfio_iommu_type1x/parameters/allow_unsafe_interrupts, unless a device cannot do without.",
			"allow_unsafe_interrupts is set");
}

void t1x_check_modules(struct t1x_findings *findings)
{
	check_vfio(findings);
	check_module(findings);
	check_parameters(findings);
}
