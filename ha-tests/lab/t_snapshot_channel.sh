#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# R22: with 'failover snapshot-channel' a joining standby takes the state over TCP (ZeroMQ, CURVE), not through Corosync,
# and is worth a takeover. A member with a key that the owner does not know gets no state, and is an alarm there.
LAB_BESIDE=1
LAB_LIMIT=150
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# counter N NAME: a counter of the snapshot channel.
counter() {
	hf "$1" --json show counters | jq ".counters[] | select(.protocol == \"SNAPSHOT\" and .name == \"$2\").value"
}

# snapshot_row N FIELD: of the row in `show failover`.
snapshot_row() {
	hf "$1" --json show failover | jq ".failover.stateful[] | select(.name == \"Snapshot\").$2"
}

for node in 1 2; do
	lab_make_key $node || fail "no key for n$node"
done
[ "$(stat -c %a "$LAB_DIR/n1/snapshot.key")" = 600 ] || fail "the secret key is readable by others"
"$HOLDFAST" cluster keygen "$LAB_DIR/n1/snapshot.key" slot 1 && fail "keygen writes over a key"

lab_start_tunnel
before=$(peer_identity)
active=$(active_node) || fail "no active node"
standby=$(other "$active")

capture_start "n$active" join cluster "tcp port 4511" || fail "no capture"
lab_kill9 "n$standby" holdfastd
wait_for 5 "unprotected" eval "! is_protected $active" || fail "n$active still calls itself protected"
start=$(now_ms)
lab_start_daemon "$standby"
wait_for 15 "protected" pair_protected || fail "not protected again"
echo "figure: a standby that was killed protects again $(($(now_ms) - start)) ms after its start"
capture_stop "n$active" join || fail "the capture is not complete"

packets=$(count_packets "n$active" join "src host ${NODE_CLUSTER[$active]} and tcp[tcpflags] & tcp-push != 0")
echo "figure: snapshot over TCP: $packets packets with data from the owner, $(counter "$active" bytes-sent) bytes"
[ "$packets" -gt 0 ] || fail "nothing went over TCP"
[ "$(snapshot_row "$standby" rcv)" -gt 0 ] || fail "n$standby received nothing by the channel"
[ "$(snapshot_row "$active" xmit)" -gt 0 ] || fail "n$active sent nothing by the channel"
[ "$(counter "$active" connections-admitted)" -gt 0 ] || fail "n$active admitted nobody"
[ "$(counter "$active" connections-refused)" = 0 ] || fail "n$active refused a member"

lab_kill9 "n$active" holdfastd
wait_for 5 "takeover" is_active "$standby" || fail "no takeover"
ping_through 3 >"$LAB_DIR/ping2.log" 2>&1 || fail "no ping after the takeover by the node that joined"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA"

# The former owner comes back with a key of which the other knows nothing.
intruder=$active active=$standby
cp "$LAB_DIR/n$intruder/public" "$LAB_DIR/public.old"
lab_make_key "$intruder" || fail "no other key"
lab_start_daemon "$intruder"
wait_for 10 "an alarm" grep -q 'connection to the snapshot channel refused' "$LAB_DIR/n$active/holdfastd.log" ||
	fail "a member with another key raises no alarm"
grep 'connection to the snapshot channel refused' "$LAB_DIR/n$active/holdfastd.log" | grep -q "${NODE_CLUSTER[$intruder]}" ||
	fail "the alarm does not name the address"
sleep 7 # more than one marker
is_standby "$intruder" && fail "a member with another key is a standby"
is_protected "$active" && fail "the group counts on a member with another key"
[ "$(counter "$active" connections-refused)" -gt 0 ] || fail "a refusal is not counted"
[ "$(counter "$intruder" bytes-received)" = 0 ] || fail "a member with another key got state"
grep -q "no connection to the owner's snapshot channel" "$LAB_DIR/n$intruder/holdfastd.log" || fail "the refused member does not say so"
grep -h 'snapshot channel' "$LAB_DIR/n$active/holdfastd.log" "$LAB_DIR/n$intruder/holdfastd.log" | head -n 4
# With its key made known it is one again.
lab_stop "n$intruder" holdfastd
lab_stop "n$active" holdfastd
for node in $active $intruder; do
	lab_start_daemon "$node"
done
wait_for 20 "both" pair_protected || fail "the pair does not come up with the new key"
show_counters
