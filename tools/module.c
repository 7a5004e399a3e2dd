// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "module.h"

bool t1x_module_loaded(const char *name)
{
	return t1x_file_exists("/sys/module/%s", name);
}

/* Built in, it may have no folder as a module. */
bool t1x_vfio_loaded(void)
{
	return t1x_module_loaded("vfio") || t1x_file_exists("/sys/class/vfio");
}

void t1x_module_read(struct t1x_module *module, const char *name)
{
	*module = (struct t1x_module){ .loaded = t1x_module_loaded(name) };
	if (!module->loaded)
		return;
	/* What is built in has its parameters there, and no state. */
	module->builtin = !t1x_file_exists("/sys/module/%s/initstate", name);
	module->counted =
		t1x_file_number(&module->refs, "/sys/module/%s/refcnt", name);
}

bool t1x_module_set(const char *parameter)
{
	char *value = t1x_file_line("/sys/module/" T1X_OURS "/parameters/%s",
				    parameter);
	bool set = value && *value == 'Y';

	free(value);
	return set;
}

/* /proc/modules has the newest first, and what is built in not at all. */
static const char *newest(const char *one, const char *other)
{
	char *text = t1x_file_read("/proc/modules");
	char *at = text;
	const char *found = NULL;
	char *line;

	while (!found && (line = t1x_line(&at))) {
		const char *name = t1x_word(&line);

		if (name && !strcmp(name, one))
			found = one;
		else if (name && !strcmp(name, other))
			found = other;
	}
	free(text);
	return found ?: one;
}

const char *t1x_module_serving(void)
{
	bool ours = t1x_module_loaded(T1X_OURS);
	bool intree = t1x_module_loaded(T1X_INTREE);

	if (ours && intree)
		return newest(T1X_OURS, T1X_INTREE);
	return ours ? T1X_OURS : intree ? T1X_INTREE : NULL;
}
