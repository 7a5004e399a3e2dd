// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "memory.h"
#include "modprobe.h"

bool t1x_modprobe_same(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
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

static void each_line(const char *file, t1x_modprobe_fn *fn, void *arg)
{
	char *text = t1x_file_read("%s", file);
	char *at = text;
	char *line;

	while ((line = t1x_line(&at)))
		fn(arg, file, line);
	free(text);
}

void t1x_modprobe_each(t1x_modprobe_fn *fn, void *arg)
{
	const char *const *dir;
	char **names, **name;

	for (dir = config_dirs; *dir; dir++) {
		names = t1x_dir_list("%s", *dir);
		for (name = names; name && *name; name++) {
			char *file = t1x_format("%s/%s", *dir, *name);

			if (is_config(*name) && !is_hidden(dir, *name))
				each_line(file, fn, arg);
			free(file);
		}
		t1x_dir_free(names);
	}
}

struct search {
	const char *from, *to;
	char *found; /* the first file that has it */
};

static void find_alias(void *arg, const char *file, char *line)
{
	struct search *search = arg;
	char *word = t1x_word(&line);
	char *alias = t1x_word(&line);
	char *target = t1x_word(&line);

	if (!search->found && target && !strcmp(word, "alias") &&
	    t1x_modprobe_same(alias, search->from) &&
	    t1x_modprobe_same(target, search->to))
		search->found = t1x_copy(file);
}

char *t1x_modprobe_alias(const char *from, const char *to)
{
	struct search search = { .from = from, .to = to };

	t1x_modprobe_each(find_alias, &search);
	return search.found;
}
