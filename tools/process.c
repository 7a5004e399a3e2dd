// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "memory.h"
#include "process.h"

#define CAP_IPC_LOCK 14

char *t1x_process_comm(u64 pid)
{
	char *comm = t1x_file_line("/proc/%llu/comm", pid);

	return comm ?: t1x_copy("");
}

/* The words behind a label at the begin of a line, or NULL. */
static char *behind(char *text, const char *label)
{
	size_t len = strlen(label);
	char *line;

	while ((line = t1x_line(&text)))
		if (!strncmp(line, label, len))
			return line + len;
	return NULL;
}

static u64 limit_of(const char *word)
{
	u64 limit;

	return t1x_number(word, &limit) ? limit : T1X_UNLIMITED;
}

static void read_status(const char *process, struct t1x_memlock *memlock)
{
	char *text = t1x_file_read("/proc/%s/status", process);
	char *copy = t1x_copy(text ?: "");
	char *at = behind(copy, "VmLck:");
	u64 kib;

	if (at && t1x_next_number(&at, &kib))
		memlock->locked = kib << 10;
	at = text ? behind(text, "CapEff:") : NULL;
	if (at)
		memlock->exempt = strtoull(at, NULL, 16) >> CAP_IPC_LOCK & 1;
	free(copy);
	free(text);
}

bool t1x_process_memlock(const char *process, struct t1x_memlock *memlock)
{
	char *text = t1x_file_read("/proc/%s/limits", process);
	char *at = text ? behind(text, "Max locked memory") : NULL;
	bool ok = at;

	*memlock = (struct t1x_memlock){};
	if (ok) {
		memlock->soft = limit_of(t1x_word(&at));
		memlock->hard = limit_of(t1x_word(&at));
		read_status(process, memlock);
	}
	free(text);
	return ok;
}

struct search {
	struct t1x_holder *holders;
	size_t n;
	size_t hidden;
};

/* The group that a path in /dev/vfio is, or NULL. */
static const char *group_of(const char *path)
{
	const char *name = path + strlen("/dev/vfio/");

	if (strncmp(path, "/dev/vfio/", strlen("/dev/vfio/")))
		return NULL;
	if (!strncmp(name, "noiommu-", strlen("noiommu-")) ||
	    (*name >= '0' && *name <= '9'))
		return name;
	return NULL;
}

static void add_holder(struct search *search, size_t first, u64 pid,
		       const char *group)
{
	struct t1x_holder *holder;
	size_t i;

	for (i = first; i < search->n; i++)
		if (!strcmp(search->holders[i].group, group))
			return;
	search->holders = t1x_grow(search->holders, search->n, sizeof(*holder));
	holder = &search->holders[search->n++];
	holder->pid = pid;
	holder->group = t1x_copy(group);
	holder->comm = t1x_process_comm(pid);
}

static void look_at(struct search *search, const char *process, u64 pid)
{
	char **fds = t1x_dir_list("/proc/%s/fd", process);
	bool container = false, iommufd = false;
	size_t i, first = search->n;
	char **fd;

	search->hidden += !fds && errno == EACCES;
	for (fd = fds; fd && *fd; fd++) {
		char *path = t1x_file_link("/proc/%s/fd/%s", process, *fd);
		const char *group = path ? group_of(path) : NULL;

		if (group)
			add_holder(search, first, pid, group);
		container |= path && !strcmp(path, "/dev/vfio/vfio");
		iommufd |= path && !strcmp(path, "/dev/iommu");
		free(path);
	}
	t1x_dir_free(fds);
	for (i = first; i < search->n; i++) {
		search->holders[i].container = container;
		search->holders[i].iommufd = iommufd;
	}
}

void t1x_holders_find(struct t1x_holder **holders, size_t *n, size_t *hidden)
{
	char **processes = t1x_dir_list("/proc");
	struct search search = {};
	char **process;
	u64 pid;

	for (process = processes; process && *process; process++)
		if (t1x_number(*process, &pid))
			look_at(&search, *process, pid);
	t1x_dir_free(processes);
	*holders = search.holders;
	*n = search.n;
	*hidden = search.hidden;
}

void t1x_holders_free(struct t1x_holder *holders, size_t n)
{
	while (n--) {
		free(holders[n].group);
		free(holders[n].comm);
	}
	free(holders);
}
