# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What chaos reports (sourced by it): a line per class of fault, and the bounds that do not hold. A run leaves the file
# "events": a line "CLASS GAP-MS LOST AUTHENTICATIONS DEAD-TUNNELS OWNER" for each event, with R23's counts behind it for a
# link cut (merged, IKE SAs taken whole, set up anew, CHILD SAs rekeyed, merges that failed), and "whole" at the end, when
# the tunnel stands and the captures keep the laws.

# token 500 + consensus 150, as the lab's Corosync has it
MEMBERSHIP_MS=650

say() {
	printf '%s  %s\n' "$(date +%T)" "$*"
}

declare -A gaps=() lost=() auths=() counts=() dead=() stayed=() moved=()
tunnels_lost=0 reauths=0 events=0
merged=0 taken=0 anew=0 rekeyed=0 merges_failed=0

# read_events DIR: adds what that run left.
read_events() {
	local class gap missing again gone owner m t a r f
	while read -r class gap missing again gone owner m t a r f; do
		[ "$class" != whole ] || continue
		events=$((events + 1))
		gaps[$class]+=" $gap"
		lost[$class]=$((${lost[$class]:-0} + missing))
		auths[$class]=$((${auths[$class]:-0} + again))
		counts[$class]=$((${counts[$class]:-0} + 1))
		dead[$class]=$((${dead[$class]:-0} + gone))
		tunnels_lost=$((tunnels_lost + gone))
		if [ "$owner" = same ]; then
			stayed[$class]=$((${stayed[$class]:-0} + 1))
		else
			moved[$class]=$((${moved[$class]:-0} + 1))
		fi
		merged=$((merged + ${m:-0})) taken=$((taken + ${t:-0})) anew=$((anew + ${a:-0}))
		rekeyed=$((rekeyed + ${r:-0})) merges_failed=$((merges_failed + ${f:-0}))
		# Changed on both sides of a cut, an SA is made anew: R23's counted case, where it has counted one.
		[ "${a:-0}" -gt 0 ] || reauths=$((reauths + again))
	done <"$1/events"
}

# add_runs DIR...: one report of several runs.
add_runs() {
	local dir
	for dir; do
		[ -r "$dir/events" ] || { echo "$dir/events cannot be read; expected what a run of chaos left" >&2; exit 2; }
		read_events "$dir"
		grep -qx whole "$dir/events" && continue
		say "BOUND: $dir ended early, without a tunnel, or its captures break a law"
		status=1
	done
	report "runs=$#"
}

# percentile P VALUE...: nearest rank.
percentile() {
	local p=$1
	shift
	printf '%s\n' "$@" | sort -n | awk -v p="$p" '{ v[NR] = $1 } END { r = int((NR * p + 99) / 100); print v[r < 1 ? 1 : r] }'
}

status=0
# bound CLASS WHAT VALUE LIMIT
bound() {
	[ "$3" -lt "$4" ] && return
	say "BOUND: $1: $2 $3 ms, expected below $4"
	status=1
}

# Who owns when the pair is whole again: the node that owned before, or the other one, and how often if it varies.
owner_after() {
	local same=${stayed[$1]:-0} other=${moved[$1]:-0}
	if [ "$other" = 0 ]; then
		echo same
	elif [ "$same" = 0 ]; then
		echo other
	else
		echo "same $same other $other"
	fi
}

# report WHICH: what was read.
report() {
	local class list median most
	echo
	printf '%-14s %4s %-14s %10s %8s %8s %8s %8s %8s\n' fault n "owner after" "median ms" "p99 ms" "max ms" lost tunnels reauth
	for class in ${faults//,/ }; do
		[ -n "${counts[$class]:-}" ] || continue
		read -ra list <<<"${gaps[$class]}"
		median=$(percentile 50 "${list[@]}")
		most=$(percentile 100 "${list[@]}")
		printf '%-14s %4s %-14s %10s %8s %8s %8s %8s %8s\n' "$class" "${counts[$class]}" "$(owner_after "$class")" \
			"$median" "$(percentile 99 "${list[@]}")" "$most" "${lost[$class]}" "${dead[$class]:-0}" "${auths[$class]}"
		case $class in
		crash) bound crash median "$median" 300 ;;
		stop) bound stop max "$most" 2500 ;;
		host-loss | corosync)
			bound "$class" median "$median" $((MEMBERSHIP_MS + 200))
			bound "$class" max "$most" $((MEMBERSHIP_MS + 800))
			;;
		outside-loss | inside-loss) bound "$class" median "$median" 1000 ;;
		clock-step) bound clock-step max "$most" 100 ;;
		esac
	done
	for class in switchover restart clock-step; do
		[ "${lost[$class]:-0}" = 0 ] && continue
		say "BOUND: $class lost ${lost[$class]} packets, expected none"
		status=1
	done
	[ -z "${counts[link-cut]:-}" ] || echo "link-cut, R23: merged=$merged taken_whole=$taken set_up_anew=$anew" \
		"child_sas_rekeyed=$rekeyed merges_failed=$merges_failed"
	echo "chaos: $1 events=$events tunnels_lost=$tunnels_lost reauths=$reauths"
	[ $tunnels_lost = 0 ] && [ $reauths = 0 ] && [ $merges_failed = 0 ] || status=1
}
