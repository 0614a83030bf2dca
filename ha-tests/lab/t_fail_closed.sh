#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fail closed (architecture.md section 9): no packet that the crypto map protects is seen in clear outside, whatever
# happens to the daemon: before it starts (guard table), reload, kill -9 of both. After a foreign `nft flush ruleset`
# the table is restored; the window in which clear packets could leave is measured and printed.
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

# Clear packets that left either node since the capture NAME was started.
clear_start() {
	capture_start n1 "$1" outside -Q out "$FILTER_CLEAR" && capture_start n2 "$1" outside -Q out "$FILTER_CLEAR" ||
		fail "no capture"
}

clear_count() {
	capture_stop n1 "$1" && capture_stop n2 "$1" || fail "the capture $1 is not complete"
	echo $(($(count_packets n1 "$1" ip) + $(count_packets n2 "$1" ip)))
}

none_clear() {
	local n
	n=$(clear_count "$1")
	[ "$n" = 0 ] || fail "$1: $n clear packets left"
}

# Both nodes would forward hosta's packets in clear if nothing stopped them: seen here once, before anything is set up.
lab_up || fail "the topology does not come up"
on_node 1 ip addr add $INSIDE_SERVICE/32 dev inside
clear_start nothing
ping_through 3
[ "$(clear_count nothing)" -ge 1 ] || fail "the lab itself stops clear packets: this case proves nothing"
on_node 1 ip addr del $INSIDE_SERVICE/32 dev inside

lab_start_peer || fail "strongSwan does not start"
lab_start_pair || fail "the pair does not come up"
clear_start up
peer_cmd --initiate --child net || fail "the peer cannot initiate"
flow_start up 1000 60
sleep 1
active=$(active_node)
lab_signal "n$active" holdfastd HUP
sleep 1
lab_alive "n$active" holdfastd || fail "a reload ended the daemon"
flow_stop up
[ "$(flow_lost up)" = 0 ] || fail "a reload lost $(flow_lost up) packets"

# Clear packets from outside that pretend to be of the protected network.
in_box watch ip addr add 203.0.113.77/32 dev lo
in_box watch ip route add 198.51.100.0/24 via $SERVICE
capture_start hosta spoofed inside "icmp and src host 203.0.113.77" || fail "no capture"
in_box watch ping -n -c 3 -i 0.2 -W 1 -I 203.0.113.77 $HOSTA
capture_stop hosta spoofed
[ "$(count_packets hosta spoofed icmp)" = 0 ] || fail "clear packets from outside reach the inside"
none_clear up

# A foreign flush. The flow is what could leak.
clear_start flush
flow_start flush 1000 60
sleep 1
on_node "$active" nft flush ruleset
sleep 2
on_node "$active" nft list ruleset | grep -q holdfast || fail "the table is not restored after a flush"
flow_stop flush
n=$(clear_count flush)
window=$(tcpdump -n -tt -r "$LAB_DIR/n$active/flush.pcap" 2>/dev/null | awk 'NR == 1 { a = $1 } { b = $1 } END { printf "%.0f", (b - a) * 1000 }')
echo "figure: after nft flush ruleset: $n clear packets of 1000/s in a window of ${window} ms"
[ "$window" -lt 500 ] || fail "the table is restored only after $window ms"

# kill -9 of both, with traffic from both sides.
clear_start killed
flow_start killed 1000 60
sleep 1
lab_kill9 "n$active" holdfastd
lab_kill9 "n$(other "$active")" holdfastd
# Somebody else takes the inside address: the node still forwards what hosta sends to it.
on_node "$active" ip addr add $INSIDE_SERVICE/32 dev inside
in_box hosta ip neigh flush all
sleep 2
flow_stop killed
none_clear killed

# The next boot: no table but what the guard loads, before any daemon. What forwarded just now must be stopped by it.
lab_cable "$active" down
on_node "$active" nft flush ruleset
on_node "$active" ip rule del priority 18502
on_node "$active" test -s /var/lib/holdfast/guard.nft || fail "the daemon left no /var/lib/holdfast/guard.nft"
guard=$(sed -n "s/^ExecStart=@nft@/nft/p" "$LAB_TOP/etc/holdfast-guard.service.in")
on_node "$active" bash -c "$guard" || fail "the guard does not load: $guard"
clear_start boot
lab_cable "$active" up
on_node "$active" ip route replace default via $PEER
ping_through 5
none_clear boot
