# SPDX-License-Identifier: GPL-2.0-only
# The commands of this project; kbuild reads Kbuild, the work is done in scripts/.

KDIR ?= /lib/modules/$(shell uname -r)/build
KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)

export LANE TEST CLIENT BACKEND IOMMU ACCEL OPS SEED SEQ WITHOUT ROW PROFILE

all: ## Build the module for KDIR= (the running kernel unless given)
	$(KBUILD) modules

debug: ## Build the module with its debug messages compiled in
	$(KBUILD) T1X_DEBUG=y modules

install: ## Install the module for the kernel of KDIR=
	$(KBUILD) modules_install

tools: ## Build vfio-type1x, which shows what the module does, into build/tools; STATIC=1: no libraries
	@$(MAKE) --no-print-directory -C tools

clean: ## Remove what was built here; the cache of kernels stays
	@[ ! -e Kbuild ] || [ ! -d $(KDIR) ] || $(KBUILD) clean
	rm -rf build

demo: ## See it work: a guest with VT-d, a device that does DMA, and qemu-img on nvme://
	@scripts/demo.sh

check: ## Every test in every lane; LANE= TEST= BACKEND=type1 IOMMU=amd choose one thing
	@scripts/check.sh check

check-full: ## The same with the large counts
	@T1X_FULL=1 scripts/check.sh check

check-upstream: ## The kernel's own vfio selftests; LANE= chooses one lane
	@scripts/check.sh upstream

clients: ## QEMU, qemu-img and testpmd as users of the module; LANE= CLIENT= BACKEND= choose
	@scripts/check.sh clients

differential: ## Random operations on in-tree and on type1x, compared; OPS= SEED= LANE=, SEQ=file: this one
	@scripts/differential.sh

kunit: ## The KUnit suites on the debug kernels; LANE= chooses one lane
	@scripts/check.sh kunit

guest: ## A shell in the test guest of LANE=, with the module loaded (BACKEND=type1: in-tree)
	@scripts/shell.sh

bench: ## Guest instructions of in-tree, type1x and iommufd, compared; LANE= IOMMU= ROW= PROFILE=1
	@scripts/bench.sh

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

.PHONY: all debug install tools clean demo check check-full check-upstream clients differential kunit guest \
	bench check-tools matrix style format sparse kdoc htmldocs layers help
