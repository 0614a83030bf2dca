/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "esp/esp.h"
#include "node/tests/net_ns_harness.h"

static const char text[] =
	"hostname vpn\n"
	"interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n"
	"interface eth1\n nameif inside\n ip address 198.18.1.1 255.255.255.0\n"
	"%s"
	"access-list A extended permit ip 198.18.0.0 255.254.0.0 198.18.0.0 255.254.0.0\n"
	"crypto ikev2 policy 10\n encryption aes-gcm-256\n integrity null\n group 19\n prf sha256\n"
	"crypto ikev2 enable outside\n"
	"crypto ipsec ikev2 ipsec-proposal P\n"
	" protocol esp encryption aes-gcm-256\n protocol esp integrity null\n"
	"crypto map M 10 match address A\n"
	"crypto map M 10 set peer 192.0.2.99\n"
	"crypto map M 10 set ikev2 ipsec-proposal P\n"
	"crypto map M interface outside\n"
	"tunnel-group 192.0.2.99 type ipsec-l2l\n"
	"tunnel-group 192.0.2.99 ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key ours\n"
	" ikev2 remote-authentication pre-shared-key theirs\n";

struct gateway t;

struct config *parse(const char *more)
{
	static struct diagnostics diag;
	struct config *cfg = NULL;
	static char whole[16384];
	char line[DIAGNOSTIC_LINE_MAX];
	int len = snprintf(whole, sizeof(whole), text, more);

	if (config_parse(bytes(whole, (size_t)len), "test", &cfg, &diag) != R_OK)
		fail_msg("%s", diag.n ? diagnostics_line(&diag, 0, line) : "no diagnostic");
	return cfg;
}

void open_devices(void)
{
	assert_int_equal(esp_io_open_tun("hf0", 1, &t.tun), R_OK);
	assert_int_equal(esp_io_open_tun("hf1", 1, &t.owned_tun), R_OK);
	assert_int_equal(esp_io_open_tun("hf2", 1, &t.relay_tun), R_OK);
}

void open_address(void)
{
	const struct address_config ac = {
		.config = t.config, .group = 1, .tun = "hf0", .owned_tun = "hf1", .relay_tun = "hf2"
	};
	char why[200] = "";

	if (address_open(&ac, &t.address, why) != R_OK)
		fail_msg("%s", why);
}

void set(enum address_state state)
{
	assert_int_equal(address_set(t.address, state), R_OK);
}

int build(void **state)
{
	char why[200];

	(void)state;
	netns_build();
	/* Every packet that is not stopped has a way out. */
	netns_run("ip route add default via 192.0.2.99");
	t.tap0 = netns_tap("w0");
	t.tap1 = netns_tap("w1");
	t.config = parse("");
	strcpy(t.dir, "/tmp/holdfast-ns-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.guard, sizeof(t.guard), "%s/guard.nft", t.dir);
	open_devices();
	open_address();
	if (plain_open(t.config, t.guard, &t.plain, why) != R_OK)
		fail_msg("%s", why);
	return 0;
}

int unbuild(void **state)
{
	(void)state;
	plain_close(t.plain);
	address_close(t.address);
	config_free(t.config);
	(void)remove(t.guard);
	return rmdir(t.dir);
}

static bool nothing(struct bytes frame, const void *arg)
{
	(void)frame;
	(void)arg;
	return false;
}

int drain(void **state)
{
	(void)state;
	(void)netns_wait(t.tap0, 20, nothing, NULL);
	(void)netns_wait(t.tap1, 20, nothing, NULL);
	return 0;
}
