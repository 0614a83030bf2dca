/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Families of the ASA that belong to IPsec and that this version does not
 * have: their lines are kept, and the administrator is told. A line of a VPN
 * family that is in no table at all is an error, so that a typing mistake
 * cannot pass for one of these.
 */
#include "node/config/build.h"

#define KEEP(syntax, help) \
	{ \
		MODE_GLOBAL, syntax, help, apply_keep, NULL, 0, MODE_KEPT \
	}
#define KEEP_SILENTLY(syntax, help) \
	{ \
		MODE_GLOBAL, syntax, help, apply_keep_silently, NULL, 0, MODE_KEPT \
	}

const struct grammar_row rows_kept[] = {
	KEEP("crypto ikev1 LINE", "IKEv1"),
	KEEP("crypto isakmp {enable|policy|reload-wait|am-disable|ipsec-over-tcp} [LINE]", "IKEv1"),
	KEEP("crypto ipsec {ikev1|transform-set} LINE", "IKEv1"),
	KEEP("crypto dynamic-map LINE", "Dynamic crypto maps"),
	KEEP("crypto ipsec profile LINE", "Tunnel interfaces"),
	KEEP("crypto ipsec {df-bit|fragmentation} LINE", "Fragmentation of tunnelled packets"),
	KEEP("crypto ikev2 {remote-access|fragmentation|notify|redirect} [LINE]",
	     "A feature of later versions"),
	KEEP("crypto ikev2 limit queue LINE", "A feature of later versions"),
	KEEP("tunnel-group NAME type {remote-access|ipsec-ra|webvpn}", "Remote access"),
	KEEP("tunnel-group NAME {general-attributes|ppp-attributes|webvpn-attributes}",
	     "Attributes of remote access"),
	KEEP("tunnel-group-map LINE", "Choice of a tunnel-group by certificate"),
	KEEP_SILENTLY("crypto {ca|key} LINE", "Certificates"),
	KEEP_SILENTLY("crypto ipsec security-association pmtu-aging WORD", "Path MTU"),
	{ 0 },
};
