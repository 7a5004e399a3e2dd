# SPDX-License-Identifier: GPL-2.0-only
# Turns what bench/bench.c says into tables, and CSV files of the same: instructions, counted calls,
# what watching costs, and the memory kept:
#   awk -f bench-bars.awk -f bench-table.awk lane=LANE iommu=IOMMU csv=FILE BARS RESULTS
# Exit 0: every bar is reached, 1: one is missed, 2: the benchmark did not end as it should.

BEGIN { most_traced = 0.005 } # of a call

# With AMD-Vi in-tree works another way: there, this part of the limit must be reached, where the
# limit is made of calls into the IOMMU.
function limit_bar(call) { return iommu == "amd" && call !~ /^(get|pin|unpin)$/ ? 0.8 : 0 }

function each(value, row) { return value == "" ? "" : value / units[row] }

function ratio_of(value, ours) { return value == "" || !ours ? "" : value / ours }

function heading() {
	printf "%-38s %6s  %-6s %-7s %9s %9s %7s %6s", "", "runs", "call", "per", "in-tree", "type1x",
		"ratio", "bar"
	if (has["iommufd"])
		printf " %9s %7s", "iommufd", "ratio"
	if (has["limit"])
		printf " %9s %6s", "limit", "part"
	print ""
}

function line(row, call, first,	old, new, fd, floor, least, ratio, fd_ratio, part, mark) {
	old = result["type1", row, call]
	new = result["type1x", row, call]
	fd = result["iommufd", row, call]
	floor = result["limit", row, call]
	if (old new fd floor == "")
		return
	least = bar_of(row, call)
	ratio = ratio_of(old, new)
	fd_ratio = ratio_of(fd, new)
	part = ratio_of(floor, new)
	if (ratio != "")
		mark = mark judge(ratio < least, "missed")
	if (fd_ratio != "")
		mark = mark judge(fd_ratio < 1, "slower than iommufd")
	if (part != "" && limit_bar(call))
		mark = mark judge(part < limit_bar(call), "far from the limit")
	printf "%-38s %6s  %-6s %-7s %9s %9s %7s %6s",
		first ? label[row] : "", first && runs[row] ? runs[row] : "", call, unit[row],
		short(each(old, row)), short(each(new, row)), short(ratio), least
	if (has["iommufd"])
		printf " %9s %7s", short(each(fd, row)), short(fd_ratio)
	if (has["limit"])
		printf " %9s %6s", short(each(floor, row)), part == "" ? "-" : sprintf("%.0f%%", part * 100)
	print mark
	print lane "," kernel "," iommu "," row "," call "," unit[row] "," units[row] "," \
		runs[row] "," old "," new "," ratio "," least "," fd "," fd_ratio "," floor "," part >csv
}

# What in-tree keeps, and 1 % of it or 32 KiB for each TiB mapped, whichever is more.
function allowed(old, mapped,	part, share) {
	part = old / 100
	share = mapped * 2 ^ 15 / 2 ^ 40
	return old + (part > share ? part : share)
}

function bytes(value, row) { return value == "" ? "-" : sprintf("%.1f", value / kept_units[row]) }

function kept_line(row, call, first,	old, new, fd, most, mark) {
	old = kept["type1", row, call]
	new = kept["type1x", row, call]
	fd = kept["iommufd", row, call]
	if (old new fd == "")
		return
	if (old != "") {
		most = allowed(old, kept_mapped[row])
		if (new != "")
			mark = judge(new > most, "more than that")
	}
	printf "%-38s %6s  %-6s %-7s %9s %9s %7s %6s", first ? kept_label[row] : "", "", call,
		kept_unit[row], bytes(old, row), bytes(new, row), "", bytes(most, row)
	if (has["iommufd"])
		printf " %9s", bytes(fd, row)
	print mark
	print row "," call ",total,," kept_units[row] "," old "," new "," most "," fd >csv
}

