# SPDX-License-Identifier: GPL-2.0-only
# The commands of this project; kbuild reads Kbuild, the work is done in scripts/.

KDIR ?= /lib/modules/$(shell uname -r)/build
# "make kernelrelease" over Debian's 6.1 headers says 6.1.192 of 6.1.0-56-amd64.
RELEASE = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR) KERNELRELEASE=$(RELEASE)
DEPMOD = PATH=$$PATH:/usr/sbin:/sbin depmod $(INSTALL_MOD_PATH:%=-b %) $(RELEASE)

# Where "make install" puts things: DESTDIR is before all paths, PREFIX is for the tool.
PREFIX ?= /usr/local
INSTALL_MOD_PATH ?= $(DESTDIR)
VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' vfio_iommu_type1x.c)
DKMS_DIR := /usr/src/vfio-iommu-type1x-$(VERSION)
# Headers without the key that signed the kernel sign no module, and would say so at length.
UNSIGNED = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

export LANE TEST CLIENT BACKEND IOMMU ACCEL OPS SEED SEQ WITHOUT ITER ROW PROFILE

all: module tools ## Build the module for KDIR= (the running kernel unless given) and the tool

module: ## The module alone
	$(KBUILD) modules

debug: ## Build the module with its debug messages compiled in
	$(KBUILD) T1X_DEBUG=y modules

install: install-module install-tools install-headers ## Install what "make" built; DESTDIR= PREFIX=

install-module: ## Install the module for the kernel of KDIR=, and tell modprobe
	$(KBUILD) INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) $(UNSIGNED) modules_install
	$(DEPMOD)

install-tools: ## Install the tool, its manual pages, and the hooks for an initramfs
	$(MAKE) -C tools PREFIX=$(PREFIX) install

install-headers: ## Install linux/vfio_type1x.h, for programs
	install -D -m 644 include/uapi/linux/vfio_type1x.h \
		$(DESTDIR)$(PREFIX)/include/linux/vfio_type1x.h

install-dkms: ## Put the module's source where "dkms install vfio-iommu-type1x/VERSION" finds it
	install -d $(DESTDIR)$(DKMS_DIR)/include $(DESTDIR)$(DKMS_DIR)/scripts
	install -m 644 Kbuild $(filter-out %.mod.c,$(wildcard *.c)) $(DESTDIR)$(DKMS_DIR)
	install -m 644 include/*.h $(DESTDIR)$(DKMS_DIR)/include
	install -m 644 scripts/abi-guard*.[ch] $(DESTDIR)$(DKMS_DIR)/scripts
	install -m 755 scripts/abi-guard.sh $(DESTDIR)$(DKMS_DIR)/scripts
	cp -r --no-preserve=mode include/uapi $(DESTDIR)$(DKMS_DIR)/include
	sed 's/\#MODULE_VERSION\#/$(VERSION)/' dkms.conf >$(DESTDIR)$(DKMS_DIR)/dkms.conf

uninstall: ## Remove what "make install" installed; the takeover is switched off first
	[ "$(DESTDIR)" ] || [ ! -x $(PREFIX)/sbin/vfio-type1x ] || $(PREFIX)/sbin/vfio-type1x takeover off
	$(MAKE) -C tools PREFIX=$(PREFIX) uninstall
	rm -f $(DESTDIR)$(PREFIX)/include/linux/vfio_type1x.h
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/updates/vfio-iommu-type1x.ko* \
		$(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/extra/vfio-iommu-type1x.ko*
	$(DEPMOD)

deb: ## The Debian packages, into build/deb
	@scripts/deb.sh

tools: ## Build vfio-type1x, which shows what the module does, into build/tools; STATIC=1: no libraries
	@$(MAKE) --no-print-directory -C tools

clean: ## Remove what was built here; the cache of kernels stays
	@[ ! -e Kbuild ] || [ ! -d $(KDIR) ] || $(KBUILD) clean
	rm -rf build

demo: ## See it work: a guest with VT-d, a device that does DMA, and qemu-img on nvme://
	@scripts/demo.sh

check: ## The tests, in the lanes that CI has; LANE= TEST= BACKEND=type1 IOMMU=amd choose one thing
	@scripts/check.sh check

check-full: ## All of them in all lanes, with the large counts: two hours and more
	@T1X_FULL=1 scripts/check.sh check

check-upstream: ## The kernel's own vfio selftests; LANE= chooses one lane
	@scripts/check.sh upstream

clients: ## QEMU, qemu-img and testpmd as users of the module; LANE= CLIENT= BACKEND= choose
	@scripts/check.sh clients

differential: ## Random operations on in-tree and on type1x, compared; OPS= SEED= LANE=, SEQ=file: this one
	@scripts/differential.sh

races: ## Each kind of call against each other, in any order; ITER= races of each pair, SEED= LANE= TEST=
	@scripts/races.sh

kunit: ## The KUnit suites on the debug kernels; LANE= chooses one lane
	@scripts/check.sh kunit

check-packages: ## The packages, from lintian to a Debian 12 guest that is taken over and back
	@scripts/check-packages.sh

guest: ## A shell in the test guest of LANE=, with the module loaded (BACKEND=type1: in-tree)
	@scripts/shell.sh

bench: ## In-tree, type1x and iommufd compared: instructions, and threads; LANE= IOMMU= ROW= PROFILE=1
	@scripts/bench.sh

bench-concurrency: ## Of that, the time that threads lose to each other, alone; LANE= IOMMU=
	@scripts/bench.sh concurrency

check-tools: ## The tests of vfio-type1x, without a guest; T1X_UPDATE=1 takes its outputs over
	@scripts/check-tools.sh

matrix: ## Build for every kernel with W=1, warnings are errors
	@scripts/check.sh matrix

style: ## checkpatch --strict, clang-format, shellcheck
	@scripts/style.sh

format: ## Rewrite the C files as clang-format wants them
	@scripts/style.sh format

sparse: ## sparse over the module and KUnit, built for 6.12
	@scripts/static.sh sparse

kdoc: ## Every kernel-doc comment is complete, and the pages of Documentation/ are right
	@scripts/static.sh kdoc
	@scripts/htmldocs.sh

htmldocs: ## Documentation/ as HTML in build/htmldocs; warnings are errors
	@scripts/htmldocs.sh

layers: ## Includes point only downwards; version checks stay in compat.h; excuses have rows
	@scripts/check-layers.sh
	@scripts/check-rows.sh

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 18

.PHONY: all module debug install install-module install-tools install-headers install-dkms uninstall \
	deb tools clean demo check check-packages check-full check-upstream clients differential races \
	kunit guest bench bench-concurrency check-tools matrix style format sparse kdoc htmldocs layers help
