// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../t1x_emu/t1x_emu.h"
#include "backend.h"
#include "container.h"

#define INFO_MAX 4096

static const char *nth_word(const char *env, int n)
{
	static char word[16];
	const char *list = getenv(env);
	size_t len;

	while (list && *list) {
		list += strspn(list, " ");
		len = strcspn(list, " ");
		if (!len)
			break;
		if (!n--) {
			snprintf(word, sizeof(word), "%.*s", (int)len, list);
			return strdup(word);
		}
		list += len;
	}
	return NULL;
}

const char *t1x_edu(int n)
{
	return nth_word("T1X_EDU", n);
}

const char *t1x_nvme(int n)
{
	return nth_word("T1X_NVME", n);
}

const char *t1x_testdev(int n)
{
	return nth_word("T1X_TESTDEV", n);
}

const char *t1x_any_device(void)
{
	const char *bdf = t1x_edu(0);

	if (!bdf)
		bdf = t1x_nvme(0);
	if (!bdf)
		bdf = t1x_testdev(0);
	t1x_require(bdf, "set T1X_EDU to PCI addresses bound to vfio-pci");
	return bdf;
}

int t1x_group_number(const char *bdf)
{
	char link[128], target[256];
	const char *bus = "/sys/bus/pci/devices";
	ssize_t len;

	if (!strncmp(bdf, "t1x_emu.", 8))
		bus = T1X_EMU_SYSFS;
	snprintf(link, sizeof(link), "%s/%s/iommu_group", bus, bdf);
	len = readlink(link, target, sizeof(target) - 1);
	t1x_require(len > 0,
		    "%s has no IOMMU group: start the guest with an IOMMU",
		    bdf);
	target[len] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

int t1x_group_open(const char *bdf)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", t1x_group_number(bdf));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int __t1x_add_group(struct t1x *c, const char *bdf)
{
	struct t1x_group *group = &c->group[c->ngroups];
	int fd, ret;

	t1x_require(c->ngroups < T1X_MAX_GROUPS, "too many groups");
	fd = t1x_group_open(bdf);
	if (fd < 0)
		return fd;

	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &c->fd)) {
		ret = -errno;
		close(fd);
		return ret;
	}

	group->fd = fd;
	snprintf(group->bdf, sizeof(group->bdf), "%s", bdf);
	c->ngroups++;
	return 0;
}

void t1x_add_group(struct t1x *c, const char *bdf)
{
	int ret = __t1x_add_group(c, bdf);

	t1x_require(!ret, "adding the group of %s: %s", bdf, strerror(-ret));
}

int __t1x_del_group(struct t1x *c, const char *bdf)
{
	int i, ret;

	for (i = 0; i < c->ngroups; i++)
		if (!strcmp(c->group[i].bdf, bdf))
			break;
	t1x_require(i < c->ngroups, "%s is not in the container", bdf);

	ret = ioctl(c->group[i].fd, VFIO_GROUP_UNSET_CONTAINER) ? -errno : 0;
	if (ret)
		return ret;

	close(c->group[i].fd);
	c->group[i] = c->group[--c->ngroups];
	return 0;
}

void t1x_del_group(struct t1x *c, const char *bdf)
{
	int ret = __t1x_del_group(c, bdf);

	t1x_require(!ret, "removing the group of %s: %s", bdf, strerror(-ret));
}

int __t1x_set_iommu(struct t1x *c)
{
	long before = t1x_refcnt(t1x_module());
	long after;

	t1x_require(before >= 0, "%s is not loaded: insmod it, or set BACKEND",
		    t1x_module());
	if (ioctl(c->fd, VFIO_SET_IOMMU, c->type))
		return -errno;

	after = t1x_refcnt(t1x_module());
	t1x_require(after > before,
		    "not %s serves the container (refcnt %ld): see dmesg",
		    t1x_module(), after);
	return 0;
}

int __t1x_open(struct t1x *c, int type, const char *bdf)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->type = type;
	c->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;

	ret = __t1x_add_group(c, bdf);
	if (!ret)
		ret = __t1x_set_iommu(c);
	if (ret)
		t1x_close(c);
	return ret;
}

