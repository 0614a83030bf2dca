#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The agent by itself: ocf-tester with a standalone daemon, its metadata against the schemas that are installed, what pcs
# makes of the printed commands, and what it does with a daemon that was killed, that hangs or that is configured for the internal role manager.
LAB_LIMIT=150
. "$(dirname "$0")/lab.sh"
need_holdfast
for tool in ocf-tester xmllint pcs cibadmin crm_verify; do
	command -v $tool >/dev/null || fail "$tool is not installed (resource-agents, libxml2-utils, pcs, pacemaker)"
done
lab_enter "$@"

SCHEMAS=/usr/share/resource-agents
agent=/run/ocf/concentrator
conf=/etc/holdfast/holdfast.conf
lab_up || fail "the topology does not come up"

# agent ACTION [VARIABLE=VALUE...]: its exit status is the agent's.
agent() {
	local action=$1
	shift
	on_node 1 env OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=vpn OCF_RESOURCE_TYPE=concentrator \
		OCF_RESKEY_binary=/run/ocf/holdfastd OCF_RESKEY_client="$HOLDFAST" "$@" "$agent" "$action"
}

# expect STATUS ACTION [VARIABLE=VALUE...]
expect() {
	local wanted=$1 status
	shift
	agent "$@"
	status=$?
	[ $status = "$wanted" ] || fail "$*: exit status $status, not $wanted"
}

daemon_pid() {
	pgrep -x --ns "${LAB_BOX[n1]}" --nslist net holdfastd
}

no_daemon() {
	! daemon_pid
}

standalone_conf() {
	lab_holdfast_conf 1 | grep -v '^failover'
	echo "failover role-manager ${1:-pacemaker}"
}

install_conf() {
	on_node 1 bash -c "cat >$conf && chown holdfast:holdfast $conf && chmod 600 $conf"
}

# As `make install` and systemd-sysusers leave the machine; programs where that user can reach them.
on_node 1 bash -c '
	set -e
	useradd --system --no-create-home --shell /usr/sbin/nologin holdfast
	chown holdfast: /var/lib/holdfast /etc/holdfast
	chmod 755 /run
	mkdir -m 755 /run/ocf
	install -m 755 "$1" /run/ocf
	install -m 755 "$2" /run/ocf/concentrator' install "$HOLDFASTD" "$LAB_TOP/etc/ocf/concentrator.in" || fail "no user holdfast"
standalone_conf | install_conf

echo "--- metadata"
agent meta-data >"$LAB_DIR/metadata.xml" || fail "meta-data fails"
(cd $SCHEMAS && xmllint --noout --valid - <"$LAB_DIR/metadata.xml") || fail "the metadata breaks ra-api-1.dtd"
for schema in $SCHEMAS/metadata.rng /usr/lib/python3/dist-packages/pcs*/data/ocf-1.1.rng \
	/usr/share/pcs/data/ocf-1.1.rng /usr/share/resource-agents/ra-api.rng; do
	[ -f "$schema" ] || continue
	xmllint --noout --nonet --relaxng "$schema" "$LAB_DIR/metadata.xml" || fail "the metadata breaks $schema"
	echo "figure: metadata agrees with $schema"
done

echo "--- what is printed for pcs"
# shellcheck disable=SC2016
on_node 1 bash -ec '
	mount -t tmpfs tmpfs /usr/lib/ocf/resource.d
	install -D -m 755 "$1" /usr/lib/ocf/resource.d/holdfast/concentrator
	cibadmin --empty >/run/cib.xml
	pcs() { command pcs -f /run/cib.xml "$@"; }
	pcs property set stonith-enabled=false
	. <("$2" pacemaker print-config pcs)
	crm_verify -V -x /run/cib.xml
	for meta in promotable=true promoted-max=1 notify=true; do
		grep "<nvpair .*name=\"${meta%=*}\" value=\"${meta#*=}\"" /run/cib.xml
	done
	umount /usr/lib/ocf/resource.d' pcs "$agent" "$HOLDFAST" >"$LAB_DIR/pcs.log" 2>&1 ||
	fail "the printed pcs commands: $(cat "$LAB_DIR/pcs.log")"

