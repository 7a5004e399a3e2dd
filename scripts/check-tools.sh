#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check-tools.sh: the tests of tools/, on folders of files that stand for machines. Prints "ok NAME"
# or "not ok NAME REASON" for each, and "1..N" at its end; exit 0 all passed, 1 not, 2 could not be
# run.
#   T1X_UPDATE=1  write the outputs to tools/tests/golden instead of comparing them
. "$(dirname "$0")/common.sh"
"$scripts/deps.sh"

tests=$top/tools/tests
work=$(mktemp -d "${TMPDIR:-/tmp}/t1x-tools.XXXXXX")
# Not when a child ends before it has become a program.
trap '[ $BASHPID != $$ ] || rm -rf "$work"' EXIT
chmod 755 "$work"
export COLUMNS=80 LC_ALL=C.UTF-8
failed=0
count=0

# result NAME [REASON...]: passed, unless there is a reason.
result() {
	local name=$1
	count=$((count + 1))
	shift
	if [ $# = 0 ]; then
		echo "ok $name"
	else
		echo "not ok $name $*"
		failed=1
	fi
}

# The one that is installed, static as for an initramfs, and one with sanitizers and a tracefs.
build_programs() {
	quietly "$build/logs/tools.log" "building tools/" \
		make -C "$top/tools" -j"$njobs" OUT="$build/tools/static" STATIC=1 CFLAGS="-O2 -g -Werror"
	quietly "$build/logs/tools.log" "building tools/ with sanitizers" \
		make -C "$top/tools" -j"$njobs" OUT="$build/tools/test" SANITIZE=1 CFLAGS="-O1 -g -Werror"
	# Where an unprivileged user can start them.
	cp "$build/tools/static/vfio-type1x" "$work/static"
	cp "$build/tools/test/vfio-type1x" "$work/test"
}

# plant_file PATH TEXT: a file, its folders, and a newline behind the text.
plant_file() {
	[ -d "${1%/*}" ] || mkdir -p "${1%/*}"
	printf '%b' "$2" >"$1"
}

# plant TREE DIR: make what tests/trees/TREE.tree says:
#   include TREE       all of that one, first
#   remove /PATH       what it has there
#   /PATH/             an empty folder
#   /PATH -> TARGET    a symbolic link
#   /PATH: TEXT        a file of a line, with backslashes as for printf
#   /PATH:             a file of the lines that follow, each behind a tab
plant() {
	local dir=$2 line file=
	[ -e "$tests/trees/$1.tree" ] || die "no tree $1 in tools/tests/trees"
	while IFS= read -r line; do
		case $line in
		'#'* | '') ;;
		include\ *) plant "${line#include }" "$dir" ;;
		remove\ *) rm -r "${dir:?}${line#remove }" ;;
		$'\t'*) printf '%b\n' "${line#?}" >>"$dir$file" ;;
		*/) mkdir -p "$dir$line" ;;
		*' -> '*)
			mkdir -p "$(dirname "$dir${line%% -> *}")"
			ln -sfn "${line#* -> }" "$dir${line%% -> *}"
			;;
		*': '*) plant_file "$dir${line%%: *}" "${line#*: }\n" ;;
		*:)
			file=${line%:}
			plant_file "$dir$file" ''
			;;
		*) die "tools/tests/trees/$1.tree: what is '$line'?" ;;
		esac
	done <"$tests/trees/$1.tree"
}

# tree TREE: its folder, planted once: $root.
tree() {
	[ -d "$work/trees/$1" ] || {
		mkdir -p "$work/trees/$1"
		plant "$1" "$work/trees/$1"
	}
	root=$work/trees/$1
}

# differs NAME FILE: is the output not what it was? Says where.
differs() {
	if [ "${T1X_UPDATE:-}" ]; then
		cp "$2" "$tests/golden/$1"
		return 1
	fi
	diff "$tests/golden/$1" "$2" >"$work/diff" 2>&1 && return 1
	sed 's/^/# /' "$work/diff"
}

# run PROGRAM DIR ARGUMENT...: the output with its exit code, in $work/out.
run() {
	local program=$1 dir=$2 ret=0
	shift 2
	timeout -k 1 20 "$work/$program" --root "$dir" "$@" >"$work/out" 2>&1 </dev/null || ret=$?
	cp "$work/out" "$work/json.out"
	echo "exit $ret" >>"$work/out"
	return $ret
}

# keep_json NAME ARGUMENT...: the last output is for the schema, if it is all JSON.
keep_json() {
	case " $* " in
	*' -j '* | *' --json '*) grep -v '^vfio-type1x: ' "$work/json.out" >"$work/json/$1.$2" ;;
	esac
}