void t1x_open(struct t1x *c, int type, const char *bdf)
{
	int ret = __t1x_open(c, type, bdf ? bdf : t1x_any_device());

	t1x_require(!ret, "opening a container of type %d on %s: %s", type,
		    bdf ? bdf : t1x_any_device(), strerror(-ret));
}

void t1x_close(struct t1x *c)
{
	while (c->ngroups)
		close(c->group[--c->ngroups].fd);
	if (c->fd > 0)
		close(c->fd);
	c->fd = -1;
}

int __t1x_map_flags(struct t1x *c, const void *vaddr, u64 iova, u64 size,
		    u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (unsigned long)vaddr,
		.iova = iova,
		.size = size,
	};

	return ioctl(c->fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int __t1x_map(struct t1x *c, const void *vaddr, u64 iova, u64 size)
{
	return __t1x_map_flags(c, vaddr, iova, size, T1X_RW);
}

int __t1x_unmap_flags(struct t1x *c, u64 iova, u64 size, u32 flags,
		      u64 *unmapped)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = size,
	};

	if (ioctl(c->fd, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	if (unmapped)
		*unmapped = unmap.size;
	return 0;
}

int __t1x_unmap(struct t1x *c, u64 iova, u64 size, u64 *unmapped)
{
	return __t1x_unmap_flags(c, iova, size, 0, unmapped);
}

void t1x_map_at(const char *file, int line, struct t1x *c, const void *vaddr,
		u64 iova, u64 size)
{
	int ret = __t1x_map(c, vaddr, iova, size);

	if (ret)
		t1x_fail(file, line, "MAP of 0x%lx bytes at 0x%lx: %s", size,
			 iova, strerror(-ret));
}

void t1x_unmap_at(const char *file, int line, struct t1x *c, u64 iova, u64 size)
{
	u64 unmapped = 0;
	int ret = __t1x_unmap(c, iova, size, &unmapped);

	if (ret)
		t1x_fail(file, line, "UNMAP of 0x%lx bytes at 0x%lx: %s", size,
			 iova, strerror(-ret));
	if (unmapped != size)
		t1x_fail(file, line,
			 "UNMAP of 0x%lx bytes at 0x%lx removed 0x%lx", size,
			 iova, unmapped);
}

u64 t1x_unmap_all(struct t1x *c)
{
	u64 size = 0;
	int ret = __t1x_unmap_flags(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, &size);

	t1x_require(!ret, "UNMAP with FLAG_ALL: %s", strerror(-ret));
	return size;
}

int __t1x_get_info(struct t1x *c, void *buf, u32 len)
{
	struct vfio_iommu_type1_info *info = buf;

	memset(buf, 0, len);
	info->argsz = len;
	return ioctl(c->fd, VFIO_IOMMU_GET_INFO, info) ? -errno : 0;
}

const void *t1x_cap_find(const void *buf, u16 id)
{
	const struct vfio_iommu_type1_info *info = buf;
	const struct vfio_info_cap_header *cap;
	u32 offset;

	if (!(info->flags & VFIO_IOMMU_INFO_CAPS))
		return NULL;

	for (offset = info->cap_offset; offset; offset = cap->next) {
		cap = (const void *)((const char *)buf + offset);
		if (cap->id == id)
			return cap;
	}
	return NULL;
}

static const void *cap_of(struct t1x *c, void *buf, u16 id)
{
	int ret = __t1x_get_info(c, buf, INFO_MAX);
	const void *cap;

	t1x_require(!ret, "GET_INFO: %s", strerror(-ret));
	cap = t1x_cap_find(buf, id);
	t1x_require(cap, "GET_INFO has no capability %u", id);
	return cap;
}

u32 t1x_dma_avail(struct t1x *c)
{
	const struct vfio_iommu_type1_info_dma_avail *cap;
	u64 buf[INFO_MAX / 8];

	cap = cap_of(c, buf, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	return cap->avail;
}

int t1x_ranges(struct t1x *c, struct t1x_range *ranges, int max)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	u64 buf[INFO_MAX / 8];
	int i;

	cap = cap_of(c, buf, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	for (i = 0; i < (int)cap->nr_iovas && i < max; i++) {
		ranges[i].start = cap->iova_ranges[i].start;
		ranges[i].last = cap->iova_ranges[i].end;
	}
	return i;
}
