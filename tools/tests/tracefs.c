// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracefs in a folder of files, linked into the program for its tests: mkdir of an
 * instance fills it as tracefs does; rmdir empties it, and writes to the file "log"
 * of the folder what had been written to it. Its trace_pipe is that of the folder.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "tracefs.h"

#define EVENTS "events/vfio_type1x"

static const char *const dirs[] = { "events", EVENTS, EVENTS "/error" };

static const char *const files[] = {
	"trace_clock",		EVENTS "/enable",	EVENTS "/filter",
	EVENTS "/error/enable", EVENTS "/error/filter",
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

static char path_buffer[PATH_MAX];

static const char *below(const char *dir, const char *name)
{
	snprintf(path_buffer, sizeof(path_buffer), "%s/%s", dir, name);
	return path_buffer;
}

static bool is_instance(const char *path)
{
	return strstr(path, "/tracing/instances/");
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	int ret = __real_mkdir(path, mode);
	size_t i;

	if (ret || !is_instance(path))
		return ret;
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		__real_mkdir(below(path, dirs[i]), 0700);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		close(open(below(path, files[i]), O_CREAT | O_WRONLY, 0600));
	return symlink("../../trace_pipe", below(path, "trace_pipe"));
}

/* "FILE: what was written" to the log, if anything was. */
static void log_file(FILE *log, const char *dir, const char *name)
{
	FILE *file = fopen(below(dir, name), "r");
	char text[128];

	if (!file)
		return;
	if (fgets(text, sizeof(text), file))
		fprintf(log, "%s: %s\n", name, text);
	fclose(file);
}

int __wrap_rmdir(const char *path)
{
	FILE *log;
	size_t i;

	if (!is_instance(path))
		return __real_rmdir(path);
	log = fopen(below(path, "../../log"), "a");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		log_file(log, path, files[i]);
		unlink(below(path, files[i]));
	}
	for (i = ARRAY_SIZE(dirs); i; i--)
		__real_rmdir(below(path, dirs[i - 1]));
	unlink(below(path, "trace_pipe"));
	fprintf(log, "removed\n");
	fclose(log);
	return __real_rmdir(path);
}
