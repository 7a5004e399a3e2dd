// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arguments that most commands share: -j and the id of a container.
 */
#include <getopt.h>
#include <stdlib.h>

#include "command.h"
#include "container.h"
#include "say.h"

/* Which container is meant where none is named: the one that there is. */
static int only_container(unsigned long *id)
{
	unsigned long *ids;
	size_t n;
	int ret = T1X_OK;

	if (!t1x_container_ids(&ids, &n))
		return T1X_FAILED;
	if (n == 1)
		*id = ids[0];
	else if (!n)
		ret = t1x_fail(
			"vfio_iommu_type1x serves no container: see 'vfio-type1x status'");
	else
		ret = t1x_fail(
			"%zu containers are open: say which, 'vfio-type1x list' shows them",
			n);
	free(ids);
	return ret;
}

int t1x_args_id(const char *word, unsigned long *id)
{
	u64 number;

	if (!t1x_number(word, &number) || !number)
		return t1x_fail(
			"'%s' is no number of a container: 'vfio-type1x list' shows which there are",
			word);
	*id = number;
	return T1X_OK;
}

int t1x_args_parse(int argc, char **argv, enum t1x_operand operand,
		   struct t1x_args *args)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{},
	};
	int operands = operand == T1X_NO_ID ? 0 : 1;
	int c;

	*args = (struct t1x_args){};
	/* Anew: main() has been through its own options. */
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		if (c != 'j')
			return t1x_usage(argv[0]);
		args->json = true;
	}
	if (argc - optind > operands)
		return t1x_usage(argv[0]);
	if (optind < argc)
		return t1x_args_id(argv[optind], &args->id);
	return operand == T1X_ONE ? only_container(&args->id) : T1X_OK;
}
