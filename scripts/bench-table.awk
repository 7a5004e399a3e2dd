# SPDX-License-Identifier: GPL-2.0-only
# Turns what bench/bench.c says into a table, and a CSV file of the same with the counts of calls:
#   awk -f bench-table.awk lane=LANE iommu=IOMMU csv=FILE BARS RESULTS
# Exit 0: every bar is reached, 1: one is missed, 2: the benchmark did not end as it should.

function glob(text, pattern) {
	gsub(/[.]/, "[.]", pattern)
	gsub(/[*]/, ".*", pattern)
	return text ~ "^" pattern "$"
}

function bar_of(row, call,	i) {
	for (i = 1; i <= nbars; i++)
		if (glob(row, bar[i, 1]) && glob(call, bar[i, 2]) &&
		    glob(lane, bar[i, 3]) && glob(iommu, bar[i, 4]))
			return bar[i, 5]
	return 1
}

# Four digits tell enough.
function short(value) {
	if (value == "")
		return "-"
	return sprintf(value < 1 ? "%.3f" : value < 10 ? "%.2f" : value < 1000 ? "%.1f" : "%.0f", value)
}

function line(row, call, first,	old, new, fd, ratio, fd_ratio, least, mark) {
	old = result["type1", row, call]
	new = result["type1x", row, call]
	fd = result["iommufd", row, call]
	if (old == "" && new == "" && fd == "")
		return
	least = bar_of(row, call)
	if (old != "" && new)
		ratio = old / new
	if (fd != "" && new)
		fd_ratio = fd / new
	if (ratio != "") {
		judged++
		if (ratio < least)
			mark = "  missed"
	}
	if (fd_ratio != "" && fd_ratio < 1)
		mark = mark "  slower than iommufd"
	missed += (mark != "")
	printf "%-38s %6s  %-6s %-7s %10s %10s %7s %6s",
		first ? label[row] : "", first && runs[row] ? runs[row] : "", call, unit[row],
		short(old == "" ? "" : old / units[row]), short(new == "" ? "" : new / units[row]),
		short(ratio), least
	if (with_fd)
		printf " %10s %8s", short(fd == "" ? "" : fd / units[row]), short(fd_ratio)
	print mark
	print lane "," kernel "," iommu "," row "," call "," unit[row] "," units[row] "," \
		runs[row] "," old "," new "," fd "," ratio "," least "," fd_ratio >csv
}

FILENAME != previous { previous = FILENAME; files++ }
/^#/ || /^$/ { next }
files == 1 { nbars++; for (i = 1; i <= 5; i++) bar[nbars, i] = $i; next }

$1 == "kernel" { kernel = $2 }
$1 == "iommu" { hardware = substr($0, 7) }
$1 == "rep" { rep = $2 }
$1 == "row" {
	split(substr($0, 5), field, "|")
	id = field[1]
	order[++nrows] = id
	label[id] = field[2]
	unit[id] = field[3]
	units[id] = field[4]
	runs[id] = field[5] > 0 ? field[5] : ""
	calls[id] = field[6]
}
$1 == "result" { result[$2, $3, $4] = $5; if ($2 == "iommufd") with_fd = 1 }
$1 == "count" && $6 > 0 { count[++ncounts] = $3 "," $4 "," $5 "," $2 "," $6 }
$1 == "skip" { skipped[++nskipped] = substr($0, 6) }
$1 == "finished" { finished = 1 }
/^(not ok|exit [1-9])/ { broken = broken "\n  " $0 }

END {
	if (!kernel) {
		print "nothing was measured: see the console log"
		exit 2
	}
	print ""
	printf "Linux %s (%s), %s, one vCPU under QEMU's TCG\n", kernel, lane, hardware
	print "Instructions of the guest, for each page of 4 KiB, mapping or call; hot memory; the least of 3."
	print "One boot: the same program on the same pages, first with in-tree type1, then with type1x" \
		(with_fd ? ", then with iommufd." : ".")
	print ""
	printf "%-38s %6s  %-6s %-7s %10s %10s %7s %6s", "", "runs", "call", "per", "in-tree", "type1x",
		"ratio", "bar"
	if (with_fd)
		printf " %10s %8s", "iommufd", "ratio"
	print ""
	print "lane,kernel,iommu,row,call,unit,units,runs,type1,type1x,iommufd,ratio,bar,iommufd_ratio" >csv
	for (i = 1; i <= nrows; i++) {
		n = split(calls[order[i]], call, " ")
		for (j = 1; j <= n; j++)
			line(order[i], call[j], j == 1)
	}
	counts = csv
	sub(/[.]csv$/, "-calls.csv", counts)
	print "row,call,function,backend,calls" >counts
	for (i = 1; i <= ncounts; i++)
		print count[i] >counts
	print ""
	for (i = 1; i <= nskipped; i++) {
		split(skipped[i], field, "|")
		split(field[1], word, " ")
		print "not measured: " (word[2] == "*" ? "" : word[2] " on ") word[1] ": " field[2]
	}
	if (!finished || broken) {
		print "the benchmark broke off: see the console log" broken
		exit 2
	}
	print judged - missed " of " judged " bars are reached" (missed ? ", " missed " are missed" : "")
	exit missed > 0
}
