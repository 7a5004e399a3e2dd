#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests that must report, one full name a line.
#   list-tests.sh program NAME FILE   of a kselftest_harness program, from its own -l
#   list-tests.sh kunit FILE...       of KUnit sources: suite and case names
. "$(dirname "$0")/common.sh"

# -l prints fixtures with their variants and tests side by side in columns; the tests that run
# are the product of both. A column is wider than its width when the name is.
program() {
	# The kernel's vfio tests want a device before they look at -l; any address does.
	VFIO_SELFTESTS_BDF=0000:00:00.0 "$2" -l 2>&1 | awk -v suite="$1" '
	function flush_fixture(	v, t) {
		if (!nvariants)
			variants[++nvariants] = ""
		for (v = 1; v <= nvariants; v++)
			for (t = 1; t <= ntests; t++)
				print suite "." fixture "." variants[v] tests[t]
		nvariants = ntests = 0
	}
	NR == 1 && !/^# FIXTURE/ { exit 1 }
	NR == 1 || /^---/ { next }
	{
		rest = $0
		if (/^[^ ]/) {
			if (fixture)
				flush_fixture()
			fixture = $1
			rest = substr($0, (length($1) > 20 ? length($1) : 20) + 2)
		} else {
			rest = substr($0, 22)
		}
		split(rest, word, " ")
		if (rest ~ /^[^ ]/) {
			variants[++nvariants] = word[1] "."
			rest = substr(rest, (length(word[1]) > 25 ? length(word[1]) : 25) + 2)
		}
		gsub(/ /, "", rest)
		if (rest)
			tests[++ntests] = rest
	}
	END { if (fixture) flush_fixture() }' || die "$2 -l does not print a list of tests"
}

kunit() {
	awk '
	FNR == 1 { flush_file() }
	/^[ \t]*KUNIT_CASE[A-Z_]*\(/ {
		line = $0
		sub(/^[^(]*\(/, "", line)
		sub(/[,)].*/, "", line)
		cases[++n] = line
	}
	/\.name = "/ && insuite { split($0, part, "\""); suite = part[2]; insuite = 0 }
	/struct kunit_suite / { insuite = 1 }
	END { flush_file() }
	function flush_file(	i) {
		for (i = 1; suite && i <= n; i++)
			print "kunit." suite "." cases[i]
		suite = ""
		n = insuite = 0
	}' "$@"
}

"$@"
