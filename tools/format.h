/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For functions that take a format and its arguments: which argument is the format?
 */
#ifndef T1X_FORMAT_H
#define T1X_FORMAT_H

#define T1X_FORMAT(n) __attribute((format(printf, n, (n) + 1)))

#endif
