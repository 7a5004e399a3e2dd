# SPDX-License-Identifier: GPL-2.0-only
# The files of the kept sequences as one array of C.
BEGIN {
	print "#include \"cases.h\"\n"
	print "const struct kept t1x_kept[] = {"
}
FNR == 1 {
	if (open)
		print "\t},"
	open = 1
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.seq$/, "", name)
	print "\t{ \"" name "\", \"\""
}
{
	gsub(/[\\"]/, "\\\\&")
	print "\t\t\"" $0 "\\n\""
}
END {
	if (open)
		print "\t},"
	print "\t{ 0, 0 }\n};"
}
