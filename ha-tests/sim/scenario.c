/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed makes of the installation: algorithms, lines, lifetimes, and the ASA
 * text of everybody. */
#include <stdarg.h>

#include "base/iana.h"
#include "base/must.h"
#include "ha-tests/sim/sim.h"

struct scenario scenario_draw(struct rng *r)
{
	struct scenario sc = {
		.n_nodes = rng_chance(r, 500) ? 2 : (unsigned int)rng_between(r, 3, NODES_MAX),
		.n_peers = (unsigned int)rng_between(r, 1, PEERS_MAX),
		.n_lines = (unsigned int)rng_between(r, 1, LINES_MAX),
		.key_bits = rng_chance(r, 500) ? 256 : 128,
		.cbc = rng_chance(r, 200),
		.pfs = rng_chance(r, 400),
		.esn = rng_chance(r, 800),
		.udp = rng_chance(r, 300),
		.dh = rng_chance(r, 150) ? DH_ECP_256 : DH_CURVE25519,
		/* Often equal on both sides, so that rekeys collide. */
		.ike_lifetime_s = (uint32_t)rng_between(r, 20, 60),
		.child_lifetime_s = (uint32_t)rng_between(r, 8, 30),
		.lease_min = rng_chance(r, 300) ? 0 : (uint32_t)rng_between(r, 48, 128),
		.trains = rng_chance(r, 300) ? 0 : (unsigned int)rng_between(r, 1, 30),
		.n_faults = (unsigned int)rng_between(r, 5, 9),
		.window_ns = rng_between(r, 3 * SECOND, 6 * SECOND),
		.counter_sync = rng_chance(r, 600),
		.n_groups = 1,
	};

	sc.faults_from_ns = START_NS + 4 * SECOND;
	sc.faults_until_ns = sc.faults_from_ns + sc.n_faults * sc.window_ns + 3 * SECOND;
	sc.end_ns = sc.faults_until_ns + 38 * SECOND;
	return sc;
}

unsigned int peer_group(const struct sim *s, unsigned int peer)
{
	return peer % s->scenario.n_groups;
}

struct inet_addr scenario_service_address(unsigned int group)
{
	return inet_v4(group ? 0xc6120a01u : 0xc0000201u); /* 198.18.10.1, 192.0.2.1 */
}

struct inet_addr scenario_peer_address(unsigned int peer)
{
	return inet_v4(0xc000020bu + peer); /* 192.0.2.11 */
}

static uint32_t net(unsigned int peer, unsigned int line, bool at_peer)
{
	return (at_peer ? 0xcb007100u : 0xc6336400u) + peer * 128u + line * 64u;
}

uint32_t scenario_host(unsigned int peer, unsigned int line, bool at_peer)
{
	return net(peer, line, at_peer) + 1;
}

/* ---- text ---- */

struct out {
	char text[8192];
	size_t len;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(o->text + o->len, sizeof(o->text) - o->len, fmt, ap);
	va_end(ap);
	o->len += (size_t)n;
	must(n >= 0 && o->len < sizeof(o->text));
}

static const char *dotted(uint32_t address, char text[INET_TEXT_MAX])
{
	struct inet_addr a = inet_v4(address);

	return inet_text(&a, text);
}

uint16_t scenario_other_group(const struct scenario *sc)
{
	return sc->dh == DH_ECP_256 ? DH_CURVE25519 : DH_ECP_256;
}

static void put_algorithms(struct out *o, const struct scenario *sc, bool other_first)
{
	put(o, "crypto ikev2 policy 10\n");
	put(o,
	    sc->cbc ? " encryption aes%s\n integrity sha256\n"
		    : " encryption aes-gcm%s\n integrity null\n",
	    sc->key_bits == 256 ? "-256" : "");
	if (other_first)
		put(o, " group %u %u\n", scenario_other_group(sc), sc->dh);
	else
		put(o, " group %u\n", sc->dh);
	put(o, " prf sha256\n");
	put(o, "crypto ipsec ikev2 ipsec-proposal P\n");
	put(o,
	    sc->cbc ? " protocol esp encryption aes%s\n protocol esp integrity sha-256\n"
		    : " protocol esp encryption aes-gcm%s\n protocol esp integrity null\n",
	    sc->key_bits == 256 ? "-256" : "");
}

/* Nobody is at that address. */
static void put_silent(struct out *o, char map, unsigned int seq, unsigned int peer)
{
	char text[INET_TEXT_MAX];

	dotted(0xc0000265u + peer, text); /* 192.0.2.101 */
	put(o, "crypto map %c %u set peer %s\ntunnel-group %s type ipsec-l2l\n", map, seq, text,
	    text);
	put(o, "tunnel-group %s ipsec-attributes\n", text);
	put(o, " ikev2 local-authentication pre-shared-key none\n");
	put(o, " ikev2 remote-authentication pre-shared-key none\n");
}

