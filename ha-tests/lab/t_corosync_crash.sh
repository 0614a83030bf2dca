#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of Corosync under the active daemon (R12): that daemon is silent and gives its addresses up, the other one owns
# as after the loss of a host, and with Corosync back the first is a protected standby again without a restart.
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
before=$(peer_identity)
flow_start corosync 1000 60
sleep 1
active=$(active_node) || fail "no active node"
mate=$(other "$active")
lab_kill9 "n$active" corosync
wait_for 5 "n$mate is active" is_active "$mate" || fail "n$mate does not become active"
is_active "$active" && fail "n$active believes that it is active without Corosync"
sleep 1
lab_start_corosync "$active"
wait_for 20 "protected" pair_protected || fail "not protected again"
flow_stop corosync || fail "the flow left no report"
gap=$(flow_gap corosync)
echo "figure: Corosync killed on n$active: gap $gap ms, lost $(flow_lost corosync)"
[ "${gap%.*}" -lt 1500 ] || fail "a silence of $gap ms"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
lab_alive "n$active" holdfastd || fail "holdfastd on n$active did not outlive Corosync"
hold_laws
