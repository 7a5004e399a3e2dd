# SPDX-License-Identifier: GPL-2.0-only
# Draws a CSV file of bench-table.awk as SVG: how many times fewer instructions type1x takes than
# in-tree, on a logarithmic scale, with the bar of each row, and a circle for iommufd in place of in-tree.

BEGIN {
	FS = ","
	left = 330
	decade = 90
	height = 18
	top = 56
	font = "font-family=\"sans-serif\" font-size=\"12\""
}

function x(ratio) { return left + decade * (log(ratio < 0.1 ? 0.1 : ratio) / log(10) + 1) }

function text(at, y, anchor, words) {
	return sprintf("<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n", at, y, anchor, words)
}

NR == 1 { next }
$11 == "" { next }
{
	lane = $1
	kernel = $2
	iommu = $3
	y = top + height * n++
	from = x(1)
	to = x($11)
	body = body text(left - 60, y + 13, "end", $4 ", " $5)
	body = body sprintf("<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
		to < from ? to : from, y + 3, to < from ? from - to : to - from, height - 6,
		$11 + 0 < $12 + 0 ? "#c05050" : "#5080b0")
	body = body sprintf("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"black\" stroke-width=\"2\"/>\n",
		x($12), x($12), y + 1, y + height - 1)
	if ($14 != "") {
		circles = 1
		body = body sprintf("<circle cx=\"%.1f\" cy=\"%.0f\" r=\"4\" fill=\"white\" stroke=\"black\"/>\n",
			x($14), y + height / 2)
	}
	body = body text((to > from ? to : from) + 6, y + 13, "start", sprintf("%.3g", $11))
}

END {
	bottom = top + height * n
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" %s>\n",
		left + 7 * decade, bottom + 12, font
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	printf "%s", text(12, 18, "start", "Linux " kernel " (" lane ", " iommu \
		"): instructions of in-tree type1 divided by those of type1x; the black line is the least wanted" \
		(circles ? ", the circle iommufd" : ""))
	for (power = -1; power <= 5; power++) {
		at = x(10 ^ power)
		printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"%s\"/>\n", at, at,
			top - 6, bottom, power ? "#d0d0d0" : "#808080"
		printf "%s", text(at, top - 12, "middle", 10 ^ power)
	}
	printf "%s</svg>\n", body
}
