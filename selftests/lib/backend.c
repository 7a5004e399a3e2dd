// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "util.h"

#define REMOVE_TIMEOUT_MS 5000

bool t1x_is_type1_on_debug(void)
{
	return getenv("T1X_DEBUG_LANE") && !t1x_is_type1x();
}

bool t1x_is_type1x(void)
{
	const char *name = getenv("BACKEND");

	if (!name || !strcmp(name, "type1x"))
		return true;
	t1x_require(!strcmp(name, "type1"),
		    "BACKEND is %s: use type1 or type1x", name);
	return false;
}

bool t1x_spares_type1(void)
{
	return !t1x_is_type1x() && !getenv("T1X_DANGEROUS");
}

const char *t1x_module(void)
{
	const char *name = getenv("BACKEND");

	if (name && !strcmp(name, "limit"))
		return T1X_MODULE_LIMIT;
	return t1x_is_type1x() ? T1X_MODULE_OURS : T1X_MODULE_INTREE;
}

long t1x_refcnt(const char *module)
{
	unsigned long count;
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	if (t1x_read_ulong(path, &count))
		return -1;
	return count;
}

int t1x_insmod_args(const char *path, const char *args)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;

	ret = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int t1x_insmod(const char *path)
{
	return t1x_insmod_args(path, "");
}

int t1x_rmmod(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

const char *t1x_module_path(const char *module)
{
	static char path[128];
	char dashed[64];
	size_t i;

	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	if (!access(path, R_OK))
		return path;

	snprintf(dashed, sizeof(dashed), "%s", module);
	for (i = 0; dashed[i]; i++)
		if (dashed[i] == '_')
			dashed[i] = '-';
	snprintf(path, sizeof(path), "/modules/%s.ko", dashed);
	return access(path, R_OK) ? NULL : path;
}

bool t1x_module_insert(const char *module)
{
	const char *path = t1x_module_path(module);
	int ret;

	if (t1x_refcnt(module) >= 0)
		return true;
	if (!path)
		return false;
	ret = t1x_insmod(path);
	t1x_require(!ret, "insmod %s: %s", path, strerror(-ret));
	return true;
}

void t1x_module_remove(const char *module)
{
	u64 end = t1x_now_ms() + REMOVE_TIMEOUT_MS;
	int ret;

	do {
		ret = t1x_rmmod(module);
	} while (ret == -EWOULDBLOCK && t1x_now_ms() < end);
	t1x_require(!ret || ret == -ENOENT, "rmmod %s: %s", module,
		    strerror(-ret));
}

static void param_path(char *path, size_t len, const char *name)
{
	snprintf(path, len, "/sys/module/%s/parameters/%s", t1x_module(), name);
}

int t1x_param_get(const char *name, unsigned long *value)
{
	char path[128], text[32];
	int ret;

	param_path(path, sizeof(path), name);
	ret = t1x_read_text(path, text, sizeof(text));
	if (ret)
		return ret;

	*value = text[0] == 'Y' ? 1 : strtoul(text, NULL, 0);
	return 0;
}

int t1x_param_set(const char *name, unsigned long value)
{
	char path[128];

	param_path(path, sizeof(path), name);
	return t1x_write_ulong(path, value);
}
