/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service addresses and the routes of the plaintext side (R19, R20,
 * architecture 9). Addresses are /32 (/128) on a TUN device that dies with
 * the process; while a former owner relays they are on another one with scope
 * host, where arp_ignore=3 keeps the kernel from answering for them. Neither
 * is the datapath's: the kernel flushes a device's routes with its last
 * address, and a packet in that instant would find no way into the tunnel.
 */
#ifndef HF_NODE_ADDRESS_H
#define HF_NODE_ADDRESS_H

#include "node/config/model.h"

enum address_state {
	ADDRESS_NONE,    /* standby: the standby addresses, if configured */
	ADDRESS_OWNED,   /* owner: answers ARP and ND */
	ADDRESS_RELAYED, /* former owner: received, not answered for */
	ADDRESS_SILENT,  /* owner past its deadline (R12): nobody's here */
};

struct address;

struct address_config {
	const struct config *config; /* borrowed */
	uint8_t group;               /* only its interfaces, and the routes behind them */
	bool several_standbys;       /* then none of them has the standby addresses */
	const char *tun;             /* the datapath's device */
	const char *owned_tun;       /* carries the addresses of an owner */
	const char *relay_tun;       /* and those of a former one */
};

/*
 * Opens netlink and sets up: the devices; arp_ignore=3 and forwarding on every
 * interface with a service address; a connected route where the host has none;
 * the rule and the table that take marked packets to the TUN and are
 * unreachable without it; "route" lines. R_SYSTEM; *why says what could not be
 * done.
 */
enum result address_open(const struct address_config *cfg, struct address **out,
			 char why[200]) WARN_UNUSED;
/* Leaves rule and unreachable route in place: fail closed. Addresses go with their devices. */
void address_close(struct address *a);
/* New configuration (config stays borrowed): what it no longer has goes, what is new
 * comes, the state stays. */
enum result address_reload(struct address *a, const struct config *config,
			   char why[200]) WARN_UNUSED;
/* Idempotent. Owned: the address is up when this returns. */
enum result address_set(struct address *a, enum address_state state) WARN_UNUSED;
/* Gratuitous ARP (RFC 5227 3) / unsolicited NA (RFC 4861 7.2.6) for every owned
 * address; call it several times. */
void address_announce(const struct address *a);

/*
 * fwmark of packets that a crypto ACL protects, and the routing table and the
 * priority of the rule that take them to the TUN: those of group 1, and of the
 * further ones behind them.
 */
#define HF_MARK_PROTECT      0x48460001u
#define HF_ROUTE_TABLE       18502u
#define HF_RULE_PRIORITY     18502u
#define HF_GROUP_MARK(group) (HF_MARK_PROTECT + 0x100u * ((group)-1u))
/* The device of a group's datapath: hf0 of group 1, hf3 of group 2. */
#define ADDRESS_DEVICE_MAX   16
enum address_device { ADDRESS_TUN, ADDRESS_OWNED_TUN, ADDRESS_RELAY_TUN };
const char *address_device(uint8_t group, enum address_device which, char out[ADDRESS_DEVICE_MAX]);

#endif
