#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# style.sh [format]: checkpatch --strict and clang-format with the kernel's own rules, and
# the shell checker. With "format", let clang-format rewrite the files instead.
. "$(dirname "$0")/common.sh"
"$scripts/deps.sh"
cd "$top"
src=$("$scripts/kernel.sh" source $newest)

git ls-files --error-unmatch Makefile >/dev/null || die "git does not tell which files there are"
mapfile -t kernel_files < <(git ls-files '*.c' '*.h' | grep -Ev '^((selftests|qemu|bench|scripts|tools|Documentation)/|include/trace.h)' || true)
mapfile -t module_files < <(git ls-files 'selftests/modules/*.[ch]' 'selftests/t1x_emu/*.[ch]' 'bench/*/*.[ch]')
mapfile -t guard_files < <(git ls-files 'scripts/*.[ch]')
mapfile -t user_files < <(git ls-files '*.c' '*.h' | grep -E '^(selftests|qemu|bench|Documentation)/' | grep -Ev '^(selftests/(modules|t1x_emu)|bench/[^/]*)/' || true)
mapfile -t tool_files < <(git ls-files 'tools/*.[ch]')
mapfile -t shell_files < <(git ls-files '*.sh' .ci/run 'tools/bash-completion/*' 'tools/initramfs-tools/*' \
	'debian/*.postinst' 'debian/*.prerm' 'debian/*.postrm' 'debian/tests/*' ':!debian/tests/control')
kernel_files+=("${module_files[@]}")

if [ "${1:-}" = format ]; then
	clang-format --style="file:$src/.clang-format" -i "${kernel_files[@]}" "${user_files[@]}" "${tool_files[@]}" \
		"${guard_files[@]}"
	exit
fi

# User space has its own types, device registers there are volatile, and macros declare tests.
user_ignore=PREFER_KERNEL_TYPES,VOLATILE,EMBEDDED_FUNCTION_NAME,OPEN_ENDED_LINE
user_ignore=$user_ignore,COMPLEX_MACRO,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_ARG_REUSE
# A tool says whole paragraphs, for which clang-format breaks lines as it must.
tool_ignore=$user_ignore,SPLIT_STRING

# check NAME COMMAND...: quiet when it passes, its output and a line when not.
failed=0
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		say "$name: clean"
	else
		echo "$out" >&2
		say "$name: see above"
		failed=1
	fi
}

# shellcheck disable=SC2317 # called by check
patch_check() {
	perl "$src/scripts/checkpatch.pl" --no-tree --strict --terse --quiet --no-summary \
		--max-line-length=100 "$@"
}

# The macros of tracepoints are laid out as in the kernel's own headers, which fail these two.
check "checkpatch (trace)" patch_check --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f include/trace.h
# Versions are asked in compat.h alone: "make layers" sees to it. The guard's stub is never run.
check "checkpatch (kernel)" patch_check --ignore LINUX_VERSION_CODE -f "${kernel_files[@]}"
check "checkpatch (guard)" patch_check --ignore MACRO_ARG_REUSE -f "${guard_files[@]}"
check "checkpatch (user space)" patch_check --ignore "$user_ignore" -f "${user_files[@]}"
check "checkpatch (tools)" patch_check --ignore "$tool_ignore" -f "${tool_files[@]}"
check clang-format clang-format --style="file:$src/.clang-format" --dry-run -Werror \
	"${kernel_files[@]}" "${user_files[@]}" "${tool_files[@]}" "${guard_files[@]}"
check shellcheck shellcheck -x -P SCRIPTDIR "${shell_files[@]}" qemu/init
exit $failed
