/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small things every suite needs: failing with the observed values, files that
 * hold a number, children that cannot outlive the test, waits with an end.
 *
 * The library does not use the harness: a failed requirement prints a line and
 * ends the test process with status 1, which the harness reports as a failure.
 */
#ifndef T1X_UTIL_H
#define T1X_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef unsigned long u64;
typedef long s64;
typedef unsigned int u32;
typedef unsigned short u16;

#define T1X_PAGE 4096UL
#define T1X_2M (2UL << 20)
#define T1X_1G (512 * T1X_2M)

__attribute((noreturn, format(printf, 3, 4))) void
t1x_fail(const char *file, int line, const char *fmt, ...);

#define t1x_require(cond, ...)                                     \
	do {                                                       \
		if (!(cond))                                       \
			t1x_fail(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

/*
 * Device registers, and memory that a device writes: one access of that width,
 * not moved before an earlier one.
 */
static inline u32 t1x_read32(const void *at)
{
	return __atomic_load_n((const u32 *)at, __ATOMIC_ACQUIRE);
}

static inline u64 t1x_read64(const void *at)
{
	return __atomic_load_n((const u64 *)at, __ATOMIC_ACQUIRE);
}

static inline void t1x_write32(void *at, u32 value)
{
	__atomic_store_n((u32 *)at, value, __ATOMIC_RELEASE);
}

static inline void t1x_write64(void *at, u64 value)
{
	__atomic_store_n((u64 *)at, value, __ATOMIC_RELEASE);
}

int t1x_read_text(const char *path, char *buf, size_t len);
int t1x_write_text(const char *path, const char *text);
int t1x_read_ulong(const char *path, unsigned long *value);
int t1x_write_ulong(const char *path, unsigned long value);

bool t1x_kernel_at_least(unsigned int major, unsigned int minor);
/* The errno of an address range that wraps: 7.x has its own. Positive. */
int t1x_wrap_errno(void);

u64 t1x_now_us(void);
u64 t1x_now_ms(void);
void t1x_sleep_ms(unsigned int ms);
u64 t1x_random(void);

/* A child that is killed when its parent ends, whatever ended it */
pid_t t1x_fork(void);
/* 0 and the wait status, or -ETIMEDOUT; the child is not killed */
int t1x_wait(pid_t pid, unsigned int ms, int *status);
/* Run fn in a child and return its exit status; fails the test on a timeout */
int t1x_in_child(int (*fn)(void *arg), void *arg);
/*
 * The same, but -1 if it has not ended after ms: let_go(arg) then frees what it
 * waits for, so that nothing stays stuck, and the child is killed.
 */
int t1x_try_in_child(int (*fn)(void *arg), void (*let_go)(void *arg), void *arg,
		     unsigned int ms);

/* Drop CAP_IPC_LOCK, so that RLIMIT_MEMLOCK holds for this process */
void t1x_drop_ipc_lock(void);
void t1x_set_memlock(unsigned long bytes);

#endif
