// SPDX-License-Identifier: GPL-2.0-only
/*
 * takeover: be loaded in place of in-tree type1.
 *
 * Only an alias is written. modprobe adds the options of the name that it was asked for
 * to those of the module that it loads, so "options vfio_iommu_type1" lines hold, also
 * when they are changed later, and so does vfio_iommu_type1.NAME=VALUE on the kernel's
 * command line. A copy of them could only go stale.
 *
 * Where in-tree type1 is built into the kernel nothing ever asks for it by name; there a
 * line in modules-load.d does, at boot.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "kernels.h"
#include "memory.h"
#include "modprobe.h"
#include "module.h"
#include "say.h"

#define ALIAS_FILE "/etc/modprobe.d/vfio-type1x-takeover.conf"
#define LOAD_FILE "/etc/modules-load.d/vfio-type1x-takeover.conf"

static const char alias_text[] =
	"# By \"vfio-type1x takeover on\"; \"vfio-type1x takeover off\" removes it.\n"
	"# Options of either name are honoured.\n"
	"alias " T1X_INTREE " " T1X_OURS "\n";

static const char load_text[] =
	"# By \"vfio-type1x takeover on\", which makes it an alias of the later one.\n"
	"# In-tree type1 is built into the kernel and stays, but the later one serves.\n" T1X_INTREE
	"\n";

struct choice {
	bool force; /* also where the module is missing */
	bool no_initramfs; /* leave it as it is */
};

static int write_path(const char *path, const char *text)
{
	FILE *stream = fopen(path, "w");
	bool failed;

	if (!stream)
		return -errno;
	failed = fputs(text, stream) < 0;
	failed |= fflush(stream) || fsync(fileno(stream));
	failed |= fclose(stream) != 0;
	return failed ? -errno : 0;
}

/* All of a file or nothing; modprobe reads none whose name ends like this. */
static int replace(const char *path, const char *text)
{
	char *temporary = t1x_format("%s.new", path);
	char *dir = t1x_copy(path);
	int ret;

	*strrchr(dir, '/') = '\0';
	mkdir(dir, 0755);
	ret = write_path(temporary, text);
	if (!ret && rename(temporary, path))
		ret = -errno;
	if (ret)
		unlink(temporary);
	free(dir);
	free(temporary);
	return ret;
}

static int write_file(const char *file, const char *text)
{
	char *path = t1x_path("%s", file);
	int ret = replace(path, text);

	if (ret)
		ret = t1x_fail("%s cannot be written: %s", path,
			       t1x_strerror(-ret));
	free(path);
	return ret;
}

static int remove_file(const char *file)
{
	char *path = t1x_path("%s", file);
	int ret = T1X_OK;

	if (unlink(path) && errno != ENOENT)
		ret = t1x_fail("%s cannot be removed: %s", path,
			       t1x_strerror(errno));
	free(path);
	return ret;
}

