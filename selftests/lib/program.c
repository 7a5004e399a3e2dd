// SPDX-License-Identifier: GPL-2.0-only
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What it is given to tidy up, once it is told to end */
#define TIDY_MS 10000

void t1x_program_start(struct t1x_program *program, const char *const argv[],
		       void (*prepare)(void))
{
	free(program->output);
	program->output = NULL;
	program->file = memfd_create("output", MFD_CLOEXEC);
	t1x_require(program->file >= 0, "memfd_create: %s", strerror(errno));
	program->pid = t1x_fork();
	if (program->pid)
		return;
	if (prepare)
		prepare();
	dup2(program->file, STDOUT_FILENO);
	dup2(program->file, STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(126);
}

void t1x_program_wait_output(struct t1x_program *program, unsigned int ms)
{
	u64 end = t1x_now_ms() + ms;
	struct stat st = {};

	while (!fstat(program->file, &st) && !st.st_size) {
		t1x_require(t1x_now_ms() < end, "nothing printed after %u ms",
			    ms);
		t1x_sleep_ms(10);
	}
}

/* All of it, and once more for the log */
static void read_output(struct t1x_program *program)
{
	char *line, *rest, *copy;
	struct stat st;

	t1x_require(!fstat(program->file, &st), "its output: %s",
		    strerror(errno));
	program->output = calloc(1, st.st_size + 1);
	t1x_require(pread(program->file, program->output, st.st_size, 0) ==
			    st.st_size,
		    "its output: %s", strerror(errno));
	close(program->file);
	copy = strdup(program->output);
	rest = copy;
	while ((line = strsep(&rest, "\n")))
		if (rest || *line)
			printf("# %s\n", line);
	free(copy);
}

int t1x_program_end(struct t1x_program *program, unsigned int ms)
{
	int status = 0;
	int ret = t1x_wait(program->pid, ms, &status);

	if (ret) {
		kill(program->pid, SIGTERM);
		if (t1x_wait(program->pid, TIDY_MS, NULL)) {
			kill(program->pid, SIGKILL);
			t1x_wait(program->pid, TIDY_MS, NULL);
		}
	}
	read_output(program);
	t1x_require(!ret && WIFEXITED(status), "it did not end by itself");
	return WEXITSTATUS(status);
}
