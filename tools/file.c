// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "memory.h"

static const char *root = "";

void t1x_root_set(const char *dir)
{
	root = dir;
}

static char *path_of(const char *fmt, va_list ap)
{
	char path[PATH_MAX];

	vsnprintf(path, sizeof(path), fmt, ap);
	return t1x_format("%s%s", root, path);
}

/* The path that the arguments of a function with "..." name. */
#define PATH(fmt)                            \
	({                                   \
		char *path_;                 \
		va_list ap_;                 \
		va_start(ap_, fmt);          \
		path_ = path_of((fmt), ap_); \
		va_end(ap_);                 \
		path_;                       \
	})

char *t1x_path(const char *fmt, ...)
{
	return PATH(fmt);
}

bool t1x_file_exists(const char *fmt, ...)
{
	char *path = PATH(fmt);
	bool there = !access(path, F_OK);

	free(path);
	return there;
}

/* Files of the kernel say no size: read until the end. Return: 0 or -errno. */
static int read_all(int fd, char **text)
{
	size_t len = 0, room = 0;
	ssize_t n;

	*text = NULL;
	do {
		if (room - len < 2) {
			room = room ? 2 * room : 4096;
			*text = realloc(*text, room);
			if (!*text)
				return -ENOMEM;
		}
		n = read(fd, *text + len, room - len - 1);
		if (n > 0)
			len += n;
	} while (n > 0 || (n < 0 && errno == EINTR));

	(*text)[len] = '\0';
	return n < 0 ? -errno : 0;
}

static char *read_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	int ret;

	if (fd < 0)
		return NULL;
	ret = read_all(fd, &text);
	close(fd);
	if (ret) {
		free(text);
		errno = -ret;
		return NULL;
	}
	t1x_clean(text);
	return text;
}

char *t1x_file_read(const char *fmt, ...)
{
	char *path = PATH(fmt);
	char *text = read_path(path);

	free(path);
	return text;
}

char *t1x_file_line(const char *fmt, ...)
{
	char *path = PATH(fmt);
	char *text = read_path(path);

	free(path);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

bool t1x_file_number(u64 *value, const char *fmt, ...)
{
	char *path = PATH(fmt);
	char *text = read_path(path);
	char *at = text;
	char *line = t1x_line(&at);
	bool ok = t1x_next_number(&line, value);

	free(text);
	free(path);
	return ok;
}

int t1x_file_write(const char *text, const char *fmt, ...)
{
	char *path = PATH(fmt);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = 0;

	free(path);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

char *t1x_file_link(const char *fmt, ...)
{
	char *path = PATH(fmt);
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	free(path);
	if (len < 0)
		return NULL;
	target[len] = '\0';
	t1x_clean(target);
	return t1x_copy(target);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **t1x_dir_list(const char *fmt, ...)
{
	char *path = PATH(fmt);
	struct dirent **entries;
	char **names = NULL;
	int i, n;

	n = scandir(path, &entries, not_hidden, versionsort);
	free(path);
	if (n < 0)
		return NULL;
	for (i = 0; i < n; i++) {
		names = t1x_grow(names, i, sizeof(*names));
		names[i] = t1x_copy(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return t1x_grow(names, n, sizeof(*names));
}

void t1x_dir_free(char **names)
{
	char **name;

	for (name = names; name && *name; name++)
		free(*name);
	free(names);
}

bool t1x_mounted(const char *type)
{
	char *text = t1x_file_read("/proc/mounts");
	char *at = text;
	bool found = false;
	char *line;

	while (!found && (line = t1x_line(&at))) {
		char *word;

		t1x_word(&line);
		t1x_word(&line);
		word = t1x_word(&line);
		found = word && !strcmp(word, type);
	}
	free(text);
	return found;
}
