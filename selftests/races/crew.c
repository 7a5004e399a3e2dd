// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
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
#define MAX_DELAY_ORDER 14 /* turns of a loop */
#define MAX_LIFE_ORDER 22 /* ns until a child is killed */

static void *live(void *data);

struct crew *t1x_crew_create(struct target *target)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i;

	t1x_require(crew != MAP_FAILED, "no memory");
	crew->target = target;
	for (i = 0; i < MAX_MEMBERS; i++) {
		struct member *member = &crew->member[i];
		pthread_t thread;
		int ret;

		member->crew = crew;
		sem_init(&member->start, 0, 0);
		sem_init(&member->done, 0, 0);
		ret = pthread_create(&thread, NULL, live, member);
		t1x_require(!ret, "pthread_create: %s", strerror(ret));
	}
	return crew;
}

static bool may_go(struct crew *crew)
{
	return __atomic_load_n(&crew->go, __ATOMIC_SEQ_CST);
}

/* A random moment, mostly an early one: below 2^order, by powers of two */
static int any_moment(int order)
{
	return t1x_below(1 << t1x_below(order + 1));
}

/* Waits at the line for the others, then makes its calls */
static void perform(struct member *member)
{
	struct crew *crew = member->crew;
	struct history *h = &crew->history;
	int thread = member - crew->member;
	int i;

	member->tid = syscall(SYS_gettid);
	__atomic_add_fetch(&crew->ready, 1, __ATOMIC_SEQ_CST);
	while (!may_go(crew))
		sched_yield();
	for (i = 0; i < member->delay; i++)
		__asm__ volatile("");
	for (i = crew->first; i < h->n; i++) {
		struct event *event = &h->event[i];

		if (event->thread != thread)
			continue;
		event->begin = t1x_tick(h);
		t1x_call_do(crew->target, &event->call, &event->answer);
		event->end = t1x_tick(h);
	}
}

static void *live(void *data)
{
	struct member *member = data;

	for (;;) {
		sem_wait(&member->start);
		perform(member);
		sem_post(&member->done);
	}
	return NULL;
}

static void *perform_once(void *data)
{
	perform(data);
	return NULL;
}

__attribute((noreturn)) static void be_child(struct crew *crew, int child)
{
	pthread_t thread;
	int i;

	for (i = 0; i < crew->n; i++)
		if (crew->member[i].child == child &&
		    pthread_create(&thread, NULL, perform_once,
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

/* pid is that of the member's process */
static void print_member(const struct crew *crew, const struct member *member,
			 pid_t pid)
{
	const struct history *h = &crew->history;
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

__attribute((noreturn)) static void tell_hang(const struct crew *crew,
					      const pid_t *pid)
{
	int i;

	printf("# %s: after %d s not all have come back\n", crew->what,
	       PATIENCE_MS / 1000);
	for (i = 0; i < crew->n; i++)
		print_member(crew, &crew->member[i],
			     pid[crew->member[i].child]);
	t1x_fail(__FILE__, __LINE__, "%s: hangs", crew->what);
}

static void wait_until_ready(struct crew *crew, const pid_t *pid)
{
	u64 end = t1x_now_ms() + PATIENCE_MS;

	while (__atomic_load_n(&crew->ready, __ATOMIC_SEQ_CST) < crew->n) {
		if (t1x_now_ms() >= end)
			tell_hang(crew, pid);
		sched_yield();
	}
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static void kill_children(const pid_t *pid)
{
	int child;

	for (child = 1; child <= MAX_CHILDREN && pid[child]; child++) {
		u64 end = now_ns() + any_moment(MAX_LIFE_ORDER);

		while (now_ns() < end)
			;
		kill(pid[child], SIGKILL);
	}
}

static bool is_done(struct member *member)
{
	struct timespec end;
	int ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	do {
		ret = sem_timedwait(&member->done, &end);
	} while (ret && errno == EINTR);
	return !ret;
}

/* What the dead have left half done may have been done or not */
static void bury(struct crew *crew, const pid_t *pid)
{
	struct history *h = &crew->history;
	u64 end;
	int i;

	for (i = 1; i <= MAX_CHILDREN && pid[i]; i++)
		if (t1x_wait(pid[i], PATIENCE_MS, NULL))
			tell_hang(crew, pid);
	end = t1x_tick(h);
	for (i = 0; i < h->n; i++) {
		struct event *event = &h->event[i];

		if (!event->call.child || !event->begin || event->end)
			continue;
		event->unknown = true;
		event->end = end;
	}
}

void t1x_crew_run(struct crew *crew, int first)
{
	pid_t pid[MAX_CHILDREN + 1] = { getpid() };
	int i;

	crew->first = first;
	crew->ready = 0;
	crew->go = false;
	for (i = 0; i < crew->n; i++) {
		struct member *member = &crew->member[i];
		int child = member->child;

		member->delay = any_moment(MAX_DELAY_ORDER);
		if (!child) {
			sem_post(&member->start);
		} else if (!pid[child]) {
			pid[child] = t1x_fork();
			if (!pid[child])
				be_child(crew, child);
		}
	}
	wait_until_ready(crew, pid);
	__atomic_store_n(&crew->go, true, __ATOMIC_SEQ_CST);

	kill_children(pid);
	for (i = 0; i < crew->n; i++)
		if (!crew->member[i].child && !is_done(&crew->member[i]))
			tell_hang(crew, pid);
	bury(crew, pid);
}

void t1x_crew_run_alone(struct crew *crew, int first)
{
	struct history *h = &crew->history;
	int i;

	crew->n = 1;
	crew->member[0].child = 0;
	for (i = first; i < h->n; i++)
		h->event[i].thread = 0;
	t1x_crew_run(crew, first);
}
