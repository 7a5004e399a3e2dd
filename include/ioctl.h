/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls of a container: a request is read from the user's memory, checked by
 * uapi.c, handed to whoever does it, and answered.
 */
#ifndef T1X_IOCTL_H
#define T1X_IOCTL_H

#include <linux/compiler.h>

struct t1x_container;

long t1x_ioctl_check_extension(struct t1x_container *container,
			       unsigned long extension);
long t1x_ioctl_run(struct t1x_container *container, unsigned int cmd,
		   void __user *arg);

#endif /* T1X_IOCTL_H */
