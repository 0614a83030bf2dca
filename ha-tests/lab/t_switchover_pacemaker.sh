#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `crm resource move` in a row under a real Pacemaker (failover role-manager pacemaker), at 10,000 packets per second each
# way with a third Holdfast as the peer: none is lost at Holdfast. 2 moves; 20 with LAB_LONG=1.
LAB_LIMIT=${LAB_LONG:+900}
: "${LAB_LIMIT:=170}"
. "$(dirname "$0")/lab.sh"
. "$LAB_SRC/lab_pacemaker.sh"
. "$LAB_SRC/lab_switchover.sh"
need_holdfast
need_pacemaker
lab_enter "$@"

HF_EXTRA="failover role-manager pacemaker"
lab_up || fail "the topology does not come up"
lab_start_pacemaker || fail "Pacemaker does not come up"
lab_load_pacemaker || fail "the printed configuration does not load"
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted"
SWITCH_PEER=holdfast
switch_tunnel
times=${LAB_LONG:+20}
switch_many crm "${SWITCH_TIMES:-${times:-2}}" "${SWITCH_PPS:-10000}"
