// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define CHILD_TIMEOUT_MS 60000

void t1x_fail(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	_exit(1);
}

int t1x_read_text(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;

	n = read(fd, buf, len - 1);
	close(fd);
	if (n < 0)
		return -EIO;

	buf[n] = '\0';
	return 0;
}

int t1x_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;

	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int t1x_read_ulong(const char *path, unsigned long *value)
{
	char text[64];
	int ret = t1x_read_text(path, text, sizeof(text));

	if (ret)
		return ret;

	*value = strtoul(text, NULL, 0);
	return 0;
}

int t1x_write_ulong(const char *path, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", value);
	return t1x_write_text(path, text);
}

bool t1x_kernel_at_least(unsigned int major, unsigned int minor)
{
	unsigned int have_major, have_minor = 0;
	struct utsname uts;
	char *dot;

	uname(&uts);
	have_major = strtoul(uts.release, &dot, 10);
	if (*dot == '.')
		have_minor = strtoul(dot + 1, NULL, 10);
	return have_major > major ||
	       (have_major == major && have_minor >= minor);
}

int t1x_wrap_errno(void)
{
	return t1x_kernel_at_least(6, 18) ? EOVERFLOW : EINVAL;
}

u64 t1x_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

u64 t1x_now_ms(void)
{
	return t1x_now_us() / 1000;
}

void t1x_sleep_ms(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * 1000000L,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

u64 t1x_random(void)
{
	/* A fixed seed: a failing run can be repeated */
	static u64 state = 0x9e3779b97f4a7c15ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

pid_t t1x_fork(void)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	t1x_require(pid >= 0, "fork failed: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int t1x_wait(pid_t pid, unsigned int ms, int *status)
{
	int dummy, fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };
	u64 end = t1x_now_ms() + ms, now = end - ms;
	pid_t got;

	/* Not by looking every other moment: that costs what is waited for */
	while (fd >= 0 && poll(&ended, 1, end - now) < 0 && errno == EINTR) {
		now = t1x_now_ms();
		if (now > end)
			now = end;
	}
	if (fd >= 0)
		close(fd);
	got = waitpid(pid, status ? status : &dummy, WNOHANG);
	if (got < 0)
		return -errno;
	return got == pid ? 0 : -ETIMEDOUT;
}

int t1x_in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = t1x_fork();
	int status, ret;

	if (!pid)
		_exit(fn(arg));

	ret = t1x_wait(pid, CHILD_TIMEOUT_MS, &status);
	if (ret)
		kill(pid, SIGKILL);
	t1x_require(!ret, "child %d did not end within %d s", pid,
		    CHILD_TIMEOUT_MS / 1000);
	t1x_require(WIFEXITED(status), "child died of signal %d",
		    WTERMSIG(status));
	return WEXITSTATUS(status);
}

int t1x_try_in_child(int (*fn)(void *arg), void (*let_go)(void *arg), void *arg,
		     unsigned int ms)
{
	pid_t pid = t1x_fork();
	int status = 0;

	if (!pid)
		_exit(fn(arg));
	if (!t1x_wait(pid, ms, &status))
		return WEXITSTATUS(status);

	let_go(arg);
	kill(pid, SIGKILL);
	t1x_wait(pid, CHILD_TIMEOUT_MS, NULL);
	return -1;
}

void t1x_drop_ipc_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int ret;

	ret = syscall(SYS_capget, &head, data);
	t1x_require(!ret, "capget: %s", strerror(errno));
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	ret = syscall(SYS_capset, &head, data);
	t1x_require(!ret, "capset: %s", strerror(errno));
}

void t1x_set_memlock(unsigned long bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	t1x_require(!setrlimit(RLIMIT_MEMLOCK, &limit),
		    "setrlimit(RLIMIT_MEMLOCK, %lu): %s", bytes,
		    strerror(errno));
}
