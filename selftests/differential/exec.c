// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process A opens the container and the groups and works down the sequence;
 * what is B's is sent to B, its child, which has memory of its own at the same
 * addresses. All run one after the other: nothing depends on timing.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "container.h"
#include "exec.h"
#include "leak.h"
#include "memory.h"
#include "record.h"
#include "run.h"

#define RECORD_MAX (8 << 20)
#define SECONDS 60 /* for one sequence */
#define DEFAULT_ENTRIES 65535

struct run run;

static void do_drop(const struct op *op)
{
	t1x_say_ret(madvise((void *)op->arg[0], op->arg[1], MADV_DONTNEED));
}

static void do_prot(const struct op *op)
{
	/* PROT_READ and PROT_WRITE are 1 and 2 */
	t1x_say_ret(mprotect((void *)op->arg[0], op->arg[1], op->arg[2]));
}

static void (*const actions[OP_KINDS])(const struct op *op) = {
	[OP_ATTACH] = t1x_do_attach,
	[OP_DETACH] = t1x_do_detach,
	[OP_SET] = t1x_do_set,
	[OP_OPEN] = t1x_do_open,
	[OP_CLOSE] = t1x_do_close,
	[OP_MAP] = t1x_do_map,
	[OP_UNMAP] = t1x_do_unmap,
	[OP_UNMAPD] = t1x_do_unmap,
	[OP_DIRTY] = t1x_do_dirty,
	[OP_GET] = t1x_do_get,
	[OP_INFO] = t1x_do_info,
	[OP_EXT] = t1x_do_ext,
	[OP_RAW] = t1x_do_raw,
	[OP_DROP] = do_drop,
	[OP_PROT] = do_prot,
	[OP_TABLE] = t1x_do_table,
	[OP_PIN] = t1x_do_pin,
	[OP_UNPIN] = t1x_do_unpin,
	[OP_RW] = t1x_do_rw,
	[OP_MAPR] = t1x_do_map_range,
	[OP_UNMAPR] = t1x_do_unmap_range,
	[OP_DIRTYR] = t1x_do_dirty_range,
	[OP_PGSIZES] = t1x_do_pgsizes,
};

static void do_op(const struct op *op)
{
	t1x_say_nothing();
	actions[op->kind](op);
}

/* B: one operation in, its result out, until A goes or says so */
__attribute((noreturn)) static void serve(int sock)
{
	struct op op;
	int g;

	/* What A closes is to be closed */
	for (g = 0; g < G_COUNT; g++) {
		if (run.device[g] >= 0)
			close(run.device[g]);
		run.device[g] = -1;
	}
	t1x_memory_setup('B', run.memfd);
	send(sock, "", 1, 0);
	while (recv(sock, &op, sizeof(op), 0) == sizeof(op)) {
		do_op(&op);
		if (send(sock, t1x_said(), strlen(t1x_said()) + 1, 0) < 0)
			break;
	}
	_exit(0);
}

static void start_b(void)
{
	int pair[2];
	char ready;

	t1x_require(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair),
		    "socketpair: %s", strerror(errno));
	run.b = t1x_fork();
	if (!run.b) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	run.sock = pair[0];
	t1x_require(recv(run.sock, &ready, 1, 0) == 1, "B did not start");
}

static void stop_b(void)
{
	if (!run.b)
		return;
	close(run.sock);
	waitpid(run.b, NULL, 0);
	run.b = 0;
}

static void ask_b(const struct op *op)
{
	static char answer[T1X_LINE_MAX];
	ssize_t n;

	if (!run.b)
		start_b();
	t1x_require(send(run.sock, op, sizeof(*op), 0) == sizeof(*op),
		    "B is gone");
	n = recv(run.sock, answer, sizeof(answer), 0);
	t1x_require(n > 0, "B has died");
	t1x_say_nothing();
	t1x_say("%s", answer);
}