# golden_case PROGRAMS NAME TREE EXIT ARGUMENT...
golden_case() {
	local programs=$1 name=$2 want=$4 root program ret
	# A monitor changes what there is.
	[ "$programs" != test ] || rm -rf "$work/trees/$3"
	tree "$3"
	shift 4
	for program in $programs; do
		ret=0
		run "$program" "$root" "$@" || ret=$?
		if [ -e "$root/sys/kernel/tracing/log" ]; then
			cat "$root/sys/kernel/tracing/log" >>"$work/out"
			rm "$root/sys/kernel/tracing/log"
		fi
		if differs "$name" "$work/out"; then
			result "$name" "the $program program's output is not golden/$name, see above"
			return
		elif [ "$ret" != "$want" ]; then
			result "$name" "the $program program ended with $ret, not $want"
			return
		fi
	done
	keep_json "$name" "$@"
	result "$name"
}

# golden_cases FILE PROGRAMS: all lines of one of the tables.
golden_cases() {
	local name tree want args
	mkdir -p "$work/json"
	while read -r name tree want args; do
		case $name in '#'* | '') continue ;; esac
		# shellcheck disable=SC2086 # words
		golden_case "$2" "$name" "$tree" "$want" $args
	done <"$tests/$1"
}

# A golden output without a case is of no use.
check_leftovers() {
	local file name left=
	for file in "$tests"/golden/*; do
		name=${file##*/}
		grep -q "^$name " "$tests/cases" "$tests/monitor_cases" || left="$left $name"
	done
	result golden_has_cases ${left:+"no case for:$left"}
}

