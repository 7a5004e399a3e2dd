#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# races.sh: the race test alone, on the debug lanes or on those of LANE="A B".
#   ITER=n       races of each pair of calls (2000)
#   SEED=n       which races (1)
#   TEST="races.overlapping.map_with_unmap ..."  these pairs alone
. "$(dirname "$0")/common.sh"

iter=${ITER:-2000}
[[ $iter =~ ^[1-9][0-9]*$ ]] || die "ITER=$iter: use a number"
export T1X_RACES_ITER=$iter T1X_RACES_SEED=${SEED:-}
# There are 91 pairs, and ten races a second are asked for.
export SUITE_TIMEOUT=$((600 + iter * 91 / 10))
export GUEST_TIMEOUT=$((SUITE_TIMEOUT + 600))
export LANE=${LANE:-debug-6.1 debug-6.12 debug-7.3} TEST=${TEST:-races}
exec "$scripts/check.sh" check
