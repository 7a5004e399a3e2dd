// SPDX-License-Identifier: GPL-2.0-only
#include "../emulated.c"
#include "../external.c"
