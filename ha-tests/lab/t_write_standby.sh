#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The configuration goes from the active unit to the standby: with a reload there, with write standby, when one joins with
# an older file; and a tunnel that only it brought works on the standby after a switchover. A standby takes no changes of its
# own, and one whose disk is read-only says so and loses nothing. All of it as installed: the daemons are not root.
LAB_BESIDE=1
LAB_LIMIT=170
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_enter "$@"

CONF=/etc/holdfast/holdfast.conf
MAP20="access-list TWO extended permit ip 198.51.100.0 255.255.255.0 198.19.1.0 255.255.255.0
crypto map OUT 20 match address TWO
crypto map OUT 20 set peer 192.0.2.3
crypto map OUT 20 set ikev2 ipsec-proposal GCM
crypto map OUT 20 set pfs group19
tunnel-group 192.0.2.3 type ipsec-l2l
tunnel-group 192.0.2.3 ipsec-attributes
 ikev2 remote-authentication pre-shared-key $PEER_PSK
 ikev2 local-authentication pre-shared-key $HF_PSK
 isakmp keepalive threshold 10 retry 2"
WARNING='\*\*\*\* WARNING \*\*\*\* Configuration Replication is NOT performed from Standby unit to Active unit. Configurations are no longer synchronized.'
scratch=$LAB_DIR/scratch

# edit N LINES: into node N's file, in place as an editor does.
edit() {
	printf '%s\n' "$2" | on_node "$1" tee -a $CONF >/dev/null
}

reload() {
	lab_signal "n$1" holdfastd HUP
}

log_of() {
	echo "$LAB_DIR/n$1/holdfastd.log"
}

# runs N STATUS COMMAND...: on node N, ends with this status; what it printed is in $scratch.
runs() {
	local node=$1 wanted=$2 status
	shift 2
	on_node "$node" timeout 20 "$HOLDFAST" "$@" >"$scratch" 2>&1
	status=$?
	[ $status = "$wanted" ] || fail "'$*' on n$node: status $status, expected $wanted: $(head -c 300 "$scratch")"
}

says() {
	grep -q -- "$1" "$scratch" || fail "expected '$1': $(head -c 500 "$scratch")"
}

digest_of() {
	hf "$1" --json show failover | jq -r .failover.this_host.config_digest
}

same_configuration() {
	local one
	one=$(digest_of 1)
	[ -n "$one" ] && [ "$one" = "$(digest_of 2)" ]
}

# has N LINE: the running configuration and the file of node N have it.
has() {
	hf "$1" show running-config | grep -qF -- "$2" && on_node "$1" grep -qF -- "$2" $CONF
}

# own_lines N: what no other unit may change.
own_lines() {
	on_node "$1" grep -E '^(hostname|failover (lan unit|slot|key|snapshot-channel key-file)) ' $CONF | sort
}

counter() {
	hf "$1" --json show failover statistics | jq ".failover_statistics.counters[] | select(.name == \"$2\").value"
}

channel_sent() {
	hf "$1" --json show counters | jq '.counters[] | select(.protocol == "SNAPSHOT" and .name == "messages-sent").value'
}

# As its file is.
start_standby() {
	# shellcheck disable=SC2046
	lab_spawn "n$standby" holdfastd $(lab_run_as "$standby") -f -c $CONF -s /var/lib/holdfast
}

# --- a pair with a tunnel; the second peer is there, and nobody has heard of it -------------------------

for node in 1 2; do
	[ -z "${WITH_CHANNEL:-}" ] || lab_make_key $node || fail "no key for n$node"
done
lab_start_tunnel
lab_box peer2 || fail "no box"
lab_wire peer2 outside br-out
in_box peer2 ip addr add 192.0.2.3/24 dev outside
in_box peer2 ip addr add 198.19.1.1/32 dev lo
lab_swanctl_conf 192.0.2.3 $SERVICE 198.19.1.0/24 198.51.100.0/24 $PEER_PSK $HF_PSK >"$LAB_DIR/peer2/swanctl.conf"
lab_start_charon peer2 || fail "no second peer"
active=$(active_node) || fail "no active node"
standby=$(other "$active")
own_before=$(own_lines "$standby")
before=$(peer_identity)