/* Locked memory of both, and how many mappings are left to make */
static void say_state(void)
{
	u64 buf[512];
	const struct vfio_iommu_type1_info_dma_avail *cap = NULL;
	struct t1x c = { .fd = run.container };

	if (!__t1x_get_info(&c, buf, sizeof(buf)))
		cap = t1x_cap_find(buf, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	t1x_say_state(t1x_locked(), run.b ? t1x_locked_of(run.b) : -1,
		      cap ? cap->avail : -1L);
}

static void step(const struct op *op)
{
	bool unmap = t1x_op_unmaps(op->kind);

	if (unmap)
		t1x_unpin_all();
	if (op->kind == OP_DIE) {
		t1x_say_nothing();
		stop_b();
	} else if (op->who == 'B') {
		ask_b(op);
	} else {
		do_op(op);
	}
	if (unmap || op->kind == OP_DETACH)
		t1x_say_callbacks();
	if (t1x_op_changes_state(op->kind))
		say_state();
}

/*
 * Should the kernel panic, the console ends with what it did last. Not always:
 * under the debug checks, a line on the console takes as long as an operation.
 */
static void show_step(const struct op *op)
{
	t1x_print_op(stdout, op);
	printf("\n");
	fflush(stdout);
}

static void set_param(const char *name, u64 value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", run.module,
		 name);
	t1x_require(!t1x_write_ulong(path, value), "writing %lu to %s", value,
		    path);
}

/* A; its record goes to out as it comes, so that a crash shows where it was */
static void run_seq(const struct seq *seq, const char *module, u32 handicap,
		    int out)
{
	bool debug = getenv("T1X_DEBUG_LANE");
	bool shown = getenv("T1X_DIFF_SEQ") || getenv("T1X_DIFF_SEED");
	long pins = t1x_pins();
	u32 entries = seq->entries ? seq->entries : DEFAULT_ENTRIES;
	int i;

	memset(&run, 0, sizeof(run));
	run.module = module;
	run.model = seq->model;
	run.unpin_first = debug && !seq->model;
	run.one_domain = debug && t1x_kernel_at_least(6, 18);
	run.memfd = t1x_memory_memfd();
	set_param("dma_entry_limit",
		  entries > handicap ? entries - handicap : 0);
	if (seq->granule)
		set_param("granule", seq->granule);
	if (seq->limit) {
		t1x_drop_ipc_lock();
		t1x_set_memlock(seq->limit * T1X_PAGE);
	}
	t1x_open_groups();
	t1x_memory_setup('A', run.memfd);

	for (i = 0; i < seq->n; i++) {
		if (shown)
			show_step(&seq->op[i]);
		step(&seq->op[i]);
		dprintf(out, "%s\n", t1x_said());
	}

	stop_b();
	t1x_close_groups();
	set_param("dma_entry_limit", DEFAULT_ENTRIES);
	if (seq->granule)
		set_param("granule", 0);
	dprintf(out, "end: A %ld pins %ld\n", t1x_locked(), t1x_pins() - pins);
}

/* One after the other on one CPU: to wake one on another takes as long as a step */
static void stay_on_this_cpu(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	t1x_require(!sched_setaffinity(0, sizeof(here), &here),
		    "sched_setaffinity: %s", strerror(errno));
}

char *t1x_exec(const struct seq *seq, const char *module, u32 handicap)
{
	int out = t1x_memory_memfd();
	int status, ret;
	char *record;
	ssize_t len;
	pid_t pid;

	ftruncate(out, 0);
	pid = t1x_fork();
	if (!pid) {
		stay_on_this_cpu();
		run_seq(seq, module, handicap, out);
		_exit(0);
	}
	ret = t1x_wait(pid, SECONDS * 1000, &status);
	if (ret) {
		kill(pid, SIGKILL);
		t1x_wait(pid, 5000, NULL);
		dprintf(out, "hangs\n");
	} else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		dprintf(out, "died of status 0x%x\n", status);
	}

	record = calloc(1, RECORD_MAX);
	t1x_require(record, "no memory");
	len = pread(out, record, RECORD_MAX - 1, 0);
	close(out);
	record = realloc(record, len < 0 ? 1 : len + 1);
	return record;
}
