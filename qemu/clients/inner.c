// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the guest inside the guest, its PID 1: a shell and its tools would take TCG
 * in TCG longer than all the rest. What it does is the kernel's command line, what it finds goes to
 * its console, as "inner: NAME TEXT".
 *	t1x=nvme t1x.seed=N	write a pattern to the drive in blocks of many sizes, read it back
 *	t1x=mtty		leave bytes in a serial port, wait for a line, look for them
 * The outer guest runs it too, to look at the drive with its own driver:
 *	inner verify FILE SEED
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#define DRIVE "/dev/nvme0n1"
#define SIZE (4UL << 20)
#define BLOCK 4096UL
#define MTTY_VENDOR 0x4348

static uint8_t *wrote, *found;

static void say(const char *fmt, ...)
{
	va_list args;

	printf("inner: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static void *buffer(void)
{
	void *mem = NULL;

	if (posix_memalign(&mem, BLOCK, SIZE)) {
		say("failed no memory");
		exit(1);
	}
	return mem;
}

/* Every word depends on its place, so that a block at a wrong place is seen. */
static void fill(uint8_t *mem, uint32_t seed)
{
	uint32_t *word = (uint32_t *)mem, i;

	for (i = 0; i < SIZE / sizeof(*word); i++)
		word[i] = (i + seed) * 2654435761U;
}

/* 4, 8, ... 256 KiB, and again: other sizes read than were written. */
static unsigned long block_size(unsigned int n, unsigned long left)
{
	unsigned long size = BLOCK << (n % 7);

	return size < left ? size : left;
}

static int transfer(int fd, uint8_t *mem, unsigned int phase, int to_drive)
{
	unsigned long at, size;
	unsigned int n = phase;
	ssize_t ret;

	for (at = 0; at < SIZE; at += size, n++) {
		size = block_size(n, SIZE - at);
		ret = to_drive ? pwrite(fd, mem + at, size, at) :
				 pread(fd, mem + at, size, at);
		if (ret != (ssize_t)size) {
			say("failed %s of %lu at %lu: %s",
			    to_drive ? "write" : "read", size, at,
			    ret < 0 ? strerror(errno) : "short");
			return -1;
		}
	}
	return n - phase;
}

static unsigned long differs_at(void)
{
	unsigned long at = 0;

	while (at < SIZE && wrote[at] == found[at])
		at++;
	return at;
}

static void do_nvme(uint32_t seed)
{
	int fd, tries, writes, reads;

	for (tries = 0; access(DRIVE, F_OK) && tries < 600; tries++)
		usleep(100000);
	fd = open(DRIVE, O_RDWR | O_DIRECT);
	if (fd < 0) {
		say("failed %s: %s", DRIVE, strerror(errno));
		return;
	}
	wrote = buffer();
	found = buffer();
	fill(wrote, seed);
	memset(found, 0, SIZE);

	writes = transfer(fd, wrote, 0, 1);
	if (writes < 0)
		return;
	reads = transfer(fd, found, 3, 0);
	if (reads < 0)
		return;
	if (differs_at() < SIZE)
		say("failed read differs at byte %lu", differs_at());
	else
		say("same %lu KiB in %d writes and %d reads", SIZE >> 10,
		    writes, reads);
	close(fd);
}

/* The first I/O BAR of mtty; sysfs reads and writes its ports one by one. */
static int open_mtty(void)
{
	const char *dir = "/sys/bus/pci/devices";
	unsigned int vendor;
	struct dirent *entry;
	char path[512];
	int fd = -1;
	FILE *file;
	DIR *devices = opendir(dir);

	while (devices && fd < 0 && (entry = readdir(devices))) {
		snprintf(path, sizeof(path), "%s/%s/vendor", dir,
			 entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%x", &vendor) != 1)
			vendor = 0;
		fclose(file);
		if (vendor != MTTY_VENDOR)
			continue;
		snprintf(path, sizeof(path), "%s/%s/resource0", dir,
			 entry->d_name);
		fd = open(path, O_RDWR);
	}
	if (devices)
		closedir(devices);
	return fd;
}

static void port_out(int fd, uint8_t value, unsigned int reg)
{
	if (pwrite(fd, &value, 1, reg) != 1)
		say("failed write of register %u: %s", reg, strerror(errno));
}

static uint8_t port_in(int fd, unsigned int reg)
{
	uint8_t value = 0;

	if (pread(fd, &value, 1, reg) != 1)
		say("failed read of register %u: %s", reg, strerror(errno));
	return value;
}

/* A 16550 */
#define UART_DATA 0
#define UART_FIFO 2
#define UART_LINE 3
#define UART_LINE_STATUS 5
#define UART_SCRATCH 7

/* mtty hands back what is written to it; a driver would fetch the bytes, here they stay in it. */
static void do_mtty(void)
{
	static const char left[] = "t1x-mtty";
	unsigned int n = strlen(left), i;
	char line[64], got[sizeof(left)] = "";
	int fd = open_mtty();

	if (fd < 0) {
		say("failed no mtty: %s", strerror(errno));
		return;
	}
	port_out(fd, 0x03, UART_LINE);
	port_out(fd, 0x07, UART_FIFO);
	port_out(fd, 0x01, UART_FIFO);
	port_out(fd, 0x5a, UART_SCRATCH);
	for (i = 0; i < n; i++)
		port_out(fd, left[i], UART_DATA);
	say("left %s in the port, line status 0x%x", left,
	    port_in(fd, UART_LINE_STATUS));

	if (!fgets(line, sizeof(line), stdin)) {
		say("failed nothing came from the console");
		return;
	}
	for (i = 0; i < n && port_in(fd, UART_LINE_STATUS) & 1; i++)
		got[i] = port_in(fd, UART_DATA);
	if (!strcmp(got, left) && port_in(fd, UART_SCRATCH) == 0x5a)
		say("same %s in the port, scratch register 0x5a", got);
	else
		say("failed found %s and 0x%x", got, port_in(fd, UART_SCRATCH));
}

static unsigned long argument(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoul(at + strlen(name), NULL, 0) : 0;
}

static void as_init(void)
{
	char line[1024] = "";
	FILE *file;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	file = fopen("/proc/cmdline", "r");
	if (!file || !fgets(line, sizeof(line), file))
		say("failed no command line");
	say("up, with %s IOMMU",
	    access("/sys/class/iommu/dmar0", F_OK) ? "no" : "an");
	if (strstr(line, "t1x=nvme"))
		do_nvme(argument(line, "t1x.seed="));
	else if (strstr(line, "t1x=mtty"))
		do_mtty();
	say("end");
	reboot(RB_POWER_OFF);
}

static int verify(const char *path, uint32_t seed)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		say("failed %s: %s", path, strerror(errno));
		return 1;
	}
	wrote = buffer();
	found = buffer();
	fill(wrote, seed);
	if (transfer(fd, found, 0, 0) < 0)
		return 1;
	if (differs_at() == SIZE)
		return 0;
	say("failed %s differs at byte %lu", path, differs_at());
	return 1;
}

int main(int argc, char **argv)
{
	if (getpid() == 1) {
		as_init();
		for (;;)
			pause();
	}
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return verify(argv[2], strtoul(argv[3], NULL, 0));
	fprintf(stderr, "usage: inner verify FILE SEED\n");
	return 2;
}
