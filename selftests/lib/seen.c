// SPDX-License-Identifier: GPL-2.0-only
#include "seen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "iova vaddr prot granule state pages leaves why pid\n"

static void path_of(char *path, size_t len, u64 id, const char *file)
{
	if (id)
		snprintf(path, len, "%s/%lu/%s", T1X_SEEN_DIR, id, file);
	else
		snprintf(path, len, "%s/%s", T1X_SEEN_DIR, file);
}

int t1x_seen_open(u64 id, const char *file, int flags)
{
	char path[128];
	int fd;

	path_of(path, sizeof(path), id, file);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static char *read_all(int fd)
{
	size_t len = 0, max = 65536;
	char *text = malloc(max);
	ssize_t n;

	while ((n = read(fd, text + len, max - len - 1)) > 0) {
		len += n;
		if (len + 1 < max)
			continue;
		max *= 2;
		text = realloc(text, max);
	}
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

char *t1x_seen_read(u64 id, const char *file)
{
	int fd = t1x_seen_open(id, file, O_RDONLY);
	char *text;

	t1x_require(fd >= 0, "%s of container %lu: %s", file, id,
		    strerror(-fd));
	text = read_all(fd);
	t1x_require(text, "reading %s of container %lu: %s", file, id,
		    strerror(errno));
	close(fd);
	return text;
}

static bool is_mine(u64 id)
{
	int fd = t1x_seen_open(id, "info", O_RDONLY), pid = 0;
	char *text, *owner;

	if (fd < 0)
		return false;
	text = read_all(fd);
	close(fd);
	owner = text ? strstr(text, "\nowner ") : NULL;
	if (owner)
		sscanf(owner, "\nowner %d", &pid);
	free(text);
	return pid == getpid();
}

u64 t1x_seen_id(void)
{
	DIR *dir = opendir(T1X_SEEN_DIR);
	struct dirent *entry;
	u64 newest = 0, id;

	t1x_require(dir, "%s: %s", T1X_SEEN_DIR, strerror(errno));
	while ((entry = readdir(dir))) {
		id = strtoul(entry->d_name, NULL, 10);
		if (id > newest && is_mine(id))
			newest = id;
	}
	closedir(dir);
	return newest;
}

static void parse_leaves(const char *text, struct t1x_seen_map *map)
{
	u64 size, bytes, sum = 0;
	int len;

	map->in_iommu = strcmp(text, "-");
	if (!map->in_iommu)
		return;
	while (sscanf(text, "%lu:%lu%n", &size, &bytes, &len) == 2) {
		t1x_require(size && !(size & (size - 1)) && !(bytes % size),
			    "%lu bytes in IOMMU pages of %lu", bytes, size);
		map->bytes[__builtin_ctzl(size)] = bytes;
		sum += bytes;
		text += len;
		if (*text == ',')
			text++;
	}
	t1x_require(!*text, "leaves end with %s", text);
	t1x_require(sum == map->last - map->iova + 1,
		    "0x%lx bytes in IOMMU pages of a mapping of 0x%lx to 0x%lx",
		    sum, map->iova, map->last);
}

static bool parse_line(const char *text, struct t1x_seen_map *map)
{
	size_t len = strcspn(text, "\n");
	char line[2048], leaves[1024];

	memset(map, 0, sizeof(*map));
	if (len >= sizeof(line))
		return false;
	/* By itself: sscanf() would first look for the end of all lines */
	memcpy(line, text, len);
	line[len] = 0;
	if (sscanf(line, "0x%lx-0x%lx 0x%lx %3s %lu %15s %lu %1023s %15s %d",
		   &map->iova, &map->last, &map->vaddr, map->prot,
		   &map->granule, map->state, &map->pages, leaves, map->why,
		   &map->pid) != 10)
		return false;
	parse_leaves(leaves, map);
	return map->iova <= map->last &&
	       map->pages == (map->last - map->iova) / T1X_PAGE + 1;
}

void t1x_seen_parse_maps(const char *text, struct t1x_seen_maps *maps)
{
	struct t1x_seen_map *map;
	int max = 64;

	t1x_require(!strncmp(text, HEADER, strlen(HEADER)),
		    "maps begins with %.60s", text);
	maps->n = 0;
	maps->map = malloc(max * sizeof(*map));
	for (text += strlen(HEADER); *text; text = strchr(text, '\n') + 1) {
		if (maps->n == max) {
			max *= 2;
			maps->map = realloc(maps->map, max * sizeof(*map));
		}
		map = &maps->map[maps->n++];
		t1x_require(parse_line(text, map), "a line of maps: %.*s",
			    (int)strcspn(text, "\n"), text);
		t1x_require(maps->n == 1 || map[-1].last < map->iova,
			    "0x%lx comes after 0x%lx", map->iova, map[-1].last);
	}
}

void t1x_seen_maps(u64 id, struct t1x_seen_maps *maps)
{
	char *text = t1x_seen_read(id, "maps");

	t1x_seen_parse_maps(text, maps);
	free(text);
}

void t1x_seen_free(struct t1x_seen_maps *maps)
{
	free(maps->map);
	maps->map = NULL;
	maps->n = 0;
}

const struct t1x_seen_map *t1x_seen_find(const struct t1x_seen_maps *maps,
					 u64 iova)
{
	int i;

	for (i = 0; i < maps->n; i++)
		if (maps->map[i].iova == iova)
			return &maps->map[i];
	return NULL;
}

/* Where a line begins with some words, or NULL */
static const char *find_line(const char *text, const char *words)
{
	size_t len = strlen(words);

	for (; *text; text++) {
		if (!strncmp(text, words, len) &&
		    (text[len] == ' ' || text[len] == '\n'))
			return text;
		text = strchr(text, '\n');
		if (!text)
			break;
	}
	return NULL;
}

u64 t1x_seen_value(const char *text, const char *key)
{
	const char *line = find_line(text, key);

	t1x_require(line, "there is no %s in:\n%s", key, text);
	return strtoul(line + strlen(key), NULL, 0);
}

u64 t1x_seen_number(u64 id, const char *file, const char *key)
{
	char *text = t1x_seen_read(id, file);
	u64 value = t1x_seen_value(text, key);

	free(text);
	return value;
}

bool t1x_seen_has(const char *text, const char *line)
{
	const char *at = find_line(text, line);

	return at && at[strlen(line)] == '\n';
}

bool t1x_seen_line(u64 id, const char *file, const char *line)
{
	char *text = t1x_seen_read(id, file);
	bool found = t1x_seen_has(text, line);

	free(text);
	return found;
}

void t1x_seen_error(u64 id, char *buf, size_t len)
{
	char *text = t1x_seen_read(id, "errors"), *line, *end, *next;

	*buf = 0;
	if (*text) {
		for (line = text; (next = strchr(line, '\n')) && next[1];)
			line = next + 1;
		/* The seconds, and who it was */
		line = strchr(line, ' ') + 1;
		end = strstr(line, " by ");
		if (end)
			*end = 0;
		snprintf(buf, len, "%s", line);
	}
	free(text);
}