# --- a change on the active unit reaches the standby ----------------------------------------------------

edit "$active" "! the administrator's word
$MAP20"
from=$(now_ms)
reload "$active"
wait_for 5 "the second entry on the standby" has "$standby" 'crypto map OUT 20 set peer 192.0.2.3' ||
	fail "a reload does not reach the standby: $(tail -n 3 "$(log_of "$standby")")"
wait_for 5 "one configuration" same_configuration || fail "the configurations differ"
echo "figure: a reload of the active unit is in force and on disk on the standby $(($(now_ms) - from)) ms later"
[ "$(own_lines "$standby")" = "$own_before" ] || fail "the standby has lost its own lines: $(own_lines "$standby")"
[ "$(on_node "$standby" stat -c %a $CONF)" = 600 ] || fail "the file is readable by others"
on_node "$active" grep -q "administrator's word" $CONF || fail "the administrator's file was rewritten"
for node in "$active" "$standby"; do
	wait_for 3 "" grep -q "members have the same configuration again" "$(log_of $node)" ||
		fail "n$node still has its alarm"
done
grep -q 'Beginning configuration replication: Sending to mate' "$(log_of "$active")" || fail "the active unit does not say so"
grep -q 'Beginning configuration replication: Receiving from mate' "$(log_of "$standby")" || fail "the standby does not say so"
runs "$standby" 0 show failover history
says '^Standby Ready  *Sync Config  *Configuration mismatch$'
says '^Sync Config  *Standby Ready  *Configuration mismatch$'
is_protected "$active" || fail "the group is not protected any more"
on_node "$standby" "$HOLDFASTD" -t $CONF >"$scratch" 2>&1 || fail "the file on the standby is wrong: $(cat "$scratch")"

# --- write standby, write memory ------------------------------------------------------------------------

