// SPDX-License-Identifier: GPL-2.0-only
#include "../user_bitmap.c"
#include "../dirty_log.c"
