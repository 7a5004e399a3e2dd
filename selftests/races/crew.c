// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "part.h"

#define PATIENCE_MS 10000
#define WATCH_MS 500
#define MAX_DELAY_ORDER 14 /* turns of a loop */
#define MAX_LIFE_ORDER 22 /* ns until a child is killed */
#define THREADS (1 + MAX_MEMBERS)
#define STACK_SIZE (256 * 1024)
#define MAX_YIELDS 200 /* that a member waits for a second one */

static u32 value_of(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Sleeps until the word is no longer this. Children share it. */
static void wait_while(u32 *word, u32 value)
{
	while (value_of(word) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void wait_until(u32 *word, u32 value)
{
	u32 now;

	while ((now = value_of(word)) != value)
		wait_while(word, now);
}

static void wake(u32 *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

static void set_and_wake(u32 *word, u32 value, int n)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	wake(word, n);
}

static u32 count_up(u32 *word)
{
	return __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
}

/* A random moment, mostly an early one: below 2^order, by powers of two */
static int any_moment(int order)
{
	return t1x_below(1 << t1x_below(order + 1));
}

static void make_calls(struct member *member)
{
	struct crew *crew = member->crew;
	struct history *h = &crew->history;
	int thread = member - crew->member;
	int i;

	member->tid = syscall(SYS_gettid);
	for (i = crew->first; i < h->n; i++) {
		struct event *event = &h->event[i];

		if (event->thread != thread)
			continue;
		event->begin = t1x_tick(h);
		t1x_call_do(crew->target, &event->call, &event->answer);
		event->end = t1x_tick(h);
	}
}

/*
 * Two at the line may go: no more of them run at the same time on two CPUs, and
 * whoever wakes up on the CPU of another one has to wait for it in any case.
 */
static void perform(struct member *member)
{
	struct crew *crew = member->crew;
	int i;

	count_up(&crew->at_line);
	for (i = 0; i < MAX_YIELDS && value_of(&crew->at_line) < 2; i++)
		sched_yield();
	for (i = 0; i < member->delay; i++)
		__asm__ volatile("");
	make_calls(member);
}

/* Any thread does for any member */
static struct member *take_place(struct crew *crew)
{
	u32 left;

	for (;;) {
		wait_while(&crew->places, 0);
		left = value_of(&crew->places);
		if (left && __atomic_compare_exchange_n(
				    &crew->places, &left, left - 1, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return crew->own[left - 1];
	}
}

static void *live(void *data)
{
	struct crew *crew = data;

	for (;;) {
		perform(take_place(crew));
		if (count_up(&crew->back) == crew->nown)
			wake(&crew->back, 1);
	}
	return NULL;
}

static void *live_in_child(void *data)
{
	struct member *member = data;
	struct crew *crew = member->crew;

	count_up(&crew->born);
	wake(&crew->born, 1);
	wait_while(&crew->go, 0);
	perform(member);
	return NULL;
}

__attribute((noreturn)) static void be_child(struct crew *crew, int child)
{
	pthread_t thread;
	int i;

	for (i = 0; i < crew->n; i++)
		if (crew->member[i].child == child &&
		    pthread_create(&thread, NULL, live_in_child,
				   &crew->member[i]))
			_exit(1);
	for (;;)
		pause();
}

static void print_stack(pid_t pid, int tid)
{
	char path[64], text[4096], *line;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", pid, tid);
	if (t1x_read_text(path, text, sizeof(text)))
		return;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("#     %s\n", line);
}

static void print_member(const struct crew *crew, const struct member *member)
{
	const struct history *h = &crew->history;
	pid_t pid = member->child ? crew->pid[member->child] : getpid();
	int i, thread = member - crew->member;

	for (i = 0; i < h->n; i++) {
		const struct event *event = &h->event[i];

		if (event->thread != thread || !event->begin || event->end)
			continue;
		printf("#   thread %d is in ", thread);
		t1x_call_print(&event->call, NULL);
		print_stack(pid, member->tid);
	}
}

__attribute((noreturn)) static void tell_hang(const struct crew *crew)
{
	int i;

	printf("# %s: after %d s not all have come back\n", crew->what,
	       PATIENCE_MS / 1000);
	for (i = 0; i < crew->n; i++)
		print_member(crew, &crew->member[i]);
	t1x_fail(__FILE__, __LINE__, "%s: hangs", crew->what);
}

/* Sees to it that all others need not look at a clock */
static void *watch(void *data)
{
	const struct crew *crew = data;
	u64 end;

	for (;;) {
		t1x_sleep_ms(WATCH_MS);
		end = __atomic_load_n(&crew->deadline, __ATOMIC_SEQ_CST);
		if (end && t1x_now_ms() >= end)
			tell_hang(crew);
	}
	return NULL;
}

static void set_deadline(struct crew *crew, u64 ms)
{
	__atomic_store_n(&crew->deadline, ms, __ATOMIC_SEQ_CST);
}

/* In one mapping, which a fork copies sooner than two for each thread */
static void *stacks(void)
{
	void *at = mmap(NULL, THREADS * STACK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t1x_require(at != MAP_FAILED, "no memory");
	return at;
}

static void start_thread(void *(*fn)(void *data), struct crew *crew,
			 void *stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK_SIZE);
	ret = pthread_create(&thread, &attr, fn, crew);
	t1x_require(!ret, "pthread_create: %s", strerror(ret));
}

struct crew *t1x_crew_create(struct target *target)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *stack = stacks();
	int i;

	t1x_require(crew != MAP_FAILED, "no memory");
	crew->target = target;
	for (i = 0; i < MAX_MEMBERS; i++)
		crew->member[i].crew = crew;
	for (i = 0; i < THREADS; i++, stack += STACK_SIZE)
		start_thread(i ? live : watch, crew, stack);
	return crew;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* The children that are to be killed are there before anybody may go */
static void bear_children(struct crew *crew)
{
	int i, child;
	pid_t pid;

	memset(crew->pid, 0, sizeof(crew->pid));
	for (i = 0; i < crew->n; i++) {
		child = crew->member[i].child;
		if (!child || crew->pid[child])
			continue;
		pid = t1x_fork();
		if (!pid)
			be_child(crew, child);
		crew->pid[child] = pid;
	}
	wait_until(&crew->born, crew->n - crew->nown);
}

static void kill_children(const struct crew *crew)
{
	int child;

	for (child = 1; child <= MAX_CHILDREN && crew->pid[child]; child++) {
		u64 end = now_ns() + any_moment(MAX_LIFE_ORDER);

		while (now_ns() < end)
			;
		kill(crew->pid[child], SIGKILL);
	}
}

/* What the dead have left half done may have been done or not */
static void bury_children(struct crew *crew)
{
	struct history *h = &crew->history;
	u64 end;
	int i;

	for (i = 1; i <= MAX_CHILDREN && crew->pid[i]; i++)
		while (waitpid(crew->pid[i], NULL, 0) < 0 && errno == EINTR)
			;
	end = t1x_tick(h);
	for (i = 0; i < h->n; i++) {
		struct event *event = &h->event[i];

		if (!event->call.child || !event->begin || event->end)
			continue;
		event->unknown = true;
		event->end = end;
	}
}

/* True if some are children */
static bool line_up(struct crew *crew, int first)
{
	int i;

	crew->first = first;
	crew->nown = 0;
	crew->back = 0;
	crew->born = 0;
	crew->go = 0;
	crew->at_line = 0;
	for (i = 0; i < crew->n; i++) {
		struct member *member = &crew->member[i];

		member->delay = any_moment(MAX_DELAY_ORDER);
		if (!member->child)
			crew->own[crew->nown++] = member;
	}
	return crew->nown < crew->n;
}

/* Who has nobody to kill takes part: it is awake, and has a CPU */
static void run_with_own(struct crew *crew)
{
	int others = crew->nown - 1;

	set_and_wake(&crew->places, others, others);
	perform(crew->own[others]);
	count_up(&crew->back);
}

static void run_with_children(struct crew *crew)
{
	bear_children(crew);
	set_and_wake(&crew->go, 1, INT_MAX);
	set_and_wake(&crew->places, crew->nown, crew->nown);
	kill_children(crew);
}

void t1x_crew_run(struct crew *crew, int first)
{
	bool children;

	set_deadline(crew, t1x_now_ms() + PATIENCE_MS);
	children = line_up(crew, first);
	if (children)
		run_with_children(crew);
	else
		run_with_own(crew);
	wait_until(&crew->back, crew->nown);
	if (children)
		bury_children(crew);
	set_deadline(crew, 0);
}

void t1x_crew_run_alone(struct crew *crew, int first)
{
	struct history *h = &crew->history;
	int i;

	crew->n = 1;
	crew->member[0].child = 0;
	for (i = first; i < h->n; i++)
		h->event[i].thread = 0;
	crew->first = first;
	set_deadline(crew, t1x_now_ms() + PATIENCE_MS);
	make_calls(&crew->member[0]);
	set_deadline(crew, 0);
}
