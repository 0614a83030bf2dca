/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of two entries with one peer, for the tests of what is made of it. */
#ifndef HF_NODE_TESTS_TRANSLATE_FIXTURES_H
#define HF_NODE_TESTS_TRANSLATE_FIXTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/core_private.h"
#include "node/plain.h"

static const char text[] =
	"hostname vpn\n"
	"interface eth0\n"
	" nameif outside\n"
	" ip address 192.0.2.1 255.255.255.0\n"
	"interface eth1\n"
	" nameif inside\n"
	" ip address 198.51.100.1 255.255.255.0\n"
	"access-list A extended deny ip host 198.51.100.9 203.0.113.0 255.255.255.0\n"
	"access-list A extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0\n"
	"access-list B extended permit ip 198.51.100.0 255.255.255.0 198.18.0.0 255.255.0.0\n"
	"crypto ikev2 policy 10\n"
	" encryption aes-gcm-256\n"
	" integrity null\n"
	" group 19 14\n"
	" prf sha256\n"
	" lifetime seconds 3600\n"
	"crypto ikev2 enable outside\n"
	"crypto ipsec ikev2 ipsec-proposal P\n"
	" protocol esp encryption aes-gcm-256 aes-gcm\n"
	" protocol esp integrity null\n"
	"crypto map M 10 match address A\n"
	"crypto map M 10 set peer 192.0.2.2\n"
	"crypto map M 10 set ikev2 ipsec-proposal P\n"
	"crypto map M 20 match address B\n"
	"crypto map M 20 set peer 192.0.2.2\n"
	"crypto map M 20 set ikev2 ipsec-proposal P\n"
	"crypto map M 20 set pfs group14\n"
	"crypto map M interface outside\n"
	"sysopt connection tcpmss 1300\n"
	"tunnel-group 192.0.2.2 type ipsec-l2l\n"
	"tunnel-group 192.0.2.2 ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key ours\n"
	" ikev2 remote-authentication pre-shared-key theirs\n"
	" isakmp keepalive threshold 15 retry 3\n";

static inline struct config *parse_text(const char *from)
{
	static struct diagnostics diag;
	struct config *cfg = NULL;

	if (config_parse(bytes(from, strlen(from)), "test", &cfg, &diag) != R_OK) {
		char line[DIAGNOSTIC_LINE_MAX];
		fail_msg("%s", diag.n ? diagnostics_line(&diag, 0, line) : "no diagnostic");
	}
	return cfg;
}

static inline struct config *parse(void)
{
	return parse_text(text);
}

/* text with one line in place of another. */
static inline struct config *parse_with(const char *line, const char *instead)
{
	char with[4096];
	const char *at = strstr(text, line);

	assert_non_null(at);
	snprintf(with, sizeof(with), "%.*s%s%s", (int)(at - text), text, instead,
		 at + strlen(line));
	return parse_text(with);
}

#endif
