// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "memory.h"
#include "modprobe.h"

/* To modprobe '-' and '_' are one letter. */
static bool same_module(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
}

static bool has_alias(char *text, const char *from, const char *to)
{
	char *line;

	while ((line = t1x_line(&text))) {
		char *word = t1x_word(&line);
		char *alias = t1x_word(&line);
		char *target = t1x_word(&line);

		if (target && !strcmp(word, "alias") &&
		    same_module(alias, from) && same_module(target, to))
			return true;
	}
	return false;
}

static bool is_config(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && !strcmp(name + len - 5, ".conf");
}

/* A file hides those of its name in the folders that come later. */
static const char *const config_dirs[] = {
	"/etc/modprobe.d",     "/run/modprobe.d", "/usr/local/lib/modprobe.d",
	"/usr/lib/modprobe.d", "/lib/modprobe.d", NULL,
};

static bool is_hidden(const char *const *dir, const char *name)
{
	const char *const *before;

	for (before = config_dirs; before < dir; before++)
		if (t1x_file_exists("%s/%s", *before, name))
			return true;
	return false;
}

static char *alias_in(const char *const *dir, const char *from, const char *to)
{
	char **names = t1x_dir_list("%s", *dir);
	char *found = NULL;
	char **name;

	for (name = names; name && *name && !found; name++) {
		char *text = NULL;

		if (is_config(*name) && !is_hidden(dir, *name))
			text = t1x_file_read("%s/%s", *dir, *name);
		if (text && has_alias(text, from, to))
			found = t1x_format("%s/%s", *dir, *name);
		free(text);
	}
	t1x_dir_free(names);
	return found;
}

char *t1x_modprobe_alias(const char *from, const char *to)
{
	const char *const *dir;
	char *found = NULL;

	for (dir = config_dirs; *dir && !found; dir++)
		found = alias_in(dir, from, to);
	return found;
}
