/* SPDX-License-Identifier: Apache-2.0 */
/* The initiators (ike_client.h): an engine without a cluster each. What it emits happens at once. */
#include "ha-tests/bench/ike_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/iana.h"
#include "base/must.h"

#define PORT_IKE      500
#define PORT_NAT      4500
#define PORT_ECHO     7
#define SLOTS         15
#define GROUP         1
#define NO_LEASE      (UINT64_C(1) << 47)
#define PACKET        2048
#define SOCKET_BUFFER (32 << 20)

static const uint8_t non_esp_marker[4]; /* RFC 3948 2.2 */

uint64_t clients_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	must(RAND_bytes(out, (int)len) == 1);
}

static struct inet_addr counted(const struct inet_addr *first, unsigned int i)
{
	return inet_v4(inet_to_v4(first) + i);
}

/* ---- sockets ---- */

static int open_socket(uint16_t port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int on = 1, buffer = SOCKET_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0) {
		perror("ike_clients: socket");
		exit(1);
	}
	return fd;
}

union control {
	struct cmsghdr header;
	uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void send_from(struct client *c, const struct inet_endpoint *local,
		      const struct inet_endpoint *remote, struct bytes head, struct bytes data)
{
	struct iovec iov[2] = { { .iov_base = (void *)(uintptr_t)head.p, .iov_len = head.len },
				{ .iov_base = (void *)(uintptr_t)data.p, .iov_len = data.len } };
	struct sockaddr_storage to;
	union control control;
	struct msghdr m = { .msg_name = &to,
			    .msg_namelen = inet_to_sockaddr(remote, &to),
			    .msg_iov = iov,
			    .msg_iovlen = 2,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	memset(&control, 0, sizeof(control));
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(inet_to_v4(&c->outer)) };
	h->cmsg_level = IPPROTO_IP;
	h->cmsg_type = IP_PKTINFO;
	h->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(h), &info, sizeof(info));
	if (sendmsg(local->port == PORT_IKE ? c->all->fd500 : c->all->fd4500, &m, 0) < 0)
		c->all->send_errors++;
}

/* ---- effects ---- */

static void send_ike(struct client *c, const struct ike_effect *fx)
{
	const bool keepalive = fx->datagram.len == 1;

	send_from(c, &fx->local, &fx->remote,
		  fx->udp_encap && !keepalive ? bytes(non_esp_marker, sizeof(non_esp_marker))
					      : BYTES_NONE,
		  buf_bytes(&fx->datagram));
}

static void install(struct client *c, const struct child_sa_state *s)
{
	struct esp_child_params params = {
		.spi_in = s->spi_in,
		.spi_out = s->spi_out,
		.tunnel = c->index + 1,
		.group = GROUP,
		.udp_encap = s->udp_encap,
		.local = s->local,
		.remote = s->remote,
		.local_ts = s->local_ts,
		.remote_ts = s->remote_ts,
		.transforms = s->transforms,
		.keys_in = &s->keys_in,
		.keys_out = &s->keys_out,
		.birth_term = s->birth_term,
		.seq_next = 1,
		.lease_end = NO_LEASE,
	};

	if (esp_child_install(c->gate->dp, &params) != R_OK)
		c->all->refused++;
}

static void client_input(struct client *c, const struct ike_input *in);

static void note_sa(void *ctx, const struct ike_sa_state *s)
{
	struct client *c = ctx;

	if (s->stage == IKE_SA_ESTABLISHED)
		c->ike_spi = ike_sa_state_spi(s);
}

static void use_outbound(struct client *c, const struct ike_effect *fx)
{
	if (esp_child_use_outbound(c->gate->dp, fx->spi_in) != R_OK || c->up)
		return;
	c->up = true;
	ike_each_sa(c->engine, note_sa, c);
	c->all->on_up(c->all, c);
}