static int run(const char *const *command)
{
	int status;
	pid_t pid;

	/* What it prints comes after what was printed before. */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execv(command[0], (char *const *)command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return t1x_fail("%s cannot be run: %s", command[0],
				strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return t1x_fail("%s failed: early boot stays as it was",
				command[0]);
	return T1X_OK;
}

static bool is_other_root(void)
{
	char *root = t1x_path("%s", "");
	bool other = *root;

	free(root);
	return other;
}

/*
 * An initramfs may load vfio-pci before the root file system is there, and has a copy of
 * modprobe.d of its own.
 */
static int update_initramfs(const struct choice *choice)
{
	static const char *const debian[] = { "/usr/sbin/update-initramfs",
					      "-u", "-k", "all", NULL };
	static const char *const dracut[] = { "/usr/bin/dracut",
					      "--regenerate-all", "--force",
					      NULL };

	if (choice->no_initramfs || is_other_root())
		return T1X_OK;
	if (t1x_file_exists("%s", debian[0]))
		return run(debian);
	if (t1x_file_exists("%s", dracut[0]))
		return run(dracut);
	printf("no update-initramfs, no dracut: if your initramfs has vfio, make it anew\n");
	return T1X_OK;
}

/* How many kernels have the module, and how many of these have in-tree type1 built in. */
static int count_ready(int *builtin)
{
	char **kernels = t1x_kernels();
	char **kernel;
	int ready = 0;

	*builtin = 0;
	for (kernel = kernels; kernel && *kernel; kernel++) {
		enum t1x_kernel state = t1x_kernel_read(*kernel);

		ready += state >= T1X_KERNEL_OURS;
		*builtin += state == T1X_KERNEL_OURS_BUILTIN;
	}
	t1x_dir_free(kernels);
	return ready;
}

/* With the alias and without the module, VFIO would have no type1 backend. */
static int check_module(int ready)
{
	char *running = t1x_kernel_running();
	enum t1x_kernel state = t1x_kernel_read(running);
	int ret = T1X_OK;

	if (!ready)
		ret = t1x_fail("no kernel has the module %s: install it first",
			       T1X_OURS);
	else if (state == T1X_KERNEL_INTREE || state == T1X_KERNEL_BUILTIN)
		ret = t1x_fail("kernel %s has no module %s: install it first",
			       running, T1X_OURS);
	free(running);
	return ret;
}

static int switch_on(const struct choice *choice)
{
	int builtin, ret;
	int ready = count_ready(&builtin);

	ret = choice->force ? T1X_OK : check_module(ready);
	if (!ret)
		ret = write_file(ALIAS_FILE, alias_text);
	if (!ret)
		ret = builtin ? write_file(LOAD_FILE, load_text) :
				remove_file(LOAD_FILE);
	if (!ret)
		ret = update_initramfs(choice);
	if (ret)
		return ret;

	printf("takeover: on\n");
	if (t1x_module_loaded(T1X_INTREE) && !t1x_module_loaded(T1X_OURS))
		printf("%s is loaded; after 'modprobe %s' %s serves what is opened then\n",
		       T1X_INTREE, T1X_INTREE, T1X_OURS);
	return T1X_OK;
}

static int switch_off(const struct choice *choice)
{
	char *other;
	int ret;

	if (remove_file(LOAD_FILE) | remove_file(ALIAS_FILE))
		return T1X_FAILED;
	other = t1x_modprobe_alias(T1X_INTREE, T1X_OURS);
	if (other) {
		ret = t1x_fail("%s has the alias too: remove it by hand",
			       other);
		free(other);
		return ret;
	}
	ret = update_initramfs(choice);
	if (ret)
		return ret;

	printf("takeover: off\n");
	if (t1x_module_loaded(T1X_OURS))
		printf("%s is loaded, and serves until 'modprobe -r %s' or a restart\n",
		       T1X_OURS, T1X_OURS);
	return T1X_OK;
}

/*
 * The options that the module gets, and what keeps modprobe from loading it: "install" always,
 * "blacklist" where it is asked for by its alias, but not where vfio's soft dependency asks.
 */
static void show_line(void *arg, const char *file, char *line)
{
	char *word = t1x_word(&line);
	char *module = t1x_word(&line);
	bool *in_the_way = arg;
	bool ours;

	if (!module)
		return;
	ours = t1x_modprobe_same(module, T1X_OURS);
	if (!strcmp(word, "options") &&
	    (ours || t1x_modprobe_same(module, T1X_INTREE))) {
		printf("  options    %s %s (%s)\n", module, t1x_rest(line),
		       file);
	} else if (ours &&
		   (!strcmp(word, "install") || !strcmp(word, "blacklist"))) {
		printf("  in the way %s %s (%s)%s\n", word, module, file,
		       *word == 'b' ?
			       ": vfio does not heed it, but 'modprobe " T1X_INTREE
			       "' and modules-load.d do" :
			       "");
		*in_the_way = true;
	}
}

/* Return: with the takeover on, does it hold on all kernels? */
static bool show_kernels(bool on)
{
	static const char *const consequences[] = {
		[T1X_KERNEL_NONE] = "",
		[T1X_KERNEL_INTREE] = ", so VFIO has no type1 backend there",
		[T1X_KERNEL_BUILTIN] = ", so the built-in type1 serves there",
		[T1X_KERNEL_OURS] = "",
		[T1X_KERNEL_OURS_BUILTIN] = "",
	};
	char *running = t1x_kernel_running();
	char **kernels = t1x_kernels();
	bool holds = true;
	char **kernel;

	for (kernel = kernels; kernel && *kernel; kernel++) {
		enum t1x_kernel state = t1x_kernel_read(*kernel);
		const char *consequence = on ? consequences[state] : "";

		printf("  kernel     %s%s: ", *kernel,
		       strcmp(*kernel, running) ? "" : " (runs now)");
		if (state == T1X_KERNEL_NONE)
			printf("has no VFIO type1\n");
		else
			printf("%s is %sinstalled%s\n", T1X_OURS,
			       state < T1X_KERNEL_OURS ? "not " : "",
			       consequence);
		holds &= !*consequence;
	}
	t1x_dir_free(kernels);
	free(running);
	return holds;
}

static void show_loaded(const char *name)
{
	struct t1x_module module;

	t1x_module_read(&module, name);
	if (!module.loaded)
		printf("  loaded     %s: no\n", name);
	else if (module.builtin)
		printf("  loaded     %s: built into the kernel\n", name);
	else
		printf("  loaded     %s: yes, references: %llu\n", name,
		       module.refs);
}

static int show_status(void)
{
	char *alias = t1x_modprobe_alias(T1X_INTREE, T1X_OURS);
	bool on = alias;
	bool in_the_way = false;
	bool holds;

	printf("takeover: %s\n", on ? "on" : "off");
	if (on)
		printf("  alias      %s\n", alias);
	free(alias);
	t1x_modprobe_each(show_line, &in_the_way);
	holds = show_kernels(on) && !in_the_way;
	show_loaded(T1X_OURS);
	show_loaded(T1X_INTREE);
	return on && !holds ? T1X_NO : T1X_OK;
}

int t1x_takeover(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "no-initramfs", no_argument, NULL, 'n' },
		{},
	};
	struct choice choice = {};
	const char *action;
	int c;

	/* Anew: main() has been through its own options. */
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "fn", options, NULL)) != -1) {
		if (c == 'f')
			choice.force = true;
		else if (c == 'n')
			choice.no_initramfs = true;
		else
			return t1x_usage(argv[0]);
	}
	if (argc - optind != 1)
		return t1x_usage(argv[0]);
	action = argv[optind];
	if (!strcmp(action, "on"))
		return switch_on(&choice);
	if (!strcmp(action, "off"))
		return switch_off(&choice);
	if (!strcmp(action, "status"))
		return show_status();
	return t1x_usage(argv[0]);
}
