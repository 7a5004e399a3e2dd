// SPDX-License-Identifier: GPL-2.0-only
/*
 * takeover: be loaded in place of in-tree type1.
 */
#include "command.h"
#include "say.h"

int t1x_takeover(int argc, char **argv)
{
	return t1x_fail("%s is not built in: see README.md", argv[0]);
}
