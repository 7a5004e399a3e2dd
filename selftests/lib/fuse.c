// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
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

#define REQUEST_MAX (256 * 1024)
#define WITHHELD_MAX 64

struct withheld {
	u64 unique;
	u32 size;
};

/* The server's view */
struct server {
	int fd;
	size_t size; /* of the file */
	struct t1x_fuse_state *state;
	struct withheld queue[WITHHELD_MAX];
	int queued;
};

static void reply(struct server *server, u64 unique, int error,
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
	if (writev(server->fd, iov, error || !len ? 1 : 2) < 0 &&
	    errno != ENOENT && errno != ENODEV)
		printf("# fuse: an answer failed: %s\n", strerror(errno));
}

static void reply_init(struct server *server, u64 unique,
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

	reply(server, unique, 0, &out, sizeof(out));
}

static void reply_attr(struct server *server, u64 unique)
{
	struct fuse_attr_out out = {
		.attr_valid = 3600,
		.attr = {
			.ino = 1,
			.size = server->size,
			.blocks = server->size / 512,
			.mode = S_IFREG | 0444,
			.nlink = 1,
			.blksize = T1X_PAGE,
		},
	};

	reply(server, unique, 0, &out, sizeof(out));
}

static void reply_read(struct server *server, const struct withheld *read)
{
	char *data = malloc(read->size);

	memset(data, 0x5a, read->size);
	reply(server, read->unique, 0, data, read->size);
	free(data);
}

static void withhold(struct server *server, u64 unique,
		     const struct fuse_read_in *read)
{
	if (server->queued == WITHHELD_MAX)
		return;
	server->queue[server->queued++] = (struct withheld){
		unique,
		read->size,
	};
	atomic_fetch_add(&server->state->parked, 1);
}

static void handle(struct server *server, const struct fuse_in_header *in)
{
	const void *arg = in + 1;
	struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		reply_init(server, in->unique, arg);
		break;
	case FUSE_GETATTR:
		reply_attr(server, in->unique);
		break;
	case FUSE_OPEN:
		reply(server, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		withhold(server, in->unique, arg);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break; /* these have no answer */
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		reply(server, in->unique, 0, NULL, 0);
		break;
	default:
		reply(server, in->unique, -EOPNOTSUPP, NULL, 0);
	}
}

static void serve(struct server *server)
{
	char *request = malloc(REQUEST_MAX);

	while (!atomic_load(&server->state->stop)) {
		struct pollfd pollfd = { .fd = server->fd, .events = POLLIN };

		if (atomic_load(&server->state->released))
			while (server->queued)
				reply_read(server,
					   &server->queue[--server->queued]);
		if (poll(&pollfd, 1, 5) <= 0)
			continue;
		if (read(server->fd, request, REQUEST_MAX) > 0)
			handle(server, (void *)request);
		else if (errno == ENODEV)
			break;
	}
}

static bool mount_file(struct t1x_fuse *fuse, int fd)
{
	char options[128];
	int target;

	snprintf(fuse->path, sizeof(fuse->path), "/tmp/t1x-fuse-XXXXXX");
	target = mkstemp(fuse->path);
	t1x_require(target >= 0, "a file in /tmp: %s", strerror(errno));
	close(target);

	/* The file system's root is a plain file, mounted over another */
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100444,user_id=0,group_id=0", fd);
	if (!mount("t1x", fuse->path, "fuse", MS_NOSUID | MS_NODEV, options))
		return true;

	unlink(fuse->path);
	return false;
}

bool t1x_fuse_start(struct t1x_fuse *fuse, size_t size)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	memset(fuse, 0, sizeof(*fuse));
	if (fd < 0)
		return false;
	if (!mount_file(fuse, fd)) {
		close(fd);
		return false;
	}

	fuse->size = size;
	fuse->state = mmap(NULL, T1X_PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fuse->server = t1x_fork();
	if (!fuse->server) {
		struct server server = { fd, size, fuse->state };

		serve(&server);
		_exit(0);
	}
	/* The server alone holds the connection: it goes when it goes */
	close(fd);
	return true;
}

void t1x_fuse_die(struct t1x_fuse *fuse)
{
	if (fuse->server <= 0)
		return;
	kill(fuse->server, SIGKILL);
	t1x_wait(fuse->server, 5000, NULL);
	fuse->server = 0;
}

void t1x_fuse_stop(struct t1x_fuse *fuse)
{
	if (!fuse->size)
		return;

	t1x_fuse_release(fuse);
	t1x_sleep_ms(30);
	umount2(fuse->path, MNT_DETACH);
	atomic_store(&fuse->state->stop, true);
	t1x_sleep_ms(30);
	t1x_fuse_die(fuse);
	unlink(fuse->path);
	munmap(fuse->state, T1X_PAGE);
	fuse->size = 0;
}

static void *map(struct t1x_fuse *fuse, void *at, int prot, int flags)
{
	int fd = open(fuse->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *mem;

	t1x_require(fd >= 0, "open %s: %s", fuse->path, strerror(errno));
	/* The root of a mount has no size until someone asks for it */
	t1x_require(!fstat(fd, &st) && st.st_size == (off_t)fuse->size,
		    "%s is not served", fuse->path);
	mem = mmap(at, fuse->size, prot, flags, fd, 0);
	t1x_require(mem != MAP_FAILED, "mmap %s: %s", fuse->path,
		    strerror(errno));
	close(fd);
	return mem;
}

void *t1x_fuse_map(struct t1x_fuse *fuse, void *at)
{
	return map(fuse, at, PROT_READ, MAP_SHARED | (at ? MAP_FIXED : 0));
}

void *t1x_fuse_map_private(struct t1x_fuse *fuse)
{
	return map(fuse, NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

bool t1x_fuse_wait_parked(struct t1x_fuse *fuse, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;

	while (!atomic_load(&fuse->state->parked)) {
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
	if (fuse->state)
		atomic_store(&fuse->state->released, true);
}