/* The way from one party to another: its lines, its keys. */
static void put_peer(struct out *o, const struct sim *s, unsigned int peer, bool at_peer)
{
	char local[INET_TEXT_MAX], remote[INET_TEXT_MAX];
	const unsigned int group = peer_group(s, peer);
	const struct inet_addr other = at_peer ? scenario_service_address(group)
					       : scenario_peer_address(peer);
	/* Each group has a crypto map of its own. */
	const char map = (char)('M' + (at_peer ? 0 : group));
	unsigned int seq = SCENARIO_FIRST_SEQ + peer;

	for (unsigned int line = 0; line < s->scenario.n_lines; line++)
		put(o, "access-list A%u extended permit ip %s 255.255.255.192 %s 255.255.255.192\n",
		    peer, dotted(net(peer, line, at_peer), local),
		    dotted(net(peer, line, !at_peer), remote));
	put(o, "crypto map %c %u match address A%u\n", map, seq, peer);
	if (s->scenario.silent_peer && !at_peer && !s->scenario.silent_last)
		put_silent(o, map, seq, peer);
	put(o, "crypto map %c %u set peer %s\n", map, seq, inet_text(&other, remote));
	if (s->scenario.silent_peer && !at_peer && s->scenario.silent_last)
		put_silent(o, map, seq, peer);
	put(o, "crypto map %c %u set ikev2 ipsec-proposal P\n", map, seq);
	if (s->scenario.pfs)
		put(o, "crypto map %c %u set pfs group%u\n", map, seq, s->scenario.dh);
	put(o, "tunnel-group %s type ipsec-l2l\ntunnel-group %s ipsec-attributes\n", remote,
	    remote);
	put(o, " ikev2 local-authentication pre-shared-key of-%s-%u\n", at_peer ? "peer" : "node",
	    peer);
	put(o, " ikev2 remote-authentication pre-shared-key of-%s-%u\n", at_peer ? "node" : "peer",
	    peer);
	put(o, " isakmp keepalive threshold 10 retry 2\n");
}

/* Lifetimes are shorter than the ASA's language allows. */
static struct config *parse(const struct sim *s, struct out *o)
{
	static struct diagnostics diag;
	struct config *cfg;
	char line[DIAGNOSTIC_LINE_MAX];

	if (config_parse(bytes(o->text, o->len), "scenario", &cfg, &diag) != R_OK) {
		fprintf(stderr, "%s\n%s\n", o->text, diagnostics_line(&diag, 0, line));
		abort();
	}
	for (size_t i = 0; i < cfg->n_ike_policies; i++)
		cfg->ike_policies[i].lifetime_s = s->scenario.ike_lifetime_s;
	for (size_t i = 0; i < cfg->n_map_entries; i++)
		cfg->map_entries[i].lifetime_s = s->scenario.child_lifetime_s;
	return cfg;
}

/* Of group 1; a further group's has its number behind the name. */
static void put_interface(struct out *o, unsigned int group, const struct inet_addr *address)
{
	char text[INET_TEXT_MAX], number[4] = "";

	if (group)
		snprintf(number, sizeof(number), "%u", group + 1);
	put(o, "interface eth%u\n nameif outside%s\n", group, number);
	if (group)
		put(o, " join-failover-group %u\n", group + 1);
	put(o, " ip address %s 255.255.255.0\n", inet_text(address, text));
	put(o, "crypto ikev2 enable outside%s\n", number);
}

struct config *scenario_node_config(const struct sim *s, unsigned int node)
{
	struct out o = { .len = 0 };

	put(&o, "hostname node%u\nfailover lan unit %s\nfailover\n", node + 1,
	    node ? "secondary" : "primary");
	put(&o,
	    "failover key hex 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
	for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
		const struct inet_addr service = scenario_service_address(g);
		if (s->scenario.n_groups > 1)
			put(&o, "failover group %u\n", g + 1);
		put_interface(&o, g, &service);
	}
	put_algorithms(&o, &s->scenario, s->scenario.node_groups);
	if (s->scenario.node_cookies)
		put(&o, "crypto ikev2 cookie-challenge always\n");
	if (s->scenario.silent_peer)
		put(&o, "crypto ikev2 sa-init-retransmit 0 interval 100\n");
	if (s->scenario.max_sa)
		put(&o, "crypto ikev2 limit max-sa %u cluster\n", s->scenario.max_sa);
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		put_peer(&o, s, i, false);
	put(&o, "crypto map M interface outside\n");
	if (s->scenario.n_groups > 1)
		put(&o, "crypto map N interface outside2\n");
	struct config *cfg = parse(s, &o);
	for (size_t i = 0; i < cfg->n_ike_policies && s->scenario.node_ike_lifetime_s; i++)
		cfg->ike_policies[i].lifetime_s = s->scenario.node_ike_lifetime_s;
	cfg->lease_min = s->scenario.lease_min;
	return cfg;
}

struct config *scenario_peer_config(const struct sim *s, unsigned int peer)
{
	const struct inet_addr address = scenario_peer_address(peer);
	struct out o = { .len = 0 };

	put(&o, "hostname peer%u\n", peer + 1);
	put_interface(&o, 0, &address);
	put_algorithms(&o, &s->scenario, s->scenario.peer_groups);
	put_peer(&o, s, peer, true);
	put(&o, "crypto map M interface outside\n");
	return parse(s, &o);
}
