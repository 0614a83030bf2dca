#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# R11 without room for a term. The standby's disk is full when the owner dies: it says so, claims nothing, and takes over
# when there is room again. An owner whose disk is full goes on and can hand over, a node can be started on a full disk
# that its log is on as well, and a handover to a node without room costs nothing.
LAB_BESIDE=1
LAB_LIMIT=150
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

shows_trouble() {
	hf "$1" show failover | grep -q 'State directory: NOT WRITABLE, /var/lib/holdfast.*No space left on device'
}

shows_no_trouble() {
	! shows_trouble "$1"
}

lab_start_tunnel
before=$(peer_identity)
active=$(active_node) || fail "no active node"
mate=$(other "$active")
term() {
	on_node "$1" cat /var/lib/holdfast/term.1
}

echo "--- the standby's disk is full"
lab_fill_disk "$mate" || fail "the disk of n$mate is not full"
wait_for 8 "n$mate shows it" shows_trouble "$mate" || fail "show failover does not tell of a full disk before it matters"
term_before=$(term "$mate")
flow_start full 1000 60
sleep 1
hf "$mate" failover active
sleep 2
is_active "$active" && ping_through 1 || fail "a handover to a node without room costs the tunnel"
lab_kill9 "n$active" holdfastd
sleep 4
is_active "$mate" && fail "n$mate owns without a term on its disk"
[ "$(term "$mate")" = "$term_before" ] || fail "the term file changed on a full disk"
grep -q "No space left on device; expected room for term" "$LAB_DIR/n$mate/holdfastd.log" ||
	fail "the log of n$mate does not say what it lacks"
[ "$(grep -c 'state directory cannot be written' "$LAB_DIR/n$mate/holdfastd.log")" -le 4 ] || fail "the log is flooded"
shows_trouble "$mate" || fail "show failover does not say it"
started=$(now_ms)
lab_free_disk "$mate"
wait_for 3 "n$mate is active" is_active "$mate" || fail "n$mate does not take over when there is room"
echo "figure: owns $(($(now_ms) - started)) ms after there was room"
wait_for 6 "it is over" shows_no_trouble "$mate" || fail "show failover still says it"
grep -q 'state directory can be written again' "$LAB_DIR/n$mate/holdfastd.log" || fail "the log does not say that it is over"
flow_stop full || fail "the flow left no report"
ping_through 3 || fail "the tunnel does not carry"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
# Without a term file it claims 64 above all that it knows, and each second another one would be four more.
read -r was _ < <(term "$active")
read -r now _ < <(term "$mate")
[ "$now" -ge $((was + 64)) ] && [ "$now" -le $((was + 66)) ] || fail "n$mate owns term $now after $was: retries have used terms up"
lab_start_daemon "$active"
wait_for 15 "protected" pair_protected || fail "not protected again"

echo "--- the owner's disk is full"
lab_fill_disk "$mate" || fail "the disk of n$mate is not full"
flow_start owner 1000 60
sleep 4
is_active "$mate" || fail "an owner gave up because of its disk"
hf "$mate" no failover active
wait_for 5 "n$active is active" is_active "$active" || fail "an owner with a full disk does not hand over"
sleep 3
flow_stop owner || fail "the flow left no report"
echo "figure: owner with a full disk, with a handover: gap $(flow_gap owner) ms, lost $(flow_lost owner)"
[ "$(flow_lost owner)" = 0 ] || fail "$(flow_lost owner) packets lost"

echo "--- start on a full disk, with the log on it"
lab_stop "n$mate" holdfastd
# shellcheck disable=SC2016,SC2046
lab_spawn "n$mate" holdfastd bash -c 'exec "$@" >>/var/lib/holdfast/log 2>&1' log $(lab_run_as "$mate") -f \
	-c /etc/holdfast/holdfast.conf -s /var/lib/holdfast
wait_for 15 "protected" pair_protected || fail "n$mate does not start on a full disk"
shows_trouble "$mate" || fail "show failover of a node that was started on a full disk does not say it"
lab_free_disk "$mate"
wait_for 8 "it is over" shows_no_trouble "$mate" || fail "show failover still says it"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"
hold_laws
