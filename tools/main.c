// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-type1x: shows what vfio_iommu_type1x does. The table below is the program.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "say.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args;
	const char *what;
} commands[] = {
	{ "status", t1x_status, "[-j]",
	  "Which backend serves which container and device" },
	{ "list", t1x_list, "[-j]", "The containers of vfio_iommu_type1x" },
	{ "show", t1x_show, "[-j] [ID]", "All about a container" },
	{ "maps", t1x_maps, "[-j] [ID]", "The mappings of a container" },
	{ "huge", t1x_huge, "[-j] [ID]",
	  "How much of one is in large IOMMU pages, and why not more" },
	{ "explain", t1x_explain, "[-j] [ID]",
	  "Why the last calls failed, and what to do" },
	{ "monitor", t1x_monitor, "[-ej] [-n COUNT] [ID]",
	  "What happens, as it happens" },
	{ "check", t1x_check, "[-j]", "Is this machine ready?" },
	{ "takeover", t1x_takeover, "[-fn] on|off|status",
	  "Be loaded in place of in-tree type1" },
};

static const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int t1x_usage(const char *command)
{
	return t1x_fail("usage: vfio-type1x %s %s", command,
			command_find(command)->args);
}

static int help(void)
{
	size_t i;

	printf("usage: vfio-type1x [--root DIR] COMMAND ...\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %-22s %s\n", commands[i].name, commands[i].args,
		       commands[i].what);
	printf("\nID is the number of a container. Without it, explain and monitor tell of all\n"
	       "containers, the others of the one that there is. -j writes JSON.\n"
	       "Exit code: 0, 1 (the answer is no), 2 (not done).\n");
	return T1X_OK;
}

/* Behind the command is where people try it. */
static bool asks_for_help(char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--"); argv++)
		if (!strcmp(*argv, "-h") || !strcmp(*argv, "--help"))
			return true;
	return false;
}

static int command_help(const struct command *command)
{
	printf("usage: vfio-type1x [--root DIR] %s %s\n\n%s\n", command->name,
	       command->args, command->what);
	return T1X_OK;
}

/* A full disk or a closed pipe is no success. */
static int finish(int ret)
{
	if (fflush(stdout) || ferror(stdout))
		return t1x_fail(
			"the output cannot be written: make room, or read all of it");
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{},
	};
	const struct command *command;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			t1x_root_set(optarg);
			break;
		case 'h':
			return finish(help());
		case 'V':
			printf("vfio-type1x %s\n", T1X_VERSION);
			return finish(T1X_OK);
		default:
			return t1x_fail(
				"unknown option '%s': see 'vfio-type1x --help'",
				argv[optind - 1]);
		}
	}
	if (optind == argc)
		return t1x_fail("no command: see 'vfio-type1x --help'");
	if (!strcmp(argv[optind], "help"))
		return finish(help());
	command = command_find(argv[optind]);
	if (!command)
		return t1x_fail(
			"unknown command '%s': see 'vfio-type1x --help'",
			argv[optind]);
	if (asks_for_help(argv + optind))
		return finish(command_help(command));
	return finish(command->run(argc - optind, argv + optind));
}
