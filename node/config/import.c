/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/import.h"

#include <ctype.h>
#include <strings.h>

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcasecmp(*list, word) == 0)
			return true;
	return false;
}

/* One prompt, without what follows it; 0 when there is none. */
static size_t one_prompt(const char *text, size_t len)
{
	size_t i = 0;
	while (i < len && (isalnum((unsigned char)text[i]) || strchr("._/-", text[i])))
		i++;
	if (i == 0)
		return 0;
	if (i < len && text[i] == '(') {
		const char *close = memchr(text + i, ')', len - i);
		if (!close)
			return 0;
		i = (size_t)(close - text) + 1;
	}
	return i < len && (text[i] == '#' || text[i] == '>') ? i + 1 : 0;
}

size_t import_prompt(const char *text, size_t len)
{
	size_t all = 0, one;
	while ((one = one_prompt(text + all, len - all)) > 0) {
		all += one;
		while (all < len && (text[all] == ' ' || text[all] == '\t'))
			all++;
	}
	return all;
}

bool import_is_noise(const struct line *l)
{
	static const char *const starts[] = {
		"!",
		":",
		"<---",
		"ASA Version",
		"PIX Version",
		"Cryptochecksum:",
		"Building configuration",
		"[OK]",
	};
	if (l->n == 0)
		return true;
	const char *text = l->raw + l->tokens[0].offset;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncasecmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

bool import_is_session_word(const char *word)
{
	static const char *const words[] = {
		"show",      "sh",    "more", "enable",   "en", "conf",
		"configure", "write", "wr",   "terminal", NULL,
	};
	return listed(words, word);
}

/* The word that names the family: behind "no". "" on an empty line. */
static const char *first_word(const struct line *l)
{
	size_t first = l->n > 1 && strcasecmp(l->tokens[0].text, "no") == 0;
	return l->n > 0 ? l->tokens[first].text : "";
}

bool import_is_irrelevant(const struct line *l)
{
	static const char *const families[] = {
		"aaa",
		"aaa-server",
		"access-group",
		"app-agent",
		"arp",
		"as-path",
		"asdm",
		"banner",
		"boot",
		"call-home",
		"certificate",
		"class",
		"class-map",
		"clock",
		"community-list",
		"compression",
		"console",
		"cts",
		"ddns",
		"description",
		"dhcp",
		"dhcp-client",
		"dhcpd",
		"dhcprelay",
		"dns",
		"dns-group",
		"domain-name",
		"dynamic-access-policy-record",
		"dynamic-filter",
		"dynamic-map",
		"enable",
		"established",
		"event",
		"filter",
		"firewall",
		"flow-export",
		"flow-offload",
		"fragment",
		"ftp",
		"ftp-map",
		"global",
		"group-policy",
		"h225-map",
		"http",
		"http-map",
		"icmp",
		"igmp",
		"imap4s",
		"ip",
		"ipv6",
		"jumbo-frame",
		"key",
		"lacp",
		"ldap",
		"license",
		"logging",
		"mac",
		"mac-address",
		"mac-list",
		"management",
		"management-access",
		"match",
		"mroute",
		"mtu",
		"multicast-routing",
		"nat",
		"ntp",
		"object",
		"object-group",
		"pager",
		"parameters",
		"passwd",
		"password",
		"password-policy",
		"pim",
		"policy-list",
		"policy-map",
		"pop3s",
		"prefix-list",
		"priority-queue",
		"privilege",
		"prompt",
		"quit",
		"quota",
		"redundant-interface",
		"regex",
		"rip",
		"route-map",
		"router",
		"same-security-traffic",
		"scansafe",
		"service",
		"service-interface",
		"service-module",
		"service-policy",
		"sip",
		"sla",
		"smtp-server",
		"smtps",
		"snmp",
		"snmp-map",
		"snmp-server",
		"ssh",
		"ssl",
		"static",
		"sunrpc-server",
		"sysopt",
		"tcp-map",
		"telnet",
		"terminal",
		"tftp",
		"tftp-server",
		"threat-detection",
		"time-range",
		"timeout",
		"tls-proxy",
		"track",
		"uc-ime",
		"url-block",
		"url-cache",
		"url-server",
		"user",
		"user-identity",
		"username",
		"virtual",
		"vlan",
		"vpdn",
		"vpn",
		"vpn-addr-assign",
		"vpn-sessiondb",
		"vpnsetup",
		"wccp",
		"webvpn",
		"xlate",
		"zone",
		"zonelabs-integrity",
		NULL,
	};
	return listed(families, first_word(l));
}

bool import_may_be_inside(const struct line *l)
{
	static const char *const words[] = {
		"cts",        "description", "dhcp", "igmp",    "ip",   "ipv6", "mac-address",
		"management", "nat",         "pim",  "service", "vlan", NULL,
	};
	return l->indented || listed(words, first_word(l));
}

bool import_is_vpn_family(const char *word)
{
	static const char *const families[] = { "crypto", "tunnel-group", "failover", "isakmp",
						NULL };
	return listed(families, word);
}

void import_mask(const char *line, struct text *out)
{
	static const char *const before_key[] = {
		"pre-shared-key",
		"key",
		"password",
		"passwd",
		"secret",
		"community",
		"shared-secret",
		"ldap-login-password",
		"authentication-key",
		"md5",
		NULL,
	};
	struct line l;
	if (line_split(&l, line, strlen(line)) != R_OK) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i + 1 < l.n; i++)
		if (listed(before_key, l.tokens[i].text)) {
			text_append(out, bytes(line, l.tokens[i + 1].offset));
			text_append(out, bytes("*****", 5));
			line_free(&l);
			return;
		}
	text_append(out, bytes(l.raw, strlen(l.raw)));
	line_free(&l);
}
