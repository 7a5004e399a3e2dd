// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "kernels.h"
#include "memory.h"
#include "modprobe.h"
#include "module.h"

/* Is the module in the first column of a list of files, such as modules.dep? */
static bool is_listed(const char *release, const char *list, const char *module)
{
	char *text = t1x_file_read("/lib/modules/%s/%s", release, list);
	char *at = text;
	bool found = false;
	char *line;

	while (!found && (line = t1x_line(&at))) {
		char *name, *end;

		line[strcspn(line, ":")] = '\0';
		name = strrchr(line, '/');
		name = name ? name + 1 : line;
		end = strstr(name, ".ko");
		if (end)
			*end = '\0';
		found = t1x_modprobe_same(name, module);
	}
	free(text);
	return found;
}

enum t1x_kernel t1x_kernel_read(const char *release)
{
	bool builtin = is_listed(release, "modules.builtin", T1X_INTREE);

	if (is_listed(release, "modules.dep", T1X_OURS))
		return builtin ? T1X_KERNEL_OURS_BUILTIN : T1X_KERNEL_OURS;
	if (builtin)
		return T1X_KERNEL_BUILTIN;
	return is_listed(release, "modules.dep", T1X_INTREE) ?
		       T1X_KERNEL_INTREE :
		       T1X_KERNEL_NONE;
}

char **t1x_kernels(void)
{
	return t1x_dir_list("/lib/modules");
}

char *t1x_kernel_running(void)
{
	return t1x_file_line("/proc/sys/kernel/osrelease") ?: t1x_copy("");
}
