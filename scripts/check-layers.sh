#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check-layers.sh: an include of a project header points only downwards; the version of the kernel
# is asked in compat.h alone; nothing can stop the machine.
. "$(dirname "$0")/common.sh"
cd "$top"

# layer NAME: the layer of a header or source file, by its name without .c or .h.
layer() {
	case $1 in
	alloc | call | compat | params | vfio_driver_ops | vfio_type1x) echo 0 ;;
	pgsize | dirty_bitmap | trace) echo 1 ;;
	census | journal | uapi | iova_space | user_bitmap) echo 2 ;;
	account | dma_tracker | domain) echo 3 ;;
	copy | dirty_report | dma_record | domains | external | pin) echo 4 ;;
	backing | dirty_log | emulated | vaddr) echo 5 ;;
	backing_clear | emulated_pin | map) echo 6 ;;
	group | unmap) echo 7 ;;
	container) echo 8 ;;
	debugfs | ioctl) echo 9 ;;
	vfio_iommu_type1x) echo 10 ;;
	whole) echo 11 ;;
	*) echo unknown ;;
	esac
}

bad=0
complain() {
	echo "$1"
	bad=1
}

for file in *.c include/*.h include/uapi/linux/*.h; do
	[ -e "$file" ] || continue
	case $file in *.mod.c) continue ;; esac # kbuild's
	own=$(basename "${file%.[ch]}")
	mine=$(layer "$own")
	[ "$mine" != unknown ] || complain "$file: not in the table of layers: add it to scripts/check-layers.sh"
	while IFS=: read -r line header; do
		other=$(basename "${header%.[ch]}")
		theirs=$(layer "$other")
		if [ "$theirs" = unknown ]; then
			complain "$file:$line: includes \"$header\", which is no project header"
		elif [ "$own" != "$other" ] && [ "$theirs" -gt 0 ] && [ "$theirs" -ge "$mine" ]; then
			complain "$file:$line: \"$header\" is not below $own: an include points only downwards"
		fi
	done < <(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file" |
		while read -r h; do grep -n -m 1 "include.*\"$h\"" "$file" | sed "s|:.*|:$h|"; done)
done

# Nothing is left out of the module, and nothing comes before what it stands on.
below=0
while read -r file; do
	[ "$(layer "${file%.c}")" -ge "$below" ] || complain "whole.c: $file is below the file before it"
	below=$(layer "${file%.c}")
done < <(sed -n 's/^#include "\(.*\.c\)"$/\1/p' whole.c)
for file in *.c; do
	case $file in *.mod.c | trace.c | whole.c) continue ;; esac
	[ "$(grep -c "^#include \"$file\"$" whole.c)" = 1 ] || complain "whole.c: does not include $file once"
done

# The table in the documentation is the same one.
while read -r number name; do
	[ "$number" = "$(layer "$name")" ] ||
		complain "Documentation/design.rst: $name.c is in layer $(layer "$name"), not $number"
done < <(sed -n 's/^\([0-9]\+\) *\([a-z0-9_]*\)\.c .*/\1 \2/p' Documentation/design.rst)
for file in *.c; do
	case $file in *.mod.c) continue ;; esac
	grep -q "^[0-9]\+ *$file " Documentation/design.rst || complain "Documentation/design.rst: $file is in no layer"
done

sources=$(git ls-files '*.c' '*.h' | grep -Ev '^(selftests|qemu|bench|tools)/') ||
	die "git does not tell which files there are"
for file in $sources; do
	case $file in
	include/compat.h | kunit/compat.h) ;;
	*) hits=$(grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION' "$file") &&
		complain "$file:${hits%%$'\n'*}: ask for the kernel's version in include/compat.h only" ;;
	esac
	hits=$(grep -nwE 'BUG|BUG_ON|panic' "$file" | grep -vE '^[0-9]+:[ \t]*(/?\*|//)') &&
		complain "$file:${hits%%$'\n'*}: no BUG_ON and no panic in this module"
done
exit $bad