pieces=$(channel_sent "$active")
runs "$active" 0 write standby
[ -z "${WITH_CHANNEL:-}" ] || [ "$(channel_sent "$active")" -gt "$pieces" ] || fail "it does not go by the snapshot channel"
[ "$(cat "$scratch")" = "Beginning configuration replication: Sending to mate.
End Configuration Replication to mate." ] || fail "write standby says: $(cat "$scratch")"
runs "$standby" 1 write standby
says 'ERROR: this unit is not active; run it on the active unit'
runs "$active" 0 write memory
says 'holds the running configuration already'
says '^\[OK\]$'
on_node "$standby" sed -i '/^crypto map OUT 20/d' $CONF
runs "$active" 0 copy running-config startup-config
on_node "$standby" grep -q '^crypto map OUT 20 set peer' $CONF || fail "write memory does not reach the standby's file"
on_node "$standby" grep -q '^crypto map OUT 20' $CONF.previous && fail "the file before is not kept"

# --- a standby takes no change of its own ---------------------------------------------------------------

edit "$standby" "crypto map OUT 10 set pfs group14"
reload "$standby"
wait_for 3 "the warning" grep -q "$WARNING" "$(log_of "$standby")" || fail "no warning on the standby"
grep "$WARNING" "$(log_of "$standby")" | grep -q "found 'crypto map OUT 10 set pfs group14', expected 'crypto map OUT 10 set pfs group19'" ||
	fail "the warning does not say what: $(grep "$WARNING" "$(log_of "$standby")")"
same_configuration || fail "a standby's own change is in force"
runs "$standby" 0 write memory
says 'bytes copied'
on_node "$standby" grep -q group14 $CONF && fail "write memory does not put the running configuration back"
# Its own lines are its own business.
on_node "$standby" sed -i 's/^hostname .*/hostname renamed/' $CONF
reload "$standby"
wait_for 3 "" eval "hf $standby show running-config | grep -q '^hostname renamed'" || fail "a standby's own line is refused"

# --- a disk that is read-only: a message, and nothing lost ----------------------------------------------

on_node "$standby" mount --bind /etc/holdfast /etc/holdfast
on_node "$standby" mount -o remount,bind,ro /etc/holdfast || fail "no read-only disk"
on_node "$standby" cat $CONF >"$LAB_DIR/kept"
was=$(digest_of "$standby")
edit "$active" "crypto map OUT 20 set security-association lifetime seconds 7200"
reload "$active"
wait_for 5 "the alarm" grep -q 'members have different configurations' "$(log_of "$active")" || fail "no alarm"
runs "$active" 1 write standby
says "ERROR: vpn$standby, the unit in slot $standby keeps the configuration that it has: cannot write /etc/holdfast/holdfast.conf.new: Read-only file system"
grep -q 'Configuration replication failed.*Read-only file system' "$(log_of "$standby")" || fail "the standby does not say so"
[ "$(digest_of "$standby")" = "$was" ] || fail "the standby runs what it could not write down"
on_node "$standby" cmp -s $CONF "$LAB_DIR/kept" || fail "the standby's file has changed"
pair_protected || fail "a broken disk costs protection"
on_node "$standby" umount /etc/holdfast
runs "$active" 0 write standby
wait_for 3 "one configuration" same_configuration || fail "the mended disk does not help"
[ "$(own_lines "$standby")" = "${own_before/vpn$standby/renamed}" ] || fail "own lines: $(own_lines "$standby")"

# --- what needs a restart is refused and named, and changed unit by unit --------------------------------

lab_stop "n$standby" holdfastd 10
on_node "$standby" sed -i 's/^failover cluster-name.*/&\nfailover deadline 2500/' $CONF
start_standby
wait_for 15 "protected" pair_protected || fail "not protected with another deadline"
wait_for 5 "the refusal" grep -q "slot $standby: keeps the configuration that it has: a change of 'failover' needs a restart: found no line 'failover deadline 2500'" \
	"$(log_of "$active")" || fail "what needs a restart is not refused: $(tail -n 5 "$(log_of "$active")")"
on_node "$standby" grep -q '^failover deadline 2500' $CONF || fail "the line that needs a restart is gone"

# --- a join with an older file --------------------------------------------------------------------------

lab_stop "n$standby" holdfastd 10
lab_holdfast_conf "$standby" | on_node "$standby" tee $CONF >/dev/null
on_node "$standby" grep -q '^crypto map OUT 20' $CONF && fail "the file is not an older one"
from=$(now_ms)
start_standby
wait_for 15 "protected" pair_protected || fail "not protected after the join"
wait_for 5 "brought up to date" has "$standby" 'crypto map OUT 20 set security-association lifetime seconds 7200' ||
	fail "a join with an older file is not brought up to date: $(tail -n 5 "$(log_of "$standby")")"
same_configuration || fail "the configurations differ after the join"
echo "figure: a unit that joins with an older file has the newest $(($(now_ms) - from)) ms after its start"
[ "$(counter "$standby" configurations_received)" = 1 ] || fail "received: $(counter "$standby" configurations_received)"

# --- the switchover: the tunnel of the new entry works on the unit that never saw it typed --------------

runs "$active" 0 no failover active
wait_for 5 "n$standby is active" is_active "$standby" || fail "no switchover"
wait_for 5 "protected" pair_protected || fail "not protected after the switchover"
wait_for 15 "the new tunnel" in_box hosta ping -n -q -c 1 -W 1 198.19.1.1 || fail "no tunnel with the second peer"
in_box peer2 timeout 5 swanctl --list-sas --raw | grep -q 'state=ESTABLISHED.*state=INSTALLED' || fail "the second peer has no tunnel"
ping_through 3 >"$LAB_DIR/ping.log" 2>&1 || fail "the first tunnel does not carry traffic"
[ "$(peer_identity)" = "$before" ] || fail "the first peer has another IKE SA"

# --- no key leaves a unit in clear, and none is in a log ------------------------------------------------

for node in 1 2; do
	grep -qE "$FAILOVER_KEY|$PEER_PSK|$HF_PSK" "$(log_of $node)" && fail "a key is in the log of n$node"
done
echo "figure: $(hf "$active" show failover statistics | grep -c config_) kinds of config messages seen"
exit 0
