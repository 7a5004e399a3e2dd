// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading the module around open containers. */
#include "suite.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

FIXTURE(lifecycle)
{
	struct t1x_leak leak;
	struct t1x c, second;
	bool other_was_loaded;
	const char *other;
	char *mem;
};

FIXTURE_SETUP(lifecycle)
{
	self->c.fd = -1;
	self->second.fd = -1;
	self->other = t1x_is_type1x() ? T1X_MODULE_INTREE : T1X_MODULE_OURS;
	self->other_was_loaded = t1x_refcnt(self->other) >= 0;
	if (!t1x_module_path(t1x_module()))
		SKIP(return, "no file of %s in /modules", t1x_module());
	self->mem = t1x_mem_alloc(T1X_MEM_4K, PAGES(16));
	t1x_leak_begin(&self->leak);
}

FIXTURE_TEARDOWN(lifecycle)
{
	t1x_close(&self->second);
	t1x_close(&self->c);
	if (!self->other_was_loaded)
		t1x_module_remove(self->other);
	/* The module under test is left as the newest: it serves what follows */
	if (self->other_was_loaded)
		t1x_module_remove(t1x_module());
	t1x_module_insert(t1x_module());
	EXPECT_EQ(0, t1x_leak_end(&self->leak));
}

TEST_F(lifecycle, rmmod_is_refused_while_a_container_is_open)
{
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));

	EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(t1x_module()));
	t1x_unmap(&self->c, T1X_BASE, PAGES(16));
	EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(t1x_module()));
	t1x_close(&self->c);
	t1x_module_remove(t1x_module());
}

TEST_F(lifecycle, rmmod_is_allowed_again_when_the_last_group_has_left)
{
	t1x_open(&self->c, VFIO_TYPE1_IOMMU, NULL);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));
	t1x_del_group(&self->c, t1x_any_device());
	t1x_module_remove(t1x_module());
	EXPECT_EQ(-EINVAL, __t1x_map(&self->c, self->mem, T1X_BASE, T1X_PAGE));
}

TEST_F(lifecycle, unloaded_module_serves_nothing)
{
	struct t1x c;
	int fd;

	if (self->other_was_loaded)
		SKIP(return, "%s is loaded too", self->other);

	t1x_module_remove(t1x_module());
	fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(0, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	close(fd);
	t1x_module_insert(t1x_module());
	t1x_open(&c, VFIO_TYPE1v2_IOMMU, NULL);
	t1x_close(&c);
}

TEST_F(lifecycle, twenty_rounds_of_insmod_use_rmmod)
{
	int i;

	for (i = 0; i < 20; i++) {
		t1x_require(t1x_module_insert(t1x_module()), "insmod, round %d",
			    i);
		t1x_open(&self->c,
			 i % 2 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU, NULL);
		t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));
		t1x_close(&self->c);
		t1x_module_remove(t1x_module());
	}
}

TEST_F(lifecycle, module_loaded_later_serves_new_containers)
{
	long other;

	t1x_module_remove(t1x_module());
	if (!t1x_module_insert(self->other))
		SKIP(return, "no file of %s in /modules", self->other);
	other = t1x_refcnt(self->other);
	t1x_module_insert(t1x_module());

	/* Opening asserts who serves it */
	t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, NULL);
	t1x_map(&self->c, self->mem, T1X_BASE, PAGES(16));
	EXPECT_EQ(other, t1x_refcnt(self->other));
	t1x_unmap(&self->c, T1X_BASE, PAGES(16));
}

TEST_F(lifecycle, container_of_the_other_module_lives_on)
{
	struct t1x *old = &self->second;
	long other;

	t1x_module_remove(t1x_module());
	if (!t1x_module_insert(self->other))
		SKIP(return, "no file of %s in /modules", self->other);

	old->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	old->type = VFIO_TYPE1v2_IOMMU;
	t1x_add_group(old, t1x_any_device());
	other = t1x_refcnt(self->other);
	ASSERT_EQ(0, ioctl(old->fd, VFIO_SET_IOMMU, old->type));
	EXPECT_LT(other, t1x_refcnt(self->other));
	t1x_map(old, self->mem, T1X_BASE, PAGES(8));

	t1x_module_insert(t1x_module());
	if (t1x_edu(1)) {
		t1x_open(&self->c, VFIO_TYPE1v2_IOMMU, t1x_edu(1));
		t1x_map(&self->c, self->mem, T1X_BASE, PAGES(8));
	}
	EXPECT_EQ(-EWOULDBLOCK, t1x_rmmod(self->other));
	t1x_unmap(old, T1X_BASE, PAGES(8));
	t1x_close(old);
}

TEST_HARNESS_MAIN
