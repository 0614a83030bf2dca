#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo ends well, and the captures at each node's own egress in it obey the laws: laws 1 to 3 and every packet
# decrypted with the exported keys.
. "$(dirname "$0")/lab.sh"
need_holdfast
lab_require
"$LAB_SRC/demo" >"$LAB_DIR/demo.log" 2>&1
status=$?
cat "$LAB_DIR/demo.log"
sed -n "s/^demo: /figure: /p" "$LAB_DIR/demo.log"
[ $status = 0 ] || fail "the demo ended with status $status"
"$LAB_SRC/check-capture" --from $SERVICE --keys "$LAB_DIR/n1/keys" --keys "$LAB_DIR/n2/keys" \
	"n1=$LAB_DIR/n1/egress.pcap" "n2=$LAB_DIR/n2/egress.pcap" || fail "the captures break a law"