check_schemas() {
	local word name reason
	while read -r word name reason; do
		[ "$word" != not ] || read -r name reason <<<"$reason"
		result "$name" ${reason:+"$reason"}
	done < <(/usr/bin/python3 "$tests/validate.py" "$tests/schema.json" "$work"/json/* ||
		echo "not ok schema validate.py failed")
}

# unprivileged COMMAND...: as nobody, if we are root.
unprivileged() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# What a user meets whom debugfs refuses, and whose own processes alone can be looked at.
check_unprivileged() {
	local root=$work/refused out ret=0
	mkdir "$root"
	plant one "$root"
	chmod 0 "$root/sys/kernel/debug" "$root/proc/1234/fd"
	out=$(unprivileged "$work/static" --root "$root" maps 3 2>&1) || ret=$?
	case $ret-$out in
	'2-vfio-type1x: '*'permission denied: run this as root') result unprivileged_maps ;;
	*) result unprivileged_maps "exit $ret: $out" ;;
	esac
	ret=0
	out=$(unprivileged "$work/static" --root "$root" status 2>&1) || ret=$?
	case $ret-$out in
	2-*'run this as root'*'vfio_iommu_type1x serves them'*) result unprivileged_status ;;
	*) result unprivileged_status "exit $ret: $out" ;;
	esac
	chmod 755 "$root/sys/kernel/debug"
	out=$(unprivileged "$work/static" --root "$root" status 2>&1) || ret=$?
	case $out in
	*'Processes that could not be looked at: 1; run this as root to see all.') result unprivileged_processes ;;
	*) result unprivileged_processes "$out" ;;
	esac
	chmod 755 "$root/proc/1234/fd"
}

# start_monitor ROOT OUT ERR: one whose trace_pipe never ends, in the background: $pid.
start_monitor() {
	mkfifo "$1/sys/kernel/tracing/trace_pipe"
	exec 7<>"$1/sys/kernel/tracing/trace_pipe"
	timeout -k 1 20 "$work/test" --root "$1" monitor >"$2" 2>"$3" 7<&- &
	pid=$!
}

# wait_for_line FILE: until something is in it, or ten seconds have passed.
wait_for_line() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ ! -s "$1" ] || break
		sleep 0.1
	done
}

# is_traced ROOT: is there an instance of ours?
is_traced() {
	compgen -G "$1/sys/kernel/tracing/instances/vfio-type1x-*" >/dev/null
}

# Told to end, it leaves no tracing behind.
check_monitor_signal() {
	local name=monitor_sig$1 root=$work/monitor_sig$1 pid ret=0
	mkdir "$root"
	plant traced "$root"
	start_monitor "$root" "$work/monitor_sig$1.out" "$work/err"
	wait_for_line "$work/monitor_sig$1.out"
	is_traced "$root" || ret="no instance"
	kill -s "$1" "$pid"
	wait "$pid" || ret=$?
	exec 7>&-
	if is_traced "$root" || [ "$ret" != 0 ] || [ -s "$work/err" ]; then
		result "$name" "ended with $ret: $(cat "$work/err" && ls "$root/sys/kernel/tracing/instances")"
	else
		result "$name"
	fi
}

# Nor does it when its reader is gone, which it learns by writing.
check_monitor_reader_gone() {
	local root=$work/reader_gone pid ret=0
	mkdir "$root"
	plant traced "$root"
	mkfifo "$work/pipe"
	head -n 1 "$work/pipe" >"$work/head" &
	local head=$!
	start_monitor "$root" "$work/pipe" "$work/err"
	wait $head
	echo '            qemu-1234    [001] .....    12.000001: detach: id=3 group=1' >&7
	wait "$pid" || ret=$?
	exec 7>&-
	if is_traced "$root" || [ "$ret" != 2 ] || ! grep -q 'cannot be written' "$work/err"; then
		result monitor_reader_gone "ended with $ret: $(cat "$work/err" && ls "$root/sys/kernel/tracing/instances")"
	else
		result monitor_reader_gone
	fi
}

# A disk that is full is no success.
check_full_output() {
	local ret=0
	tree one
	"$work/static" --root "$root" list >/dev/full 2>"$work/err" || ret=$?
	if [ $ret = 2 ] && grep -q 'cannot be written' "$work/err"; then
		result full_output
	else
		result full_output "ended with $ret: $(cat "$work/err")"
	fi
}

# in_root ROOT COMMAND...: with nothing but what is in that folder.
in_root() {
	local PATH=$PATH:/usr/sbin
	if [ "$(id -u)" = 0 ]; then
		chroot "$@"
	else
		unshare -r chroot "$@"
	fi
}

# Nothing but the program and the files: no library, no locale, no shell.
check_initramfs() {
	local root=$work/initramfs out
	mkdir "$root"
	plant one "$root"
	cp "$work/static" "$root/vfio-type1x"
	out=$(in_root "$root" /vfio-type1x maps 3 2>&1) || true
	case $out in
	*misaligned*) result initramfs ;;
	*) result initramfs "$out" ;;
	esac
}

# hook_runs NAME WANTED: what the hook of new headers runs, for kernel 6.1.
hook_runs() {
	local out
	out=$(in_root "$work/headers" /bin/busybox sh /hook 6.1 2>&1) || out="$out, exit code $?"
	if [ "$out" = "$2" ]; then
		result "headers_hook_$1"
	else
		result "headers_hook_$1" "'$out', not '$2'"
	fi
}

# The image of a kernel whose module is built late is made anew by what made it.
check_headers_hook() {
	local root=$work/headers file
	mkdir -p "$root/bin" "$root/boot" "$root/dev" "$root/etc/modprobe.d"
	touch "$root/dev/null"
	cp /bin/busybox "$root/bin/"
	cp "$top/tools/initramfs-tools/headers-hook" "$root/hook"
	for file in /usr/sbin/update-initramfs /etc/kernel/postinst.d/dracut; do
		# shellcheck disable=SC2016 # its own arguments
		plant_file "$root$file" '#!/bin/busybox sh\necho ${0##*/} "$@"\n'
		chmod 755 "$root$file"
	done
	touch "$root/boot/initrd.img-6.1"
	hook_runs off ""
	touch "$root/etc/modprobe.d/vfio-type1x-takeover.conf"
	hook_runs update_initramfs "update-initramfs -u -k 6.1"
	rm "$root/usr/sbin/update-initramfs"
	hook_runs dracut "dracut 6.1"
	rm "$root/boot/initrd.img-6.1"
	hook_runs no_image ""
	touch "$root/boot/initrd.img-6.1"
	rm "$root/etc/kernel/postinst.d/dracut"
	hook_runs neither ""
}

# As many mappings as there may be, in no more than two seconds of a CPU.
check_many_mappings() {
	local root=$work/many out
	mkdir "$root"
	plant one "$root"
	awk 'BEGIN {
		print "iova vaddr prot granule state pages leaves why pid"
		for (i = 0; i < 65535; i++)
			printf "0x%x-0x%x 0x%x rw 0 live 2 4096:8192 scattered 1234\n",
				i * 12288, i * 12288 + 8191, i * 12288
	}' >"$root/sys/kernel/debug/vfio_type1x/3/maps"
	out=$(ulimit -t 2 && timeout 60 "$work/static" --root "$root" maps 3 | wc -l) || true
	if [ "$out" = 65536 ]; then
		result many_mappings
	else
		result many_mappings "$out lines in two seconds of a CPU"
	fi
}

