// SPDX-License-Identifier: GPL-2.0-only
#include "../dirty_bitmap.c"
