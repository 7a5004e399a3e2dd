# SPDX-License-Identifier: GPL-2.0-only
# Compare what a guest reported with what had to run.
#   awk -f verdict.awk label=LABEL MUST XFAIL RESULTS
# MUST and XFAIL have a test name a line, RESULTS "ok|not ok|skip NAME [REASON]". Prints a line
# for each failure, and last "tally PASSED FAILED SKIPPED".

# Any of the files may be empty, so that counting first lines would not do.
{ sub(/\r$/, "") }
/^#/ || /^[ \t]*$/ { next }

FILENAME == ARGV[2] { if (!must[$1]++) order[++n] = $1; next }
FILENAME == ARGV[3] { xfail[$1] = 1; next }

/^(ok|not ok|skip) / {
	at = ($1 == "not") ? 3 : 2
	name = $at
	reason = $0
	sub(/^(ok|not ok|skip) [^ ]+ ?/, "", reason)
	# A test that reports twice has failed if it failed once.
	if (word[name] != "not")
		word[name] = $1
	why[name] = reason
	if (!must[name] && $1 == "not") {
		must[name] = 1
		order[++n] = name
	}
}

function fail(name, reason) {
	failed++
	print "FAIL " label ": " name (reason ? ": " reason : "")
}

END {
	for (i = 1; i <= n; i++) {
		name = order[i]
		if (!(name in word))
			fail(name, "did not report")
		else if (word[name] == "skip")
			skipped++
		else if (word[name] == "not" && xfail[name])
			passed++
		else if (word[name] == "not")
			fail(name, why[name])
		else if (xfail[name])
			fail(name, "passed, but its failure is expected: take it off the list")
		else
			passed++
	}
	print "tally", passed + 0, failed + 0, skipped + 0
}