function kept_table(	i) {
	if (!nkept)
		return
	print ""
	print "Bytes of kernel memory that MAP keeps, and that DIRTY_PAGES START adds (log): slab objects as"
	print "they are rounded, and vmalloc. Pinned pages and the IOMMU's page tables are none of it."
	print ""
	printf "%-38s %6s  %-6s %-7s %9s %9s %7s %6s", "", "", "call", "per", "in-tree", "type1x", "",
		"most"
	print has["iommufd"] ? sprintf(" %9s", "iommufd") : ""
	print "row,call,function,backend,number,type1,type1x,most,iommufd" >csv
	for (i = 1; i <= nkept; i++) {
		kept_line(kept_order[i], "map", 1)
		kept_line(kept_order[i], "log", 0)
	}
	for (i = 1; i <= nsites; i++)
		print sites[i] >csv
}

function percent(part, whole) { return whole ? sprintf("%.1f%%", 100 * part / whole) : "-" }

function watch_line(row, call, first,	all, untraced, bare, mark) {
	all = result["type1x", row, call]
	untraced = result["untraced", row, call]
	bare = result["unjournaled", row, call]
	if (all == "" || untraced == "" || bare == "")
		return
	# Tracepoints that are off: no more than what the compiler lays out otherwise.
	mark = judge(all - untraced > all * most_traced, "not to be free")
	printf "%-38s %6s  %-6s %-7s %9s %9s %9s %7s %9s %7s%s\n", first ? label[row] : "", "", call, unit[row],
		short(each(all, row)), short(each(untraced, row)), sprintf("%.1f", each(all - untraced, row)),
		percent(all - untraced, all), sprintf("%.1f", each(untraced - bare, row)),
		percent(untraced - bare, all), mark
	print row "," call "," unit[row] "," units[row] "," all "," untraced "," bare >csv
}

function watch_table(	i, j, n, call) {
	if (!has["untraced"] || !has["unjournaled"])
		return
	print ""
	print "What watching costs while nobody looks: type1x as it is, and built without its tracepoints, and"
	print "without its journal too (calls counted and timed for debugfs), in instructions of each call."
	print ""
	printf "%-38s %6s  %-6s %-7s %9s %9s %9s %7s %9s %7s\n", "", "", "call", "per", "type1x", "untraced", "traces",
		"", "journal", ""
	print "row,call,unit,units,type1x,untraced,unjournaled" >csv
	for (i = 1; i <= nrows; i++) {
		n = split(calls[order[i]], call, " ")
		for (j = 1; j <= n; j++)
			watch_line(order[i], call[j], j == 1)
	}
}

# What one would count by hand; a kernel has some of the functions.
function hits(backend, row, call, names,	i, n, name, sum) {
	sum = ""
	n = split(names, name, " ")
	for (i = 1; i <= n; i++)
		if ((backend, row, call, name[i]) in count)
			sum += count[backend, row, call, name[i]]
	return sum == "" ? "-" : sum
}

function count_cell(row, call, names,	cell) {
	cell = hits("type1", row, call, names) "/" hits("type1x", row, call, names)
	return has["iommufd"] ? cell "/" hits("iommufd", row, call, names) : cell
}

function count_table(	i, j, n, call, width) {
	if (!nfunctions)
		return
	width = has["iommufd"] ? 21 : 14
	print ""
	print "How often, in all of a row: in-tree/type1x" (has["iommufd"] ? "/iommufd" : "") ". IOTLB: invalidations" \
		" that the IOMMU was waited for."
	print ""
	printf "%-38s %-6s %*s %*s %*s %*s %*s\n", "", "call", width, "iova_to_phys", width, "iommu_map", width,
		"iommu_unmap", width, "IOTLB", width, "mmap_lock write"
	for (i = 1; i <= nrows; i++) {
		n = split(calls[order[i]], call, " ")
		for (j = 1; j <= n; j++)
			printf "%-38s %-6s %*s %*s %*s %*s %*s\n", j == 1 ? label[order[i]] : "", call[j],
				width, count_cell(order[i], call[j], "iommu_iova_to_phys"),
				width, count_cell(order[i], call[j], "iommu_map iommu_map_sg"),
				width, count_cell(order[i], call[j], "iommu_unmap iommu_unmap_fast"),
				width, count_cell(order[i], call[j], "qi_submit_sync amd_iommu_iotlb_sync"),
				width, count_cell(order[i], call[j], "mmap_lock_write")
	}
}

