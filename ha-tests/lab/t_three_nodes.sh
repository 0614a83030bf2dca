#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes, one group. The owner is killed, then the second owner: the tunnel goes on with the third node, same SPIs,
# no new authentication. With three votes a cut leaves one side silent: a standby that is cut off does not claim, an
# owner that is cut off stops by itself, and the others carry on. Two IKE SAs are allowed to the three nodes together
# (R24): a third one is refused before and after a takeover, and takes the place of one that ends.
LAB_LIMIT=180
LAB_NODES="1 2 3"
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# further_peer N: entry N of the crypto map, a peer at 192.0.2.N with 198.19.0.N behind it.
further_peer() {
	cat <<-CONF
	access-list LAB$1 extended permit ip host 198.51.100.$1 host 198.19.0.$1
	crypto map OUT $1 match address LAB$1
	crypto map OUT $1 set peer 192.0.2.$1
	crypto map OUT $1 set ikev2 ipsec-proposal GCM
	crypto map OUT $1 set pfs group19
	tunnel-group 192.0.2.$1 type ipsec-l2l
	tunnel-group 192.0.2.$1 ipsec-attributes
	 ikev2 remote-authentication pre-shared-key $PEER_PSK
	 ikev2 local-authentication pre-shared-key $HF_PSK
	CONF
}
STANDBY=192.0.2.77
HF_EXTRA="interface outside
 ip address $SERVICE 255.255.255.0 standby $STANDBY
crypto ikev2 limit max-sa 2 cluster
$(further_peer 20)
$(further_peer 30)"

# sent_by N: packets of the service address that have left node N.
sent_by() {
	count_packets "n$1" egress "$FILTER_OWN"
}

# the_others N: the nodes beside N.
the_others() {
	local node
	for node in $LAB_NODES; do
		[ "$node" = "$1" ] || echo "$node"
	done
}

# new_owner N...: one of these nodes owns, and says so alone.
new_owner() {
	local active
	active=$(active_node) && [[ " $* " = *" $active "* ]]
}

no_quorum() {
	hf "$1" show failover | grep -q 'Quorum: NO'
}

is_active_among() {
	local node
	for node; do
		is_active "$node" && return
	done
	return 1
}

# same_tunnel WHEN: the IKE SA that there was, and nobody proved itself again.
same_tunnel() {
	local node auths=0
	[ "$(peer_identity)" = "$before" ] || fail "$1: the peer has another IKE SA"
	for node in $LAB_NODES; do
		auths=$((auths + $(count_packets "n$node" egress "src host $SERVICE and ($FILTER_IKE_AUTH)")))
	done
	[ $auths = 1 ] || fail "$1: $auths IKE_AUTH responses"
}

peer_children() {
	peer_cmd --list-sas --raw | grep -o 'spi-\(in\|out\)=[0-9a-f]*' | sort
}

# same_children WHEN: the ESP SAs that there were. Two seconds after a takeover they are rekeyed (R18), which takes an old
# one to ask with: on a slow machine that has come before the look.
same_children() {
	[ "$(peer_children)" = "$children" ] || grep -q 'parsed CREATE_CHILD_SA request .* N(REKEY_SA)' "$LAB_DIR/peer/charon.log" ||
		fail "$1: the peer has other ESP SPIs"
}

lab_start_tunnel
for node in $LAB_NODES; do
	! on_node "$node" ip -o addr | grep -q "inet $STANDBY/" || fail "n$node has the standby address, as another may"
done
before=$(peer_identity)
children=$(peer_children)

# What the units say of each other.
hf 3 show failover >"$LAB_DIR/show3" || fail "n3 does not answer"
grep -q '^Failover unit Member-3$' "$LAB_DIR/show3" || fail "n3 does not call itself Member-3"
[ "$(grep -c 'Other host:' "$LAB_DIR/show3")" = 1 ] || fail "outside parsers take one other host"
grep -q 'Members: 3 of 3' "$LAB_DIR/show3" || fail "not three members"
[ "$(hf 3 show failover state | grep -c 'Other host')" = 2 ] || fail "show failover state does not have both others"
[ "$(hf 1 failover exec member vpn3 show version | grep -c 'vpn3')" -ge 1 ] || fail "failover exec member does not reach n3"
hf 1 failover exec mate show version >"$LAB_DIR/mate" 2>&1 && fail "failover exec mate has one meaning among three"
grep -q '^ERROR: ' "$LAB_DIR/mate" || fail "failover exec mate says: $(cat "$LAB_DIR/mate")"

# One after the other until one is left.
flow_start kills 1000 60
sleep 1
left=$LAB_NODES
for i in 1 2; do
	active=$(active_node) || fail "no active node"
	lab_kill9 "n$active" holdfastd
	left=$(tr ' ' '\n' <<<"$left" | grep -vx "$active" | tr '\n' ' ')
	# shellcheck disable=SC2086
	wait_for 5 "a new owner" new_owner $left || fail "kill $i: nobody of $left owns"
	sleep 1
	same_tunnel "kill $i"
	same_children "kill $i"
done
last=$(active_node)
is_protected "$last" && fail "n$last is alone and says that it is protected"
flow_stop kills || fail "the flow left no report"
echo "figure: two owners killed in turn: gap $(flow_gap kills) ms, lost $(flow_lost kills)"
[ "$(flow_gap kills)" -lt 1000 ] || fail "a silence of $(flow_gap kills) ms"
ping_through 3 >"$LAB_DIR/ping-last.log" 2>&1 || fail "no ping through the last node"

