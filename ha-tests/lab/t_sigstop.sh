#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGSTOP of the active daemon (R12): the other node owns in below 2.5 s, and the one that is woken sends nothing of
# IKE, ESP or keepalives, not even what it had queued.
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_start_tunnel
before=$(peer_identity)
active=$(active_node)
mate=$(other "$active")
flow_start stop 1000 60
sleep 1
lab_signal "n$active" holdfastd STOP
start=$(now_ms)
wait_for 5 "n$mate is active" is_active "$mate" || fail "n$mate does not become active"
owned=$(($(now_ms) - start))
sleep 2
capture_start "n$active" woken outside -Q out "$FILTER_OWN" || fail "no capture"
lab_signal "n$active" holdfastd CONT
sleep 5
flow_stop stop || fail "the flow left no report"
capture_stop "n$active" woken || fail "the capture is not complete"
echo "figure: owned after $owned ms; gap $(flow_gap stop) ms, lost $(flow_lost stop); packets of the woken node: $(count_packets "n$active" woken ip)"
[ "$owned" -lt 2500 ] || fail "another node owned only after $owned ms"
[ "$(flow_gap stop)" -lt 3000 ] || fail "a silence of $(flow_gap stop) ms"
[ "$(count_packets "n$active" woken ip)" = 0 ] || fail "the woken node sent"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
is_active "$active" && fail "the woken node believes that it is active"
wait_for 15 "protected" pair_protected || fail "the woken node is no standby"
hold_laws