$1 == "kernel" { kernel = $2 }
$1 == "iommu" { hardware = substr($0, 7) }
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
$1 == "result" { result[$2, $3, $4] = $5; has[$2] = 1 }
$1 == "count" {
	count[$2, $3, $4, $5] = $6
	called[$3, $4, $5] += $6
	if (!($5 in seen)) {
		seen[$5] = 1
		functions[++nfunctions] = $5
	}
}
$1 == "keptrow" {
	split(substr($0, 9), field, "|")
	id = field[1]
	kept_order[++nkept] = id
	kept_label[id] = field[2]
	kept_unit[id] = field[3]
	kept_units[id] = field[4]
	kept_mapped[id] = field[5]
}
$1 == "kept" { kept[$2, $3, $4] = $5; has[$2] = 1 }
$1 == "site" {
	sites[++nsites] = $3 "," $4 "," $7 "," $2 "," $5 "," ($2 == "type1" ? $6 : "") "," \
		($2 == "type1x" ? $6 : "") ",," ($2 == "iommufd" ? $6 : "")
}
$1 == "skip" { skipped[++nskipped] = substr($0, 6) }
$1 == "finished" { finished = 1 }
/^(not ok|exit [1-9])/ { broken = broken "\n  " $0 }

# How often the functions of the kernel ran in one call, on each backend.
function write_counts(file,	i, j, k, n, row, call) {
	print "row,call,function,type1,type1x,iommufd,limit" >file
	for (i = 1; i <= nrows; i++) {
		row = order[i]
		n = split(calls[row], call, " ")
		for (j = 1; j <= n; j++)
			for (k = 1; k <= nfunctions; k++)
				if (called[row, call[j], functions[k]])
					print row "," call[j] "," functions[k] "," \
						count["type1", row, call[j], functions[k]] "," \
						count["type1x", row, call[j], functions[k]] "," \
						count["iommufd", row, call[j], functions[k]] "," \
						count["limit", row, call[j], functions[k]] >file
	}
}

END {
	if (!kernel) {
		print "nothing was measured: see the console log"
		exit 2
	}
	print ""
	printf "Linux %s (%s), %s, one vCPU under QEMU's TCG\n", kernel, lane, hardware
	print "Instructions of the guest, for each page of 4 KiB, mapping or call; hot memory; the least of 3."
	print "One boot: the same program on the same pages, first with in-tree type1, then with type1x" \
		(has["iommufd"] ? ", then with iommufd." : ".")
	if (lane ~ /^debug/)
		print "A debug kernel, which checks its own steps: this shows that all of it runs, not what it costs."
	if (has["limit"])
		print "limit: the calls into GUP, the IOMMU core and the user's memory alone; part: how much of type1x's" \
			" they are."
	print ""
	heading()
	print "lane,kernel,iommu,row,call,unit,units,runs,type1,type1x,ratio,bar,iommufd,iommufd_ratio," \
		"limit,limit_part" >csv
	for (i = 1; i <= nrows; i++) {
		n = split(calls[order[i]], call, " ")
		for (j = 1; j <= n; j++)
			line(order[i], call[j], j == 1)
	}
	base = csv
	sub(/[.]csv$/, "", base)
	count_table()
	write_counts(base "-calls.csv")
	csv = base "-watching.csv"
	watch_table()
	csv = base "-memory.csv"
	kept_table()
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
