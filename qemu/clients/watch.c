// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch PID MODULE [ring]: wait until process PID has ended, then print the most references that
 * MODULE had meanwhile. vfio falls back silently to another backend: only this count tells which
 * one served a client that knows nothing of it.
 */
#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../module_refcnt.h"

/*
 * QEMU's emulated nvme loses the interrupts of an admin queue that was enabled before MSI-X was,
 * and QEMU's own user-space driver enables it in this order: now and then it would wait for ever.
 * An interrupt reaches it as an eventfd, so ring them all; one ring too many does no harm.
 */
static void ring_eventfds(pid_t pid, int pidfd)
{
	char path[64], target[64];
	uint64_t one = 1;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target,
					 sizeof(target) - 1);
		int fd;

		if (len < 0)
			continue;
		target[len] = 0;
		if (strcmp(target, "anon_inode:[eventfd]"))
			continue;
		fd = syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd < 0)
			continue;
		if (write(fd, &one, sizeof(one)) < 0)
			perror("eventfd");
		close(fd);
	}
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	struct pollfd ended = { .events = POLLIN };
	int refs, most = 0;
	bool ring;

	if (argc < 3) {
		fprintf(stderr, "usage: watch PID MODULE [ring]\n");
		return 2;
	}
	ring = argc > 3 && !strcmp(argv[3], "ring");
	ended.fd = syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	while (ended.fd >= 0 && poll(&ended, 1, 20) == 0) {
		refs = module_refcnt(argv[2]);
		if (refs > most)
			most = refs;
		if (ring)
			ring_eventfds(atoi(argv[1]), ended.fd);
	}
	printf("%d\n", most);
	return 0;
}
