// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "file.h"
#include "memory.h"
#include "module.h"
#include "say.h"

/* Why is there no folder of ours? */
static void tell_no_folder(int error)
{
	if (error != ENOENT)
		t1x_fail("%s cannot be read: %s", T1X_DEBUGFS,
			 t1x_strerror(error));
	else if (!t1x_module_loaded(T1X_OURS))
		t1x_fail("%s is not loaded: modprobe %s", T1X_OURS, T1X_OURS);
	else if (!t1x_mounted("debugfs"))
		t1x_fail(
			"debugfs is not mounted: mount -t debugfs none /sys/kernel/debug");
	else
		t1x_fail(
			"%s is not there, though %s is loaded: the kernel is built without CONFIG_DEBUG_FS, or the module is older than this program",
			T1X_DEBUGFS, T1X_OURS);
}

bool t1x_container_ids(unsigned long **ids, size_t *n)
{
	char **names = t1x_dir_list(T1X_DEBUGFS);
	char **name;
	u64 id;

	*ids = NULL;
	*n = 0;
	if (!names) {
		tell_no_folder(errno);
		return false;
	}
	for (name = names; *name; name++) {
		if (!t1x_number(*name, &id))
			continue;
		*ids = t1x_grow(*ids, *n, sizeof(**ids));
		(*ids)[(*n)++] = id;
	}
	t1x_dir_free(names);
	return true;
}

/* Has a read failed because the container was closed? */
static bool is_gone(int error)
{
	return error == ENOENT || error == EIO || error == ENODEV;
}

void t1x_container_none(unsigned long id)
{
	t1x_fail(
		"no container has the number %lu: 'vfio-type1x list' shows which there are",
		id);
}

static void tell_no_file(unsigned long id, const char *name, int error)
{
	if (!t1x_file_exists(T1X_DEBUGFS))
		tell_no_folder(error);
	else if (is_gone(error))
		t1x_container_none(id);
	else
		t1x_fail("%s/%lu/%s cannot be read: %s", T1X_DEBUGFS, id, name,
			 t1x_strerror(error));
}

char *t1x_container_file(unsigned long id, const char *name)
{
	char *text = t1x_file_read(T1X_DEBUGFS "/%lu/%s", id, name);

	if (!text)
		tell_no_file(id, name, errno);
	return text;
}

char *t1x_containers_file(const char *name)
{
	char *text = t1x_file_read(T1X_DEBUGFS "/%s", name);
	int error = errno;

	if (text)
		return text;
	if (!t1x_file_exists(T1X_DEBUGFS))
		tell_no_folder(error);
	else
		t1x_fail("%s/%s cannot be read: %s", T1X_DEBUGFS, name,
			 t1x_strerror(error));
	return NULL;
}

static void parse_window(struct t1x_container *c, char *line)
{
	struct t1x_window window;

	if (!t1x_range(t1x_word(&line), &window.first, &window.last) ||
	    window.last < window.first)
		return;
	c->windows = t1x_grow(c->windows, c->nr_windows, sizeof(window));
	c->windows[c->nr_windows++] = window;
}

/* domain 0 pgsizes 0x40201000 coherent yes */
static void parse_domain(struct t1x_container *c, char *line)
{
	struct t1x_domain domain = {};
	char *key, *value;

	if (!t1x_next_number(&line, &domain.number))
		return;
	while ((key = t1x_word(&line)) && (value = t1x_word(&line))) {
		if (!strcmp(key, "pgsizes"))
			t1x_number(value, &domain.pgsizes);
		else if (!strcmp(key, "coherent"))
			domain.coherent = !strcmp(value, "yes");
	}
	c->domains = t1x_grow(c->domains, c->nr_domains, sizeof(domain));
	c->domains[c->nr_domains++] = domain;
}

/* group 12 domain 0, or: group 20 emulated */
static void parse_group(struct t1x_container *c, char *line)
{
	struct t1x_group group = {};
	char *key;

	if (!t1x_next_number(&line, &group.number))
		return;
	while ((key = t1x_word(&line))) {
		if (!strcmp(key, "emulated"))
			group.emulated = true;
		else if (!strcmp(key, "domain"))
			t1x_next_number(&line, &group.domain);
	}
	c->groups = t1x_grow(c->groups, c->nr_groups, sizeof(group));
	c->groups[c->nr_groups++] = group;
}

/* device 0000:00:04.0 group 12 */
static void parse_device(struct t1x_container *c, char *line)
{
	struct t1x_device device = { .name = t1x_word(&line) };
	char *key = t1x_word(&line);

	if (!key || strcmp(key, "group") ||
	    !t1x_next_number(&line, &device.group))
		return;
	c->devices = t1x_grow(c->devices, c->nr_devices, sizeof(device));
	c->devices[c->nr_devices++] = device;
}

static void parse_info(struct t1x_container *c, char *line)
{
	char *key = t1x_word(&line);

	if (!key)
		return;
	if (!strcmp(key, "type")) {
		c->type = t1x_word(&line);
	} else if (!strcmp(key, "owner")) {
		if (t1x_next_number(&line, &c->owner))
			c->comm = t1x_rest(line);
	} else if (!strcmp(key, "pgsizes")) {
		t1x_next_number(&line, &c->pgsizes);
	} else if (!strcmp(key, "subset")) {
		t1x_next_number(&line, &c->subset);
	} else if (!strcmp(key, "iova")) {
		parse_window(c, line);
	} else if (!strcmp(key, "domain")) {
		parse_domain(c, line);
	} else if (!strcmp(key, "group")) {
		parse_group(c, line);
	} else if (!strcmp(key, "device")) {
		parse_device(c, line);
	}
}

static void parse(struct t1x_container *c, unsigned long id, char *text)
{
	char *line;

	*c = (struct t1x_container){ .id = id, .text = text };
	while ((line = t1x_line(&text)))
		parse_info(c, line);
	c->type = c->type ?: "";
	c->comm = c->comm ?: "";
}

bool t1x_container_find(struct t1x_container *container, unsigned long id)
{
	char *text = t1x_file_read(T1X_DEBUGFS "/%lu/info", id);

	*container = (struct t1x_container){ .id = id };
	if (!text)
		return false;
	parse(container, id, text);
	return true;
}

bool t1x_container_read(struct t1x_container *container, unsigned long id)
{
	if (t1x_container_find(container, id))
		return true;
	tell_no_file(id, "info", errno);
	return false;
}

void t1x_container_free(struct t1x_container *container)
{
	free(container->windows);
	free(container->domains);
	free(container->groups);
	free(container->devices);
	free(container->text);
}

bool t1x_containers_read(struct t1x_container **containers, size_t *n)
{
	unsigned long *ids;
	size_t i, nr_ids;
	int error = 0;

	*containers = NULL;
	*n = 0;
	if (!t1x_container_ids(&ids, &nr_ids))
		return false;
	for (i = 0; i < nr_ids && !error; i++) {
		char *text = t1x_file_read(T1X_DEBUGFS "/%lu/info", ids[i]);

		if (text) {
			*containers =
				t1x_grow(*containers, *n, sizeof(**containers));
			parse(&(*containers)[(*n)++], ids[i], text);
		} else if (!is_gone(errno)) {
			error = errno;
			tell_no_file(ids[i], "info", error);
		}
	}
	free(ids);
	if (!error)
		return true;
	t1x_containers_free(*containers, *n);
	*containers = NULL;
	*n = 0;
	return false;
}

void t1x_containers_free(struct t1x_container *containers, size_t n)
{
	while (n)
		t1x_container_free(&containers[--n]);
	free(containers);
}
