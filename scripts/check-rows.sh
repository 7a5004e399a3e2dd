#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check-rows.sh: each difference that the differential test excuses begins as a row of
# Documentation/abi-diff.rst does.
. "$(dirname "$0")/common.sh"
cd "$top"

rules=selftests/differential/compare.c
rows=Documentation/abi-diff.rst

# The second column of each row of the table, as plain text on a line of its own.
what_of_rows() {
	awk '
	/^   \* - / { column = 1; next }
	/^     - / { column++ }
	column == 2 {
		sub(/^ *(- )?/, "")
		gsub(/`/, "")
		what = what (what ? " " : "") $0
	}
	column == 3 && what { print what; what = "" }' "$rows"
}

# The names in known[], one a line, though one may be of several strings.
known() {
	awk '
	/^} known\[\] = \{/ { inside = 1; next }
	/^};/ { inside = 0 }
	inside {
		while (match($0, /"[^"]*"/)) {
			name = name substr($0, RSTART + 1, RLENGTH - 2)
			$0 = substr($0, RSTART + RLENGTH)
		}
		if (/}/) { print name; name = "" }
	}' "$rules"
}

mapfile -t what < <(what_of_rows)
bad=0 n=0
while IFS= read -r name; do
	n=$((n + 1))
	for row in "${what[@]}"; do
		[[ $row != "$name"* ]] || continue 2
	done
	echo "$rules: no row of $rows begins with \"$name\""
	bad=1
done < <(known | sort -u)
[ $n -gt 0 ] || die "$rules: known[] is not where it was"
exit $bad
