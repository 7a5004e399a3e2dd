/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest is, in the lines that every table begins with. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* Prints "kernel RELEASE" and "iommu NAME" */
void machine_print(void);

#endif
