#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Split brain: the cluster link is cut while both nodes reach the peer. Both halves of a pair stay quorate, so both may
# own; whatever they send, no IV is used twice (law 1). After the link is back there is one owner, with what both held:
# the peer's IKE SA is the one that it had, unless both have changed it, which is counted (R23).
LAB_BESIDE=1
LAB_LIMIT=120
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

both_active() {
	is_active 1 && is_active 2
}

lab_start_tunnel
before=$(peer_identity)
flow_start cut 1000 60
sleep 1
lab_cluster_link 1 down
wait_for 10 "both to be active" both_active || fail "not both are active in the cut"
sleep 2
both_active || fail "one of them is not active any more"
lab_cluster_link 1 up
wait_for 20 "one owner and a protected standby" pair_protected || fail "not one owner and one protected standby after healing"
wait_for 20 "a tunnel" ping_through 1 || fail "no tunnel after healing"
flow_stop cut || fail "the flow left no report"

# merge_figure NAME: a counter of R23, of both nodes together.
merge_figure() {
	local node sum=0
	for node in 1 2; do
		sum=$((sum + $(hf $node --json show failover statistics | jq -r --arg name "$1" \
			'.failover_statistics.counters[] | select(.name == $name).value')))
	done
	echo $sum
}

taken=$(merge_figure merged_ike_sas_taken) anew=$(merge_figure merged_ike_sas_set_up_anew)
echo "figure: both active; gap $(flow_gap cut) ms, lost $(flow_lost cut); merged $(merge_figure split_brains_merged)," \
	"taken whole $taken, set up anew $anew, CHILD SAs rekeyed $(merge_figure merged_child_sas_rekeyed)"
[ "$(merge_figure split_brains_merged)" -ge 1 ] || fail "nothing was merged"
[ "$(merge_figure merges_failed)" = 0 ] || fail "a merge failed"
if [ "$anew" = 0 ]; then
	[ "$(peer_identity)" = "$before" ] || fail "the peer has another IKE SA, and none was counted"
fi
hold_laws --partition
