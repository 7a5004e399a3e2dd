# SPDX-License-Identifier: GPL-2.0-only
# Turns what bench/concurrency.c says into a table, and a CSV file of the same:
#   awk -f bench-bars.awk -f concurrency-table.awk lane=LANE iommu=IOMMU csv=FILE BARS RESULTS
# Exit 0: every bar is reached, 1: one is missed, 2: the benchmark did not end as it should.

function ms(ns) { return short(ns / 1e6) }

# sort_rounds BACKEND ROW: into sorted[1..n]; a handful of numbers. Return: n.
function sort_rounds(backend, row,	i, j, n, value) {
	n = 0
	for (i = 0; (backend, row, i) in time; i++) {
		value = time[backend, row, i]
		for (j = n++; j > 0 && sorted[j] > value; j--)
			sorted[j + 1] = sorted[j]
		sorted[j + 1] = value
	}
	return n
}

# Its median in median[backend], its range in least[] and most[].
function summarize(backend, row,	n) {
	n = sort_rounds(backend, row)
	if (n != rounds)
		broken = broken "\n  " row " on " backend ": " n + 0 " rounds, not " rounds
	median[backend] = sorted[int((n + 1) / 2)]
	least[backend] = sorted[1]
	most[backend] = sorted[n]
}

function spread(backend) {
	return sprintf("%9s %-15s", ms(median[backend]), "[" ms(least[backend]) " " ms(most[backend]) "]")
}

# How many calls the 99 of 100 are of; a round of a pair of MAPs is one measurement.
function calls_of(backend, row) { return given[row] == "p99" ? made[backend, row] : "" }

function line(row,	ratio, gate, aim, mark) {
	summarize("type1", row)
	summarize("type1x", row)
	if (!median["type1x"])
		return
	ratio = median["type1"] / median["type1x"]
	gate = bar_of(row, given[row])
	aim = aim_of(row, given[row])
	if (gate != "-")
		mark = judge(ratio < gate, "missed")
	printf "%-36s %5s %s %5s %s %8s %5s %5s%s\n", label[row], calls_of("type1", row), spread("type1"),
		calls_of("type1x", row), spread("type1x"), short(ratio), gate, aim ? aim : "-", mark
	print lane "," kernel "," iommu "," row "," given[row] ",ns," median["type1"] "," \
		least["type1"] "," most["type1"] "," median["type1x"] "," least["type1x"] "," \
		most["type1x"] "," ratio "," gate "," aim >csv
}

function wait_cells(backend, row) {
	return sprintf("%6d %6d %9d", spun[backend, row], slept[backend, row], mmap_lock[backend, row])
}

function wait_csv(row, kind, count) {
	print lane "," kernel "," iommu "," row "," kind ",waits," count["type1", row] ",,," \
		count["type1x", row] ",,,,," >csv
}

function wait_line(row) {
	if (!(row in counted))
		return
	printf "%-36s %5d %s    %s\n", label[row], counted[row], wait_cells("type1", row),
		wait_cells("type1x", row)
	wait_csv(row, "spun", spun)
	wait_csv(row, "slept", slept)
	wait_csv(row, "mmap_lock", mmap_lock)
}

$1 == "kernel" { kernel = $2 }
$1 == "iommu" { hardware = substr($0, 7) }
$1 == "row" {
	split(substr($0, 5), field, "|")
	order[++nrows] = field[1]
	label[field[1]] = field[2]
	given[field[1]] = field[3]
}
$1 == "time" {
	time[$2, $3, $4] = $5
	made[$2, $3] += $6
	rounds = $4 + 1 > rounds ? $4 + 1 : rounds
}
$1 == "waits" {
	counted[$3] = $4
	spun[$2, $3] = $5
	slept[$2, $3] = $6
	mmap_lock[$2, $3] = $7
}
$1 == "finished" { finished = 1 }
/^(not ok|exit [1-9])/ { broken = broken "\n  " $0 }

END {
	if (!kernel) {
		print "nothing was measured: see the console log"
		exit 2
	}
	print ""
	printf "Linux %s (%s), %s, two vCPUs under QEMU\047s multi-threaded TCG\n", kernel, lane, hardware
	print "Milliseconds of the guest\047s clock; cold memory, which is faulted in and cleared as it is pinned."
	printf "The median of %d rounds, and their range; in-tree and type1x by turns, in one boot.\n", rounds
	print ""
	printf "%-36s %5s %-25s %5s %-25s %8s %5s %5s\n", "", "", "  in-tree", "", "   type1x", "ratio",
		"gate", "aim"
	print "lane,kernel,iommu,row,what,unit,type1,type1_least,type1_most,type1x,type1x_least," \
		"type1x_most,ratio,gate,aim" >csv
	for (i = 1; i <= nrows; i++)
		if (given[order[i]] == "time")
			line(order[i])
	print ""
	printf "%-36s %5s %25s %5s\n", "99 of 100 calls are not longer than", "calls", "", "calls"
	for (i = 1; i <= nrows; i++)
		if (given[order[i]] == "p99")
			line(order[i])
	print ""
	printf "%-36s %5s %-26s %s\n", "", "", "    in-tree", "    type1x"
	printf "%-36s %5s %6s %6s %9s    %6s %6s %9s\n", "waits for locks, in one run", "calls",
		"spun", "slept", "mmap_lock", "spun", "slept", "mmap_lock"
	for (i = 1; i <= nrows; i++)
		wait_line(order[i])
	print ""
	if (!finished || broken) {
		print "the benchmark broke off: see the console log" broken
		exit 2
	}
	print judged - missed " of " judged " bars are reached" (missed ? ", " missed " are missed" : "")
	exit missed > 0
}