static void carry_out(struct client *c, struct ike_effect *fx)
{
	struct ike_input done = { .kind = IKE_IN_JOB_DONE };

	switch (fx->kind) {
	case IKE_FX_SEND:
	case IKE_FX_SEND_NOW:
		send_ike(c, fx);
		break;
	case IKE_FX_CHILD_INSTALL:
		install(c, fx->child);
		break;
	case IKE_FX_CHILD_USE_OUTBOUND:
		use_outbound(c, fx);
		break;
	case IKE_FX_CHILD_STOP_OUTBOUND:
		esp_child_stop_outbound(c->gate->dp, fx->spi_in);
		break;
	case IKE_FX_CHILD_REMOVE:
		esp_child_remove(c->gate->dp, fx->spi_in);
		break;
	case IKE_FX_JOB:
		done.job = fx->job;
		fx->job = NULL;
		ike_job_run(done.job);
		client_input(c, &done);
		break;
	default:
		break; /* no record is kept, no log written, nobody moves */
	}
}

static void client_input(struct client *c, const struct ike_input *in)
{
	const uint64_t now_ms = clients_now_ns() / 1000000u;
	struct ike_outbox out = { 0 };

	ike_step(c->engine, now_ms, in, &out);
	for (size_t i = 0; i < out.n; i++)
		carry_out(c, &out.fx[i]);
	for (size_t i = 0; i < out.n; i++) {
		struct ike_input released = { .kind = IKE_IN_RELEASED, .token = out.fx[i].token };
		if (out.fx[i].kind == IKE_FX_SEND && released.token)
			client_input(c, &released);
	}
	ike_outbox_clear(&out);
	timer_set(&c->all->timers, &c->timer, ike_next_deadline(c->engine));
}

/* ---- what comes in ---- */

static uint64_t liveness_answers(const struct client *c)
{
	return ike_engine_stats(c->engine)->in_responses[INFORMATIONAL & 63];
}

static void take_ike(struct client *c, const struct inet_endpoint *local,
		     const struct inet_endpoint *remote, struct bytes datagram)
{
	const struct ike_input in = {
		.kind = IKE_IN_DATAGRAM, .local = *local, .remote = *remote, .datagram = datagram
	};
	const uint64_t before = liveness_answers(c);

	client_input(c, &in);
	if (c->asked_ns && liveness_answers(c) != before)
		c->all->on_alive(c->all, c);
}

static void take_esp(struct client *c, const struct inet_endpoint *local,
		     const struct inet_endpoint *remote, struct bytes data)
{
	uint8_t buf[PACKET + ESP_HEADROOM + ESP_TAILROOM];
	struct esp_packet p = { .buf = buf,
				.cap = sizeof(buf),
				.off = ESP_HEADROOM,
				.len = (uint32_t)data.len,
				.udp_encap = true,
				.local = *local,
				.remote = *remote };

	memcpy(buf + ESP_HEADROOM, data.p, data.len);
	esp_worker_inbound(c->gate->worker, clients_now_ns(), &p, 1);
	if (p.verdict == ESP_V_OK && c->sent_ns)
		c->all->on_echo(c->all, c);
}

static void take(struct clients *all, uint16_t port, const struct in_pktinfo *info,
		 const struct sockaddr *from, struct bytes data)
{
	const uint32_t index = ntohl(info->ipi_addr.s_addr) - inet_to_v4(&all->o.outer);
	struct inet_endpoint local = { .port = port }, remote;

	if (index >= all->o.count || inet_from_sockaddr(from, &remote) != R_OK || data.len < 4)
		return;
	struct client *c = &all->client[index];
	local.addr = c->outer;
	if (port == PORT_IKE)
		take_ike(c, &local, &remote, data);
	else if (memcmp(data.p, non_esp_marker, sizeof(non_esp_marker)) == 0)
		take_ike(c, &local, &remote, bytes(data.p + 4, data.len - 4));
	else
		take_esp(c, &local, &remote, data);
}

void clients_receive(struct clients *all, int fd)
{
	const uint16_t port = fd == all->fd500 ? PORT_IKE : PORT_NAT;
	uint8_t data[PACKET];
	struct sockaddr_storage from;
	union control control;

	for (;;) {
		struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		ssize_t len = recvmsg(fd, &m, 0);
		if (len < 0)
			return;
		const struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		struct in_pktinfo info;
		if (!h || h->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(h), sizeof(info));
		take(all, port, &info, (const struct sockaddr *)&from, bytes(data, (size_t)len));
	}
}

void clients_timers(struct clients *all)
{
	const struct ike_input in = { .kind = IKE_IN_TIMER };
	const uint64_t now_ms = clients_now_ns() / 1000000u;
	struct timer *t;

	while ((t = timer_pop(&all->timers, now_ms)) != NULL)
		client_input(t->owner, &in);
}

