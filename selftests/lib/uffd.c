// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uffd.h"

static void *watch(void *data)
{
	struct t1x_uffd *uffd = data;

	while (!atomic_load(&uffd->stop)) {
		if (!t1x_uffd_wait_parked(uffd, 20))
			continue;
		/* The kernel serves these pages itself once nobody watches */
		uffd->waited = true;
		break;
	}
	close(uffd->fd);
	return NULL;
}

bool t1x_uffd_withhold(struct t1x_uffd *uffd, void *mem, size_t size, u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (u64)mem, .len = size },
		.mode = mode,
	};

	memset(uffd, 0, sizeof(*uffd));
	uffd->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd->fd < 0)
		return false;
	if (ioctl(uffd->fd, UFFDIO_API, &api) ||
	    ioctl(uffd->fd, UFFDIO_REGISTER, &reg)) {
		close(uffd->fd);
		return false;
	}
	return true;
}

bool t1x_uffd_wait_parked(struct t1x_uffd *uffd, unsigned int ms)
{
	struct pollfd fds = { .fd = uffd->fd, .events = POLLIN };

	return poll(&fds, 1, ms) > 0 && fds.revents & POLLIN;
}

bool t1x_uffd_begin(struct t1x_uffd *uffd, void *mem, size_t size, u64 mode)
{
	int ret;

	if (!t1x_uffd_withhold(uffd, mem, size, mode))
		return false;

	ret = pthread_create(&uffd->watcher, NULL, watch, uffd);
	t1x_require(!ret, "pthread_create: %s", strerror(ret));
	return true;
}

bool t1x_uffd_end(struct t1x_uffd *uffd)
{
	atomic_store(&uffd->stop, true);
	pthread_join(uffd->watcher, NULL);
	return uffd->waited;
}

void t1x_uffd_protect(struct t1x_uffd *uffd, void *mem, size_t size)
{
	struct uffdio_writeprotect protect = {
		.range = { .start = (u64)mem, .len = size },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int ret = ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &protect);

	t1x_require(!ret, "UFFDIO_WRITEPROTECT: %s", strerror(errno));
}
