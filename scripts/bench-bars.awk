# SPDX-License-Identifier: GPL-2.0-only
# The first file is bench/bars: what is asked of each row, and whether it is reached. With the
# variables lane and iommu, before the file that makes a table.

function glob(text, pattern) {
	gsub(/[.]/, "[.]", pattern)
	gsub(/[*]/, ".*", pattern)
	return text ~ "^" pattern "$"
}

# The number of the line that is for a call of a row.
function bar_line(row, call,	i) {
	for (i = 1; i <= nbars; i++)
		if (glob(row, bar[i, 1]) && glob(call, bar[i, 2]) &&
		    glob(lane, bar[i, 3]) && glob(iommu, bar[i, 4]))
			return i
}

function bar_of(row, call) { return bar[bar_line(row, call), 5] }

# What one would like to see, where it is more.
function aim_of(row, call) { return bar[bar_line(row, call), 6] }

function judge(is_missed, text) {
	judged++
	if (!is_missed)
		return ""
	missed++
	return "  " text
}

# Four digits tell enough.
function short(value) {
	if (value == "")
		return "-"
	return sprintf(value < 1 ? "%.3f" : value < 10 ? "%.2f" : value < 1000 ? "%.1f" : "%.0f", value)
}

FILENAME != previous { previous = FILENAME; files++ }
/^#/ || /^$/ { next }
files == 1 { nbars++; for (i = 1; i <= 6; i++) bar[nbars, i] = $i; next }