# wrong_files PAGE: the files in /etc that a page names and the program does not write; the alias,
# if it is not named.
wrong_files() {
	local named written alias
	named=$(sed 's/\\-/-/g' "$1" | grep -o '/etc/[^ ]*\.conf' || true)
	written=$(sed -n 's/^#define [A-Z]*_FILE "\(.*\)"$/\1/p' "$top/tools/takeover.c")
	alias=$(grep modprobe.d <<<"$written")
	grep -vxF "$written" <<<"$named" || true
	grep -qxF "$alias" <<<"$named" || echo "not $alias"
}

check_manuals() {
	local page said
	for page in "$top"/tools/*.[48]; do
		said=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null) || true
		result "manual_${page##*/}" ${said:+"$said"}
		said=$(wrong_files "$page" | paste -sd ' ')
		result "files_of_${page##*/}" ${said:+"names $said"}
	done
}

# complete_words WORD...: what bash would offer for the last one.
complete_words() {
	(
		. "$top/tools/bash-completion/vfio-type1x"
		# shellcheck disable=SC2034 # read by the completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_vfio_type1x
		echo "${COMPREPLY[*]}"
	)
}

# offers NAME WANTED WORD...
offers() {
	local name=$1 want=$2 have
	shift 2
	have=$(complete_words "$@")
	if [ "$have" = "$want" ]; then
		result "completion_$name"
	else
		result "completion_$name" "'$have', not '$want'"
	fi
}

check_completion() {
	tree two
	offers commands "check" vfio-type1x ch
	offers ids "3 12" vfio-type1x --root "$work/trees/two" maps ""
	offers ids_after_options "12" vfio-type1x --root "$work/trees/two" maps -j 1
	offers options "-j --json -h --help" vfio-type1x show -
	offers no_options "" vfio-type1x help -
	offers takeover "on off" vfio-type1x takeover o
	offers nothing "" vfio-type1x list ""
}

# words_of SECTION INDENT: the first column of the tables in a section of debugfs.rst.
words_of() {
	awk -v section="$1" -v indent="$2" '
	/^[~-]+$/ { inside = title == "``" section "``" }
	{ title = $0 }
	inside && match($0, "^" indent "``[a-z_]+`` ") {
		gsub(/[` ]/, "", $1)
		print $1
	}' "$top/Documentation/debugfs.rst"
}

# What the module can say is told in words of ours.
check_words() {
	local root=$work/words dir=$work/words/sys/kernel/debug/vfio_type1x/3 word n=0 unknown=
	mkdir "$root"
	plant one "$root"
	for word in $(words_of errors ''); do
		echo "1.000000 map -22 - $word by 1 x" >"$dir/errors"
		! "$work/static" --root "$root" explain 3 | grep -q 'does not know' || unknown="$unknown $word"
		n=$((n + 1))
	done
	[ $n -gt 20 ] || unknown="$unknown (only $n reasons in debugfs.rst)"
	result words_of_errors ${unknown:+"not known:$unknown"}

	unknown='' n=0
	for word in $(words_of maps '    '); do
		echo "0x0-0xfff 0x0 rw 0 live 1 4096:4096 $word 1" >"$dir/maps"
		! "$work/static" --root "$root" huge 3 | grep -q 'does not know' || unknown="$unknown $word"
		n=$((n + 1))
	done
	[ $n -gt 4 ] || unknown="$unknown (only $n causes in debugfs.rst)"
	result words_of_maps ${unknown:+"not known:$unknown"}
}

# Each command is in the manual and is completed.
check_commands_known() {
	local command all missing=
	all=$("$work/static" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	for command in $all; do
		grep -q "^\.B.* $command\b" "$top/tools/vfio-type1x.8" || missing="$missing vfio-type1x.8:$command"
		[ "$(complete_words vfio-type1x "$command")" = "$command" ] || missing="$missing completion:$command"
	done
	result commands_known ${missing:+"not in$missing"}
}

main() {
	build_programs
	golden_cases cases "static test"
	golden_cases monitor_cases test
	check_leftovers
	check_schemas
	check_unprivileged
	check_monitor_signal term
	check_monitor_signal int
	check_monitor_reader_gone
	check_full_output
	check_initramfs
	check_headers_hook
	check_many_mappings
	check_manuals
	check_completion
	check_commands_known
	check_words
	# Where it has broken off, there is none.
	echo "1..$count"
	exit $failed
}

main
