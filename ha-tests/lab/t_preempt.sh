#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# preempt: the preferred unit takes the group back when it is a protected standby again, after its delay and without the
# loss of a packet; what an operator moved away stays away.
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

HF_EXTRA='failover group 1
 primary
 preempt 3'
lab_start_tunnel
before=$(peer_identity)
is_active 1 || wait_for 15 "n1 is active" is_active 1 || fail "the preferred unit is not active"
lab_kill9 n1 holdfastd
wait_for 5 "n2 is active" is_active 2 || fail "no takeover"
sleep 1
lab_start_daemon 1
wait_for 15 "protected" pair_protected || fail "not protected again"
is_active 2 || fail "the delay did not hold the preferred unit back"
flow_start preempt 1000 60
wait_for 8 "n1 is active again" is_active 1 || fail "the preferred unit does not take the group back"
wait_for 5 "protected" pair_protected || fail "not protected after the preemption"
sleep 2
flow_stop preempt || fail "the flow left no report"
echo "figure: preempt: gap $(flow_gap preempt) ms, lost $(flow_lost preempt)"
[ "$(flow_lost preempt)" = 0 ] || fail "$(flow_lost preempt) packets lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
hf 1 show failover statistics | grep -q 'preempts_asked  *1$' || fail "preempts_asked is not 1"
# An operator's word stands.
hf 1 no failover active || fail "no failover active is refused"
wait_for 5 "n2 is active" is_active 2 || fail "no switchover"
sleep 6
is_active 2 || fail "preempt took back what the operator moved"
hold_laws
