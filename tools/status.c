// SPDX-License-Identifier: GPL-2.0-only
/*
 * status: which backend serves which container and device.
 *
 * vfio_iommu_type1x tells of its containers itself. In-tree type1 tells nothing but
 * how many there are, so for groups that are open and not in one of ours it takes
 * a guess, and says so where there is more than one answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "container.h"
#include "file.h"
#include "iommu_group.h"
#include "json.h"
#include "memory.h"
#include "modprobe.h"
#include "module.h"
#include "process.h"
#include "table.h"

#define LABEL "%-17s "
#define PARAMETERS "/sys/module/" T1X_OURS "/parameters"

static const char *const heads[] = { "BACKEND", ">CONTAINER", ">PID",
				     "COMMAND", ">GROUP",     "DEVICES" };

#define COLUMNS (sizeof(heads) / sizeof(*heads))

struct state {
	const char *serving;
	struct t1x_module ours;
	struct t1x_module intree;
	char *alias; /* the file that has it */
	bool readable; /* our containers are */
	struct t1x_container *containers;
	size_t nr_containers;
	struct t1x_holder *holders;
	size_t nr_holders;
	size_t hidden; /* processes */
};

static bool is_ours(const struct state *s, const char *group)
{
	size_t i, n;
	u64 number;

	if (!t1x_number(group, &number))
		return false;
	for (i = 0; i < s->nr_containers; i++)
		for (n = 0; n < s->containers[i].nr_groups; n++)
			if (s->containers[i].groups[n].number == number)
				return true;
	return false;
}

/* Has a process a container that in-tree type1 may serve? */
static bool may_be_intree(const struct state *s, const struct t1x_holder *h)
{
	return s->intree.loaded && (s->intree.refs || !s->intree.counted) &&
	       h->container && !is_ours(s, h->group);
}

static size_t count_intree(const struct state *s)
{
	size_t i, n = 0;
	u64 pid = 0;

	/* The groups of a process follow each other. */
	for (i = 0; i < s->nr_holders; i++) {
		if (s->holders[i].pid == pid ||
		    !may_be_intree(s, &s->holders[i]))
			continue;
		pid = s->holders[i].pid;
		n++;
	}
	return n;
}

static const char *backend_of(const struct state *s, const struct t1x_holder *h)
{
	if (!strncmp(h->group, "noiommu-", strlen("noiommu-")))
		return "vfio, without an IOMMU";
	if (may_be_intree(s, h))
		return s->intree.counted && count_intree(s) > s->intree.refs ?
			       T1X_INTREE " or none" :
			       T1X_INTREE;
	return h->iommufd ? "iommufd" : "none yet";
}

static char *devices_of_holder(const struct t1x_holder *h)
{
	char **names = t1x_iommu_group_devices(h->group);
	char *list = t1x_copy("");
	char **name;

	for (name = names; name && *name; name++)
		list = t1x_join(list, " ", *name);
	t1x_dir_free(names);
	return list;
}

static char *devices_of_group(const struct t1x_container *c, u64 group)
{
	char *list = t1x_copy("");
	size_t i;

	for (i = 0; i < c->nr_devices; i++)
		if (c->devices[i].group == group)
			list = t1x_join(list, " ", c->devices[i].name);
	return list;
}

/* One group that somebody uses */
struct use {
	const char *backend;
	bool has_id;
	unsigned long id;
	u64 pid;
	const char *comm;
	const char *group;
	const char *devices;
};

static void print_use(const struct use *use, struct t1x_table *table)
{
	t1x_cell(table, "%s", use->backend);
	if (use->has_id)
		t1x_cell(table, "%lu", use->id);
	else
		t1x_cell(table, "%s", "");
	t1x_cell(table, "%llu", use->pid);
	t1x_cell(table, "%s", use->comm);
	t1x_cell(table, "%s", use->group);
	t1x_cell(table, "%s", use->devices);
}

static void json_use(const struct use *use)
{
	char *devices = t1x_copy(use->devices), *at = devices;
	const char *name;

	t1x_json_object(NULL);
	t1x_json_string("backend", use->backend);
	if (use->has_id)
		t1x_json_number("container", use->id);
	else
		t1x_json_string("container", NULL);
	t1x_json_process("process", use->pid, use->comm);
	t1x_json_string("group", use->group);
	t1x_json_array("devices");
	while ((name = t1x_word(&at)))
		t1x_json_string(NULL, name);
	t1x_json_end();
	t1x_json_end();
	free(devices);
}

static void tell_use(const struct use *use, struct t1x_table *table)
{
	if (table)
		print_use(use, table);
	else
		json_use(use);
}

static void tell_container(const struct t1x_container *c,
			   struct t1x_table *table)
{
	size_t i;

	for (i = 0; i < c->nr_groups; i++) {
		u64 number = c->groups[i].number;
		char *group = t1x_format("%llu", number);
		char *devices = devices_of_group(c, number);
		struct use use = { T1X_OURS, true,  c->id,  c->owner,
				   c->comm,  group, devices };

		tell_use(&use, table);
		free(devices);
		free(group);
	}
}

static void tell_holder(const struct state *s, const struct t1x_holder *h,
			struct t1x_table *table)
{
	char *devices = devices_of_holder(h);
	struct use use = { backend_of(s, h), false,    0,      h->pid,
			   h->comm,	     h->group, devices };