/* ---- what it does ---- */

void client_initiate(struct client *c)
{
	const struct ike_input in = { .kind = IKE_IN_INITIATE, .connection = "service" };

	client_input(c, &in);
}

void client_ask_liveness(struct client *c)
{
	const struct ike_input in = { .kind = IKE_IN_LIVENESS, .ike_spi = c->ike_spi };

	c->asked_ns = clients_now_ns();
	client_input(c, &in);
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_addr(uint8_t *p, const struct inet_addr *a)
{
	memcpy(p, a->a, 4);
}

/* RFC 1071 */
static unsigned int checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* IPv4 and UDP without a checksum of its own. */
static uint32_t echo_request(const struct client *c, uint8_t *p)
{
	enum { LEN = 20 + 8 + 32 };

	memset(p, 0, LEN);
	p[0] = 0x45;
	put16(p + 2, LEN);
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	put_addr(p + 12, &c->inner);
	put_addr(p + 16, &c->all->o.echo_host);
	put16(p + 10, checksum(p, 20));
	put16(p + 20, PORT_ECHO);
	put16(p + 22, PORT_ECHO);
	put16(p + 24, LEN - 20);
	return LEN;
}

void client_send_echo(struct client *c)
{
	uint8_t buf[ESP_HEADROOM + 64 + ESP_TAILROOM];
	struct esp_packet p = { .buf = buf, .cap = sizeof(buf), .off = ESP_HEADROOM };

	c->sent_ns = clients_now_ns();
	p.len = echo_request(c, buf + ESP_HEADROOM);
	esp_worker_outbound(c->gate->worker, c->sent_ns, &p, 1);
	if (p.verdict == ESP_V_OK)
		send_from(c, &p.local, &p.remote, BYTES_NONE, bytes(p.buf + p.off, p.len));
	else
		c->all->refused++;
}

struct keeping {
	const struct client *c;
	unsigned int same, others;
};

static void compare_sa(void *ctx, const struct ike_sa_state *s)
{
	struct keeping *k = ctx;

	if (s->stage == IKE_SA_ESTABLISHED && ike_sa_state_spi(s) == k->c->ike_spi)
		k->same++;
	else
		k->others++;
}

bool client_kept_its_sa(const struct client *c)
{
	struct keeping k = { .c = c };

	ike_each_sa(c->engine, compare_sa, &k);
	return k.same == 1 && k.others == 0;
}

/* ---- life ---- */

static struct traffic_selector selector(const struct inet_prefix *p)
{
	struct traffic_selector ts = { .port_end = 65535 };

	inet_prefix_range(p, &ts.start, &ts.end);
	return ts;
}

static struct traffic_selector own_selector(const struct client *c)
{
	return selector(&(struct inet_prefix){ .addr = c->inner, .len = 32 });
}

static void connection_fill(const struct client *c, struct ike_connection *conn)
{
	const struct client_options *o = &c->all->o;
	struct ike_child_config *child = calloc(1, sizeof(*child));

	must(child);
	*child = (struct ike_child_config){
		.tunnel = c->index + 1,
		.local = own_selector(c),
		.remote = selector(&o->inside),
		.n_proposals = 1,
		.esn = true,
		.first_lease = NO_LEASE,
	};
	child->proposals[0] = (struct ike_esp_proposal){
		.n_encr = 1,
		.encr[0] = { ENCR_AES_GCM_16, 256 },
	};
	*conn = (struct ike_connection){
		.name = "service",
		.local = c->outer,
		.peer = o->service,
		.local_id.type = ID_IPV4_ADDR,
		.force_udp_encap = true,
		.n_children = 1,
		.children = child,
	};
	must(buf_set(&conn->local_id.data, bytes(c->outer.a, 4)) &&
	     secret_set(&conn->psk_local, bytes(o->own_key, strlen(o->own_key))) == R_OK &&
	     secret_set(&conn->psk_remote, bytes(o->service_key, strlen(o->service_key))) == R_OK);
}

static void map_fill(const struct client *c, struct ike_crypto_map *map)
{
	*map = (struct ike_crypto_map){
		.map = "M",
		.seq = 1,
		.digest = 1,
		.n_peers = 1,
		.peers[0] = c->all->o.service,
		.may_initiate = true,
		.may_respond = true,
		.n_tunnels = 1,
		.tunnels = calloc(1, sizeof(*map->tunnels)),
	};
	must(map->tunnels);
	map->tunnels[0] = c->index + 1;
}

static struct ike_config *config_new(const struct client *c)
{
	struct ike_config *cfg = calloc(1, sizeof(*cfg));

	must(cfg);
	*cfg = (struct ike_config){
		.n_policies = 1,
		.policies = calloc(1, sizeof(*cfg->policies)),
		.n_connections = 1,
		.connections = calloc(1, sizeof(*cfg->connections)),
		.n_maps = 1,
		.maps = calloc(1, sizeof(*cfg->maps)),
		.half_open_cookie = 100,
		.half_open_max = 100,
		.half_open_timeout_ms = 30000,
		.retransmit_ms = c->all->o.retransmit_ms,
		.retransmit_tries = 8,
		.init_retransmit_ms = c->all->o.retransmit_ms,
		.init_retransmit_tries = 8,
		.rekey_margin_pct = 10,
	};
	must(cfg->policies && cfg->connections && cfg->maps);
	cfg->policies[0] = (struct ike_policy){
		.priority = 10,
		.n_encr = 1,
		.encr[0] = { ENCR_AES_GCM_16, 256 },
		.n_prf = 1,
		.prf[0] = PRF_HMAC_SHA2_256,
		.n_dh = 1,
		.dh[0] = DH_ECP_256,
	};
	connection_fill(c, &cfg->connections[0]);
	map_fill(c, &cfg->maps[0]);
	return cfg;
}

static void client_open(struct clients *all, unsigned int i)
{
	struct client *c = &all->client[i];
	struct ike_engine_config ec = { .slot = (uint8_t)(1 + i % SLOTS), .random = fill_random };
	const struct ike_input activate = { .kind = IKE_IN_ACTIVATE, .term = 1 };

	c->all = all;
	c->index = i;
	c->gate = &all->gate[i / SLOTS % GATES];
	c->outer = counted(&all->o.outer, i);
	c->inner = counted(&all->o.inner, i);
	c->timer.owner = c;
	fill_random(NULL, ec.hash_seed, sizeof(ec.hash_seed));
	c->engine = ike_engine_new(&ec, config_new(c));
	must(c->engine);
	client_input(c, &activate);
}

static void gate_open(struct clients *all, unsigned int g)
{
	struct gate *gate = &all->gate[g];
	struct esp_datapath_config cfg = { .slot = 1, .workers = 1 };
	struct esp_policy *policies = calloc(all->o.count, sizeof(*policies));
	size_t n = 0;

	fill_random(NULL, cfg.hash_seed, sizeof(cfg.hash_seed));
	gate->dp = esp_datapath_new(&cfg);
	must(gate->dp && policies);
	gate->worker = esp_worker_new(gate->dp, 0);
	must(gate->worker);
	for (unsigned int i = 0; i < all->o.count; i++)
		if (all->client[i].gate == gate)
			policies[n++] = (struct esp_policy){ .tunnel = i + 1,
							     .entry = i,
							     .action = ESP_PROTECT,
							     .group = GROUP,
							     .local = own_selector(&all->client[i]),
							     .remote = selector(&all->o.inside) };
	must(esp_spd_set(gate->dp, policies, n) == R_OK);
	free(policies);
	esp_group_set(gate->dp, GROUP, ESP_GROUP_ACTIVE, 1);
	esp_group_deadline(gate->dp, GROUP, UINT64_MAX);
}

void clients_open(struct clients *all)
{
	all->client = calloc(all->o.count, sizeof(*all->client));
	must(all->client);
	timer_queue_init(&all->timers);
	all->fd500 = open_socket(PORT_IKE);
	all->fd4500 = open_socket(PORT_NAT);
	for (unsigned int i = 0; i < all->o.count; i++)
		client_open(all, i);
	for (unsigned int g = 0; g < GATES; g++)
		gate_open(all, g);
}

void clients_close(struct clients *all)
{
	for (unsigned int i = 0; i < all->o.count; i++)
		ike_engine_free(all->client[i].engine);
	for (unsigned int g = 0; g < GATES; g++) {
		esp_worker_free(all->gate[g].worker);
		esp_datapath_free(all->gate[g].dp);
	}
	timer_queue_free(&all->timers);
	free(all->client);
}
