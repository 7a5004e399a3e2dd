// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuse.h"
#include "util.h"

#define REQUEST_MAX	(256 * 1024)
#define WITHHELD_MAX	64

struct withheld {
	uint64_t unique;
	uint32_t size;
};

static void reply(struct t1x_fuse *fuse, uint64_t unique, int error,
		  const void *data, size_t len)
{
	struct fuse_out_header head = {
		.len = sizeof(head) + (error ? 0 : len),
		.error = error,
		.unique = unique,
	};
	struct iovec iov[2] = {
		{ &head, sizeof(head) },
		{ (void *)data, len },
	};

	/* ENOENT: the request was interrupted meanwhile; nobody waits for it */
	if (writev(fuse->fd, iov, error || !len ? 1 : 2) < 0 &&
	    errno != ENOENT && errno != ENODEV)
		printf("# fuse: reply: %s\n", strerror(errno));
}

static void reply_init(struct t1x_fuse *fuse, uint64_t unique,
		       const struct fuse_init_in *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < 31 ? in->minor : 31,
		.max_readahead = in->max_readahead,
		/*
		 * Reads in the background: the fault then waits for the page
		 * and not for the request, as it does with every other server.
		 */
		.flags = FUSE_ASYNC_READ,
		.max_background = 16,
		.congestion_threshold = 12,
		.max_write = 4096,
	};

	reply(fuse, unique, 0, &out, sizeof(out));
}

static void reply_attr(struct t1x_fuse *fuse, uint64_t unique)
{
	struct fuse_attr_out out = {
		.attr_valid = 3600,
		.attr = {
			.ino = 1,
			.size = fuse->size,
			.blocks = fuse->size / 512,
			.mode = S_IFREG | 0444,
			.nlink = 1,
			.blksize = T1X_PAGE,
		},
	};

	reply(fuse, unique, 0, &out, sizeof(out));
}

static void reply_read(struct t1x_fuse *fuse, const struct withheld *read)
{
	char *data = calloc(1, read->size);

	memset(data, 0x5a, read->size);
	reply(fuse, read->unique, 0, data, read->size);
	free(data);
}

static void handle(struct t1x_fuse *fuse, const struct fuse_in_header *in,
		   struct withheld *queue, int *queued)
{
	const void *arg = in + 1;
	const struct fuse_read_in *read = arg;
	struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		reply_init(fuse, in->unique, arg);
		break;
	case FUSE_GETATTR:
		reply_attr(fuse, in->unique);
		break;
	case FUSE_OPEN:
		reply(fuse, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		queue[(*queued)++] = (struct withheld){ in->unique,
							read->size };
		atomic_fetch_add(&fuse->parked, 1);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;			/* these have no answer */
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		reply(fuse, in->unique, 0, NULL, 0);
		break;
	default:
		reply(fuse, in->unique, -ENOSYS, NULL, 0);
	}
}

static void *serve(void *data)
{
	struct t1x_fuse *fuse = data;
	struct withheld queue[WITHHELD_MAX];
	char *request = malloc(REQUEST_MAX);
	int queued = 0;

	while (!atomic_load(&fuse->stop)) {
		struct pollfd pollfd = { .fd = fuse->fd, .events = POLLIN };

		if (atomic_load(&fuse->released))
			while (queued)
				reply_read(fuse, &queue[--queued]);
		if (poll(&pollfd, 1, 5) <= 0)
			continue;
		if (read(fuse->fd, request, REQUEST_MAX) > 0 &&
		    queued < WITHHELD_MAX)
			handle(fuse, (void *)request, queue, &queued);
		else if (errno == ENODEV)
			break;
	}
	free(request);
	return NULL;
}

bool t1x_fuse_start(struct t1x_fuse *fuse, size_t size)
{
	char options[128];
	int target;

	memset(fuse, 0, sizeof(*fuse));
	fuse->size = size;
	fuse->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse->fd < 0)
		return false;

	snprintf(fuse->path, sizeof(fuse->path), "/tmp/t1x-fuse-XXXXXX");
	target = mkstemp(fuse->path);
	t1x_require(target >= 0, "a file in /tmp: %s", strerror(errno));
	close(target);

	/* The file system's root is a plain file, mounted over another */
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100444,user_id=0,group_id=0", fuse->fd);
	if (mount("t1x", fuse->path, "fuse", MS_NOSUID | MS_NODEV, options)) {
		unlink(fuse->path);
		close(fuse->fd);
		return false;
	}

	t1x_require(!pthread_create(&fuse->server, NULL, serve, fuse),
		    "no thread for the FUSE server");
	return true;
}

void t1x_fuse_stop(struct t1x_fuse *fuse)
{
	if (!fuse->size)
		return;

	t1x_fuse_release(fuse);
	t1x_sleep_ms(50);
	umount2(fuse->path, MNT_DETACH);
	atomic_store(&fuse->stop, true);
	pthread_join(fuse->server, NULL);
	close(fuse->fd);
	unlink(fuse->path);
	fuse->size = 0;
}

void *t1x_fuse_map(struct t1x_fuse *fuse, void *at)
{
	int fd = open(fuse->path, O_RDONLY | O_CLOEXEC);
	void *mem;

	t1x_require(fd >= 0, "open %s: %s", fuse->path, strerror(errno));
	mem = mmap(at, fuse->size, PROT_READ, MAP_SHARED | (at ? MAP_FIXED : 0),
		   fd, 0);
	t1x_require(mem != MAP_FAILED, "mmap %s: %s", fuse->path,
		    strerror(errno));
	close(fd);
	return mem;
}

bool t1x_fuse_wait_parked(struct t1x_fuse *fuse, unsigned int ms)
{
	uint64_t end = t1x_now_ms() + ms;

	while (!atomic_load(&fuse->parked)) {
		if (t1x_now_ms() >= end)
			return false;
		t1x_sleep_ms(2);
	}
	/* The request is out; give the faulting task the time to wait for it */
	t1x_sleep_ms(50);
	return true;
}

void t1x_fuse_release(struct t1x_fuse *fuse)
{
	atomic_store(&fuse->released, true);
}
