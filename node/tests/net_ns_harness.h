/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway with its devices, addresses and table of protected networks, for the tests that need
 * a kernel. Needs root; everything happens in two network namespaces that end with the program
 * (netns.h). The protected networks lie within 198.18.0.0/15 on both sides, as a company's
 * supernet would.
 */
#ifndef HF_NODE_TESTS_NET_NS_HARNESS_H
#define HF_NODE_TESTS_NET_NS_HARNESS_H

#include "node/address.h"
#include "node/plain.h"
#include "node/tests/netns.h"

#define SERVICE        "192.0.2.1"
#define INSIDE_SERVICE "198.18.1.1"
#define HOST_NEAR      "198.18.1.99"
#define HOST_FAR       "198.19.5.5"
#define ARP_MS         300

struct gateway {
	struct config *config;
	struct address *address;
	struct plain *plain;
	int tun, owned_tun, relay_tun;
	int tap0, tap1;
	char dir[64], guard[128];
	unsigned int synced_dirs;
	bool sync_fails;
};

extern struct gateway t;

/* Around all tests of a program. */
int build(void **state);
int unbuild(void **state);
/* What the test before left in the sockets. */
int drain(void **state);
#define TEST(name) cmocka_unit_test_setup(name, drain)

/* The gateway's configuration, with more lines behind those of its interfaces. */
struct config *parse(const char *more);
void open_devices(void);
void open_address(void);
void set(enum address_state state);

#endif
