#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2154 # lib.sh lies beside it in the guest; variables come from init
# QEMU with -device vfio-pci: a v2 container with all the memory of a guest in the guest, which
# drives the nvme that it was given by its own kernel's driver.
. /clients/lib.sh

watch_ioctls
boot_inner "t1x=nvme" -machine q35 -device "vfio-pci,host=$nvme"
report_boot
report_drive
report_backend
