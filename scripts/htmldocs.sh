#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# htmldocs.sh: Documentation/ as HTML in build/htmldocs. A warning is an error: also a page that is
# in no table of contents, and a file whose kernel-doc comments are in no page.
. "$(dirname "$0")/common.sh"
"$scripts/deps.sh"
cd "$top"
out=$build/htmldocs

grep -l '^/\*\*' ./*.c include/*.h include/uapi/linux/*.h | sed 's,^\./,,' | while read -r file; do
	grep -qxF ".. kernel-doc:: $file" Documentation/*.rst ||
		die "no page has the kernel-doc comments of $file: add it to Documentation/internals.rst"
done

# The kernel's Sphinx extension asks for its tree by this name, and Python would write there.
srctree=$("$scripts/kernel.sh" source $newest)
export srctree PYTHONDONTWRITEBYTECODE=1

# From the start: a page that has not changed would not be complained of again.
rm -rf "$out"
quietly "$build/logs/htmldocs.log" "making the HTML of Documentation/" \
	sphinx-build -q -W --keep-going Documentation "$out"
say "HTML of Documentation/: build/htmldocs/index.html"
