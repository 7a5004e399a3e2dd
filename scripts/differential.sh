#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# differential.sh: the differential test alone, on one lane or, with LANE="A B", on several:
# what in-tree has, compared with in-tree, and what type1x adds, compared with a model.
#   OPS=n        about how many operations of each (10000)
#   SEED=n       the first seed (1), that of a failure stands in its name; shows each step
#   SEQ=file     run this sequence and show what was expected and what was answered
#   WITHOUT=a,b  kinds of operations to leave out: map unmap info ext dirty vaddr attach detach
#                set open raw drop prot die table emu pgsizes
. "$(dirname "$0")/common.sh"

ops=${OPS:-10000}
[ -z "${SEQ:-}" ] || [ -r "$SEQ" ] || die "SEQ=$SEQ: no such file"
[ -z "${SEQ:-}" ] || T1X_DIFF_SEQ=$(realpath "$SEQ")
export T1X_DIFF_OPS=$ops T1X_DIFF_SEED=${SEED:-} T1X_DIFF_SEQ T1X_DIFF_WITHOUT=${WITHOUT:-}
# A debug kernel on a busy host runs ten of them in a second.
export SUITE_TIMEOUT=$((600 + ops / 5))
export GUEST_TIMEOUT=$((1200 + ops / 5))
TEST=differential exec "$scripts/check.sh" check
