#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Planned switchovers in a row by each way of asking (R19): `failover active` and `no failover active`, `holdfast node
# drain` and `resume`, SIGTERM and restart of each node in turn, at 10,000 packets per second each way; the peer is a
# third Holdfast. None is lost at Holdfast: counters at each hop say where each missing one was lost.
# 4 of each way; 20 with LAB_LONG=1. SWITCH_WAYS and SWITCH_PPS choose others. t_switchover_strongswan.sh and
# t_switchover_pacemaker.sh have the other peer and the other manager.
LAB_LIMIT=${LAB_LONG:+900}
: "${LAB_LIMIT:=170}"
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_switchover.sh"
need_holdfast
lab_enter "$@"

switch_start holdfast
times=${LAB_LONG:+20}
for way in ${SWITCH_WAYS:-failover drain restart}; do
	switch_many "$way" "${SWITCH_TIMES:-${times:-4}}" "${SWITCH_PPS:-10000}"
done
