# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# A third vote without a third node (sourced by the cases that need it): corosync-qnetd in a box of its own, arbiter,
# which both nodes reach over the inside network, and corosync-qdevice on the nodes. LAB_QNETD_TLS=required has them
# prove themselves with the certificates of lab_qdevice_certificates.

LAB_QNETD=198.51.100.20

need_qdevice() {
	local tool
	for tool in corosync-qnetd corosync-qdevice corosync-qnetd-certutil corosync-qdevice-net-certutil; do
		command -v $tool >/dev/null || fail "$tool is not installed (corosync-qnetd, corosync-qdevice)"
	done
}

lab_start_qnetd() {
	lab_box arbiter || return 1
	lab_wire arbiter inside br-in
	in_box arbiter ip addr add $LAB_QNETD/24 dev inside
	in_box arbiter mkdir -p /run/corosync-qnetd
	[ -z "${LAB_QNETD_TLS:-}" ] || lab_qdevice_certificates >"$LAB_DIR/arbiter/certificates.log" 2>&1 || return 1
	lab_spawn arbiter qnetd corosync-qnetd -f -s "$([ -z "${LAB_QNETD_TLS:-}" ] && echo off || echo req)"
}

# The authority at the arbiter; one certificate for the cluster, which n1 asks for and n2 is given, as the manual page of
# corosync-qdevice-net-certutil has it.
lab_qdevice_certificates() {
	local qnetd=/etc/corosync/qnetd/nssdb qdevice=/etc/corosync/qdevice/net/nssdb at=$LAB_DIR/arbiter node
	in_box arbiter rm -rf $qnetd
	in_box arbiter corosync-qnetd-certutil -i -G && in_box arbiter cp $qnetd/qnetd-cacert.crt "$at" || return 1
	for node in $LAB_NODES; do
		on_node "$node" rm -rf $qdevice
		on_node "$node" corosync-qdevice-net-certutil -i -c "$at/qnetd-cacert.crt" || return 1
	done
	on_node 1 corosync-qdevice-net-certutil -r -n holdfast && on_node 1 cp $qdevice/qdevice-net-node.crq "$at" &&
		in_box arbiter corosync-qnetd-certutil -s -c "$at/qdevice-net-node.crq" -n holdfast &&
		in_box arbiter cp $qnetd/cluster-holdfast.crt "$at" &&
		on_node 1 corosync-qdevice-net-certutil -M -c "$at/cluster-holdfast.crt" &&
		on_node 1 cp $qdevice/qdevice-net-node.p12 "$at" &&
		on_node 2 corosync-qdevice-net-certutil -m -c "$at/qdevice-net-node.p12"
}

# lab_start_qdevice N: once Corosync is there.
lab_start_qdevice() {
	on_node "$1" mkdir -p /run/corosync-qdevice
	lab_spawn "n$1" qdevice corosync-qdevice -f
}

# has_votes N VOTES: node N is quorate with so many.
has_votes() {
	on_node "$1" corosync-quorumtool -s | awk -v votes="$2" '
		/^Quorate:/ { quorate = $2 } /^Total votes:/ { total = $3 }
		END { exit !(quorate == "Yes" && total == votes) }'
}

has_no_quorum() {
	on_node "$1" corosync-quorumtool -s | grep -q '^Quorate: *No'
}