	tell_use(&use, table);
	free(devices);
}

/* All groups in use, as rows of a table or, without one, as JSON. */
static void tell_uses(const struct state *s, struct t1x_table *table)
{
	size_t i;

	for (i = 0; i < s->nr_containers; i++)
		tell_container(&s->containers[i], table);
	for (i = 0; i < s->nr_holders; i++)
		if (!is_ours(s, s->holders[i].group))
			tell_holder(s, &s->holders[i], table);
}

/* Are the containers that are opened from now on ours? */
static bool will_serve(const struct state *s)
{
	if (!s->serving) /* who opens one loads vfio, and that what the alias says */
		return s->alias && !t1x_vfio_loaded();
	return !strcmp(s->serving, T1X_OURS);
}

static void print_serving(const struct state *s)
{
	printf(LABEL, "new containers");
	if (will_serve(s) && !s->serving)
		printf("%s serves them: it is loaded with vfio\n", T1X_OURS);
	else if (!s->serving)
		printf("nobody serves them: no backend is loaded\n");
	else if (s->ours.loaded && s->intree.loaded)
		printf("%s serves them: it was loaded last\n", s->serving);
	else
		printf("%s serves them: %s is not loaded\n", s->serving,
		       s->ours.loaded ? T1X_INTREE : T1X_OURS);
}

static void print_module(const char *name, const struct t1x_module *module)
{
	printf(LABEL, name);
	if (!module->loaded)
		printf("not loaded\n");
	else if (module->counted)
		printf("loaded, %s\n", t1x_plural(module->refs, "reference"));
	else
		printf("%s\n",
		       module->builtin ? "built into the kernel" : "loaded");
}

static void tell_parameters(bool json)
{
	char **names = t1x_dir_list(PARAMETERS);
	char **name;

	for (name = names; name && *name; name++) {
		char *value = t1x_file_line(PARAMETERS "/%s", *name);

		if (json)
			t1x_json_string(*name, value);
		else
			printf("%s%s=%s", name == names ? "" : " ", *name,
			       value ?: "?");
		free(value);
	}
	t1x_dir_free(names);
}

static void print(const struct state *s)
{
	struct t1x_table table;

	print_serving(s);
	print_module(T1X_OURS, &s->ours);
	print_module(T1X_INTREE, &s->intree);
	if (s->alias)
		printf(LABEL "on, by %s\n", "takeover", s->alias);
	else
		printf(LABEL "off\n", "takeover");
	if (s->ours.loaded) {
		printf(LABEL, "parameters");
		tell_parameters(false);
		printf("\n");
	}

	if (!s->readable)
		return;

	printf("\n");
	t1x_table_init(&table, heads, COLUMNS);
	tell_uses(s, &table);
	if (table.n)
		t1x_table_print(&table);
	else
		printf("No group is in use.\n");
	if (s->hidden)
		printf("\nProcesses that could not be looked at: %zu; "
		       "run this as root to see all.\n",
		       s->hidden);
}

static void json_module(const char *key, const struct t1x_module *module)
{
	t1x_json_object(key);
	t1x_json_bool("loaded", module->loaded);
	t1x_json_bool("builtin", module->loaded && module->builtin);
	if (module->counted)
		t1x_json_number("references", module->refs);
	t1x_json_end();
}

static void print_json(const struct state *s)
{
	t1x_json_object(NULL);
	t1x_json_string("serving", will_serve(s) ? T1X_OURS : s->serving);
	t1x_json_object("modules");
	json_module(T1X_OURS, &s->ours);
	json_module(T1X_INTREE, &s->intree);
	t1x_json_end();
	t1x_json_string("takeover", s->alias);
	t1x_json_object("parameters");
	tell_parameters(true);
	t1x_json_end();
	if (s->readable) {
		t1x_json_array("groups");
		tell_uses(s, NULL);
		t1x_json_end();
	} else {
		t1x_json_string("groups", NULL);
	}
	t1x_json_number("hidden_processes", s->hidden);
	t1x_json_end();
}

static void state_read(struct state *s)
{
	*s = (struct state){ .serving = t1x_module_serving() };
	t1x_module_read(&s->ours, T1X_OURS);
	t1x_module_read(&s->intree, T1X_INTREE);
	s->alias = t1x_modprobe_alias(T1X_INTREE, T1X_OURS);
	t1x_holders_find(&s->holders, &s->nr_holders, &s->hidden);
	s->readable = !s->ours.loaded ||
		      t1x_containers_read(&s->containers, &s->nr_containers);
}

static void state_free(struct state *s)
{
	t1x_containers_free(s->containers, s->nr_containers);
	t1x_holders_free(s->holders, s->nr_holders);
	free(s->alias);
}

static int answer(const struct state *s)
{
	if (!s->readable)
		return T1X_FAILED;
	return will_serve(s) ? T1X_OK : T1X_NO;
}

int t1x_status(int argc, char **argv)
{
	struct t1x_args args;
	struct state state;
	int ret;

	if (t1x_args_parse(argc, argv, T1X_NO_ID, &args))
		return T1X_FAILED;
	state_read(&state);
	if (args.json)
		print_json(&state);
	else
		print(&state);
	ret = answer(&state);
	state_free(&state);
	return ret;
}
