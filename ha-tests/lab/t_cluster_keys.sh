#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# R3: holdfastd does not start while Corosync's encryption is off, unless told to in so many words; and a member with
# another failover key is refused, counted and an alarm, and never becomes a standby.
LAB_BESIDE=1
LAB_LIMIT=90
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

lab_up || fail "the topology does not come up"

lab_start_corosync 1
lab_stop n1 corosync
sed -i 's/crypto_cipher: .*/crypto_cipher: none/; s/crypto_hash: .*/crypto_hash: none/' "$LAB_DIR/n1/corosync.conf"
cp "$LAB_DIR/n1/corosync.conf" "$LAB_DIR/n2/corosync.conf"
for node in 1 2; do
	lab_spawn n$node corosync corosync -f -c "$LAB_DIR/n$node/corosync.conf"
done
wait_for 20 "quorate" quorate 1 || fail "Corosync is not quorate"

lab_start_daemon 1
wait_for 10 "a refusal" lab_gone n1 holdfastd || fail "holdfastd runs although Corosync's encryption is off"
grep 'Corosync runs without encryption: refusing to start' "$LAB_DIR/n1/holdfastd.log" || fail "it does not say why"

HF_EXTRA="failover allow-unencrypted-corosync"
lab_start_daemon 1
wait_for 10 "n1 answers" hf 1 show failover || fail "holdfastd does not start although it was told to"
sleep 1
lab_alive n1 holdfastd || fail "holdfastd does not go on although it was told to"
# R15: alone it does not know whether another holds state; the operator does.
is_active 1 && fail "a node that is alone owns without being told to"
hf 1 failover active || fail "failover active is refused"
wait_for 5 "n1 is active" is_active 1 || fail "n1 does not become active"

FAILOVER_KEY=ff${FAILOVER_KEY#00}
lab_start_daemon 2
wait_for 10 "an alarm" grep -q 'replication message refused' "$LAB_DIR/n1/holdfastd.log" ||
	fail "a member with another key raises no alarm"
sleep 3
is_standby 2 && fail "a member with another key is a standby"
is_active 2 && fail "a member with another key owns too"
is_active 1 || fail "a member with another key costs the owner its group"
grep 'replication message refused' "$LAB_DIR/n1/holdfastd.log" | head -n 2
exit 0
