#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Planned switchovers in a row as in t_switchover_many.sh, at 2,000 packets per second each way with strongSwan as the
# peer, whose userland ESP does not do more; what it drops itself is printed beside it.
LAB_LIMIT=${LAB_LONG:+900}
: "${LAB_LIMIT:=170}"
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_switchover.sh"
need_holdfast
lab_enter "$@"

switch_start strongswan
times=${LAB_LONG:+20}
for way in ${SWITCH_WAYS:-failover drain restart}; do
	switch_many "$way" "${SWITCH_TIMES:-${times:-4}}" "${SWITCH_PPS:-2000}"
done
