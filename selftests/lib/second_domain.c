// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend.h"
#include "second_domain.h"

#define MODULE "t1x_second_domain"
#define PARAM(x) "/sys/module/" MODULE "/parameters/" x

static bool loaded;

bool t1x_second_domain_load(void)
{
	const char *path = t1x_module_path(MODULE);
	int ret;

	if (!path)
		return false;

	/* A test that has failed may have left it */
	t1x_rmmod(MODULE);
	ret = t1x_insmod(path);
	t1x_require(!ret, "insmod %s: %s", path, strerror(-ret));
	loaded = true;
	return true;
}

int t1x_second_domain_unload(void)
{
	if (!loaded)
		return 0;

	loaded = false;
	return t1x_rmmod(MODULE);
}

static unsigned long refused(void)
{
	unsigned long count = 0;

	t1x_require(!t1x_read_ulong(PARAM("failed"), &count),
		    MODULE " is not loaded");
	return count;
}

void t1x_add_in_second_domain(struct t1x *c, const char *bdf)
{
	unsigned long before = refused();

	t1x_write_ulong(PARAM("arm"), 1);
	t1x_add_group(c, bdf);
	t1x_require(refused() == before + 1,
		    "no attach to the first domain was tried");
}

void t1x_refuse_attaches(unsigned long n)
{
	int ret = t1x_write_ulong(PARAM("arm_any"), n);

	t1x_require(!ret, PARAM("arm_any") ": %s", strerror(-ret));
}