for node in $(the_others "$last"); do
	lab_start_daemon "$node"
done
wait_for 20 "all protected" all_protected || fail "the restarted nodes are not protected"
[ "$(active_node)" = "$last" ] || fail "n$last lost the group to a node that came back"

# A standby that is cut off is a minority.
cut=$(the_others "$last" | tail -n 1)
lab_cluster_link "$cut" down
wait_for 10 "no quorum" no_quorum "$cut" || fail "n$cut has quorum alone"
sleep 3
is_active "$cut" && fail "a standby without quorum claims"
[ "$(active_node)" = "$last" ] || fail "the owner of the majority lost the group"
[ "$(sent_by "$cut")" = "$(sleep 1; sent_by "$cut")" ] || fail "n$cut sends without quorum"
lab_cluster_link "$cut" up
wait_for 20 "all protected" all_protected || fail "n$cut is not protected again"
same_tunnel "a standby cut off"

# So is an owner that is cut off.
flow_start minority 500 60
sleep 1
lab_cluster_link "$last" down
wait_for 10 "no quorum" no_quorum "$last" || fail "n$last has quorum alone"
# shellcheck disable=SC2046
wait_for 10 "an owner in the majority" is_active_among $(the_others "$last") || fail "nobody took over from the minority"
sleep 1
quiet=$(sent_by "$last")
sleep 2
[ "$(sent_by "$last")" = "$quiet" ] || fail "n$last sends without quorum"
ping_through 3 >"$LAB_DIR/ping-majority.log" 2>&1 || fail "no ping through the majority"
same_tunnel "an owner cut off"
lab_cluster_link "$last" up
wait_for 20 "one owner and protected standbys" all_protected || fail "not one owner after the link is back"
[ "$(active_node)" != "$last" ] || fail "n$last has the group again"
flow_stop minority || fail "the flow left no report"
echo "figure: the owner cut off from two others: gap $(flow_gap minority) ms, lost $(flow_lost minority)"
same_tunnel "the end"

# --- R24: two IKE SAs for all of them together ---

# At the same strongSwan, with addresses of their own.
start_further_peers() {
	local n
	for n in 20 30; do
		in_box peer ip addr add 192.0.2.$n/24 dev outside
		in_box peer ip addr add 198.19.0.$n/32 dev inside
		lab_swanctl_conf 192.0.2.$n $SERVICE 198.19.0.$n/32 198.51.100.$n/32 "$PEER_PSK" "$HF_PSK" |
			sed "s/^lab {/lab$n {/; s/^net {/net$n {/; s/^ike-/ike$n-/"
	done >"$LAB_DIR/peer/further.conf"
	in_box peer cp "$LAB_DIR/peer/further.conf" /etc/swanctl/conf.d/further.conf
	in_box peer grep -q 'include conf.d' /etc/swanctl/swanctl.conf ||
		in_box peer sh -c 'echo "include conf.d/*.conf" >>/etc/swanctl/swanctl.conf'
	peer_cmd --load-all >"$LAB_DIR/load.log" 2>&1
}

# peer_sets_up N [OPTION...]
peer_sets_up() {
	peer_cmd --initiate --child "net$1" "${@:2}" >"$LAB_DIR/initiate$1.log" 2>&1
}

# admission N FILTER: what node N counts.
admission() {
	hf "$1" --json show crypto call admission statistics | jq -r ".call_admission | $2"
}

# shares_are SUM: of the members together. A place that is free goes from one to another.
shares_are() {
	local node sum=0
	for node in $LAB_NODES; do
		is_active "$node" || is_standby "$node" || continue
		sum=$((sum + $(admission "$node" .share)))
	done
	[ "$sum" = "$1" ]
}

# refused WHEN N: peer N gets no answer, the owner counts it, and the shares are within the limit.
refused() {
	local count
	active=$(active_node) || fail "$1: no active node"
	count=$(admission "$active" .incoming.rejected_sa)
	peer_sets_up "$2" --timeout 3 && fail "$1: a third IKE SA is set up"
	peer_cmd --terminate --ike "lab$2" --force >/dev/null 2>&1
	[ "$(admission "$active" .incoming.rejected_sa)" -gt "$count" ] || fail "$1: n$active counts no refusal"
	[ "$(peer_ike_sas | grep -c ESTABLISHED)" = 2 ] || fail "$1: the peer has not two IKE SAs"
	wait_for 5 "" shares_are 2 || fail "$1: the shares of the members are not 2 together"
}

# replaced WHEN OLD NEW: when OLD has ended there is a place for NEW.
replaced() {
	peer_cmd --terminate --ike "lab$2" >"$LAB_DIR/terminate.log" 2>&1 || fail "$1: peer $2 cannot end its IKE SA"
	peer_sets_up "$3" || fail "$1: no place for peer $3"
}

start_further_peers || fail "the further peers are not loaded"
peer_sets_up 20 || fail "the second of two IKE SAs is refused"
refused "two there" 30
replaced "two there" 20 30
refused "the other two there" 20
last=$(active_node) || fail "no active node"
lab_kill9 "n$last" holdfastd
# shellcheck disable=SC2046
wait_for 5 "a new owner" is_active_among $(the_others "$last") || fail "nobody took over"
refused "after the takeover" 20
replaced "after the takeover" 30 20
hold_laws
