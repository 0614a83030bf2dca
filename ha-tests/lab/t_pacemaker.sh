#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Pacemaker decides who is active (failover role-manager pacemaker), with the configuration that `holdfast
# pacemaker print-config crm` prints: promotion, a planned move (R19, no packet lost), a daemon that is killed, loss of
# a node, and a node that was never synced, which is not promoted.
LAB_LIMIT=235
. "$(dirname "$0")/lab.sh"
need_holdfast
for tool in pacemakerd crm crm_mon crm_resource crm_attribute; do
	command -v $tool >/dev/null || fail "$tool is not installed (pacemaker, crmsh)"
done
lab_enter "$@"

HF_EXTRA="failover role-manager pacemaker"

# The agent where Pacemaker looks for it. The daemon logs to a file and exports its keys, as in the other cases.
install_agent() {
	local node=$1
	lab_holdfast_conf "$node" >"$LAB_DIR/n$node/holdfast.conf"
	mkdir -p "$LAB_DIR/n$node/keys"
	cat >"$LAB_DIR/n$node/launcher" <<-LAUNCHER
	#!/bin/bash
	[ "\$1" != -t ] || exec "$HOLDFASTD" "\$@"
	setsid "$HOLDFASTD" -f --export-keys "$LAB_DIR/n$node/keys" "\$@" >>"$LAB_DIR/n$node/holdfastd.log" 2>&1 </dev/null &
	LAUNCHER
	# shellcheck disable=SC2016
	on_node "$node" bash -c '
		set -e
		install -m 600 "$1/holdfast.conf" /etc/holdfast/holdfast.conf
		mkdir -p /run/ocf /run/resource-agents
		install -m 755 "$1/launcher" /run/ocf/holdfastd
		mount -t tmpfs tmpfs /usr/lib/ocf/resource.d
		mkdir -p /usr/lib/ocf/resource.d/holdfast
		sed "s|@sbindir@|/run/ocf|; s|@bindir@/holdfast|$2|; s|^user_default=.*|user_default=root|" "$3" \
			>/usr/lib/ocf/resource.d/holdfast/concentrator
		chmod 755 /usr/lib/ocf/resource.d/holdfast/concentrator
		mount -t tmpfs tmpfs /var/log
		mkdir /var/log/crmsh
		install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
		rm -rf /var/lib/pacemaker/cib/* /var/lib/pacemaker/pengine/*' \
		install "$LAB_DIR/n$node" "$HOLDFAST" "$LAB_TOP/etc/ocf/concentrator.in"
}

start_pacemaker() {
	lab_spawn "n$1" pacemakerd env PCMK_logfile="$LAB_DIR/n$1/pacemaker.log" PCMK_dc_deadtime=5s pacemakerd -f
}

daemon_pid() {
	pgrep -x --ns "${LAB_BOX[n$1]}" --nslist net holdfastd
}

online() {
	[ "$(on_node "$1" crm_mon -1 2>/dev/null | sed -n 's/.* Online: \[ \(.*\) \].*/\1/p')" = "n1 n2" ]
}

# promoted N [BY]: as Pacemaker on node BY (on N itself) sees it, the promoted instance is on node N.
promoted() {
	on_node "${2:-$1}" crm_mon -1 2>/dev/null | grep -qE "(Promoted|Masters): \[ n$1 \]"
}

# promotion_score N: what the agent on node N said last; empty when it said none.
promotion_score() {
	on_node "$1" crm_attribute --promotion=holdfast --node "n$1" --query --quiet 2>/dev/null
}

score_is() {
	[ "$(promotion_score "$1")" = "$2" ]
}

no_daemon() {
	[ -z "$(daemon_pid "$1")" ]
}

lab_up || fail "the topology does not come up"
for node in 1 2; do
	install_agent $node || fail "the agent is not installed in n$node"
done
egress_start || fail "no captures"
lab_start_peer || fail "strongSwan does not start"
began=$(now_ms)
lab_start_corosync 1
lab_start_corosync 2
wait_for 20 "quorate" quorate 1 && wait_for 5 "quorate" quorate 2 || fail "Corosync is not quorate"
start_pacemaker 1
start_pacemaker 2
wait_for 60 "" online 1 || fail "Pacemaker does not come up"
echo "figure: Pacemaker is up after $(($(now_ms) - began)) ms"