echo "--- ocf-tester"
on_node 1 ocf-tester -v -n vpn -o binary=/run/ocf/holdfastd -o client="$HOLDFAST" "$agent" || fail "ocf-tester fails"

echo "--- a daemon that is killed, that hangs"
expect 7 monitor
expect 0 start
expect 0 monitor
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$(daemon_pid)/status")" = "$(on_node 1 id -u holdfast)" ] || fail "the daemon does not run as holdfast"
# As the unit has it: net_bind_service, net_admin, net_raw and ipc_lock, and huge pages.
[ "$(sed -n 's/^CapBnd:\t//p' "/proc/$(daemon_pid)/status")" = 0000000000007400 ] || fail "the daemon has other capabilities"
tr '\0' '\n' <"/proc/$(daemon_pid)/environ" | grep -qx "$(sed -n 's/^Environment=//p' "$LAB_TOP/etc/holdfastd.service.in")" ||
	fail "the daemon has another environment"
expect 0 promote
expect 8 monitor
expect 8 monitor OCF_CHECK_LEVEL=20 OCF_RESKEY_CRM_meta_role=Promoted
kill -KILL "$(daemon_pid)"
wait_for 2 "the killed daemon is gone" no_daemon || fail "the killed daemon is still there"
expect 7 monitor
expect 0 stop
expect 0 start
expect 0 promote
kill -STOP "$(daemon_pid)"
expect 9 monitor OCF_RESKEY_CRM_meta_role=Promoted
expect 0 stop OCF_RESKEY_CRM_meta_timeout=12000
[ -z "$(daemon_pid)" ] || fail "stop leaves a process"

echo "--- when a node counts as fenced"
# A daemon that waits for node 2 to be off, and writes what it is told.
cat >"$LAB_DIR/client" <<-CLIENT
	#!/bin/sh
	[ "\$1" = --json ] || { echo "\$*" >>"$LAB_DIR/told"; exit 0; }
	"$HOLDFAST" "\$@" | jq '.failover.group.awaits_fencing_of = 2'
CLIENT
mkdir "$LAB_DIR/bin"
cat >"$LAB_DIR/bin/crm_mon" <<-CRM
	#!/bin/sh
	cat "$LAB_DIR/crm_mon.xml"
CRM
chmod 755 "$LAB_DIR/client" "$LAB_DIR/bin/crm_mon"
# told_when ENABLED ONLINE UNCLEAN TARGET STATUS: what the daemon is told when Pacemaker says so of node n2.
told_when() {
	cat >"$LAB_DIR/crm_mon.xml" <<-XML
		<pacemaker-result>
		  <cluster_options stonith-enabled="$1" symmetric-cluster="true"/>
		  <nodes>
		    <node name="n1" id="1" online="true" standby="false" unclean="false" type="member"/>
		    <node name="n2" id="2" online="$2" standby="false" unclean="$3" type="member"/>
		  </nodes>
		  <fence_history>
		    <fence_event action="reboot" target="$4" client="pacemaker-controld.405" status="$5"/>
		  </fence_history>
		</pacemaker-result>
	XML
	: >"$LAB_DIR/told"
	agent monitor OCF_RESKEY_client="$LAB_DIR/client" PATH="$LAB_DIR/bin:$PATH" >/dev/null 2>&1
	cat "$LAB_DIR/told"
}
expect 0 start
[ "$(told_when true false false n2 success)" = "node fenced 2" ] || fail "a node that is fenced is not told"
for case in "false false false n2 success" "true true false n2 success" "true false true n2 success" \
	"true false false n2 failed" "true false false n1 success"; do
	# shellcheck disable=SC2086
	[ -z "$(told_when $case)" ] || fail "told to be fenced: $case"
done
expect 0 stop

echo "--- wrong configurations"
standalone_conf internal | install_conf
expect 6 start
[ -z "$(daemon_pid)" ] || fail "a start that failed leaves a process"
echo "failover key hex 0011" | install_conf
expect 0 validate-all
expect 6 validate-all OCF_CHECK_LEVEL=10
expect 6 start
expect 5 start OCF_RESKEY_user=nobody-here
expect 5 start OCF_RESKEY_binary=/nowhere/holdfastd
expect 3 migrate_to