# As it is printed, with intervals that suit a test.
"$HOLDFAST" pacemaker print-config crm | sed 's/interval=5s/interval=2s/; s/interval=7s/interval=3s/' \
	>"$LAB_DIR/pacemaker-crm.txt"
on_node 1 crm configure property stonith-enabled=false || fail "crm configure property"
on_node 1 crm -F configure load update "$LAB_DIR/pacemaker-crm.txt" || fail "the printed configuration does not load"
wait_for 40 "a promoted instance and a protected standby" pair_protected || fail "nobody is promoted"
active=$(active_node)
wait_for 10 "Pacemaker knows" promoted "$active" || fail "Pacemaker does not know that n$active is active"
echo "figure: promoted n$active"
peer_cmd --initiate --child net && peer_tunnel_up && ping_through 3 || fail "no tunnel"
before=$(peer_identity)

echo "--- planned move"
mate=$(other "$active")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
score_is "$active" 1000 || fail "the active node's score is $(promotion_score "$active")"
flow_start move 1000 60
sleep 2
on_node "$active" crm_resource --ban --resource holdfast-clone --promoted --node "n$active" || fail "crm_resource --ban"
wait_for 30 "the move" promoted "$mate" || fail "Pacemaker does not promote n$mate"
is_active "$mate" || fail "n$mate is promoted and not active"
wait_for 15 "protected" pair_protected || fail "not protected after the move"
sleep 3
flow_stop move || fail "the flow left no report"
on_node "$active" crm_resource --clear --resource holdfast-clone
echo "figure: planned move: gap $(flow_gap move) ms, lost $(flow_lost move)"
[ "$(flow_lost move)" = 0 ] || fail "$(flow_lost move) packets lost by a planned move"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the move"

echo "--- the daemon is killed"
active=$(active_node) || fail "no active node after the move"
mate=$(other "$active")
flow_start crash 1000 90
sleep 1
kill -KILL "$(daemon_pid "$active")"
wait_for 30 "takeover" is_active "$mate" || fail "n$mate does not take over"
wait_for 30 "recovery" pair_protected || fail "n$active does not come back"
wait_for 20 "Pacemaker knows" promoted "$mate" || fail "Pacemaker does not know that n$mate is active"
flow_stop crash || fail "the flow left no report"
echo "figure: daemon killed: gap $(flow_gap crash) ms"
ping_through 3 || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the crash"

echo "--- a node is lost"
active=$mate mate=$(other "$mate")
wait_for 10 "scores" score_is "$mate" 100 || fail "the standby's score is $(promotion_score "$mate")"
flow_start loss 1000 90
sleep 1
lab_cable "$active" down
for pid in $(pgrep --ns "${LAB_BOX[n$active]}" --nslist net 'pacemaker|corosync|holdfastd'); do
	kill -KILL "$pid"
done
wait_for 40 "takeover" is_active "$mate" || fail "n$mate does not take over"
flow_stop loss || fail "the flow left no report"
echo "figure: node lost: gap $(flow_gap loss) ms"
ping_through 3 || fail "the tunnel is lost"
[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA after the loss"

echo "--- a node that was never synced"
lost=$active
on_node "$lost" sed -i 's/^failover key hex .*/failover key hex '"$(printf 'ab%.0s' {1..32})"'/' /etc/holdfast/holdfast.conf
lab_cable "$lost" up
lab_start_corosync "$lost"
wait_for 20 "quorate" quorate "$lost" || fail "n$lost does not come back to Corosync"
start_pacemaker "$lost"
wait_for 40 "both are online" online "$mate" || fail "n$lost does not come back to Pacemaker"
wait_for 20 "the daemon of n$lost" hf "$lost" show failover || fail "the daemon of n$lost is not started"
on_node "$mate" crm_attribute --node "n$mate" --name standby --update on || fail "n$mate cannot be put into standby"
wait_for 40 "n$mate in standby" no_daemon "$mate" || fail "the daemon of n$mate is not stopped"
sleep 8
hf "$lost" show failover || fail "the daemon of n$lost is gone"
[ -z "$(promotion_score "$lost")" ] || fail "n$lost, never synced, has the score $(promotion_score "$lost")"
is_active "$lost" && fail "n$lost, never synced, is active"
promoted "$lost" && fail "n$lost, never synced, is promoted"
hold_laws
