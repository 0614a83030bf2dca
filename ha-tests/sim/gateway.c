/* SPDX-License-Identifier: Apache-2.0 */
/* A datapath with its one worker, called inline: what world_datapath.c and the worker
 * threads are in the daemon. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

#define BUFFER 4096

void gateway_open(struct gateway *gw, uint8_t slot)
{
	const unsigned int group = gw->member ? gw->member->group
					      : peer_group(gw->s, gw->peer->index);
	struct esp_datapath_config cfg = { .slot = slot,
					   .workers = 1,
					   .transforms = laws_transforms(gw->s, group) };

	rng_fill(&gw->s->secrets, cfg.hash_seed, sizeof(cfg.hash_seed));
	gw->dp = esp_datapath_new(&cfg);
	must(gw->dp);
	gw->worker = esp_worker_new(gw->dp, 0);
	must(gw->worker);
}

void gateway_close(struct gateway *gw)
{
	esp_worker_free(gw->worker);
	esp_datapath_free(gw->dp);
	gw->worker = NULL;
	gw->dp = NULL;
}

static void send_sealed(struct gateway *gw, const struct esp_packet *pkt)
{
	struct packet p = {
		.kind = PACKET_ESP,
		.udp_encap = pkt->udp_encap,
		.src = pkt->local,
		.dst = pkt->remote,
		.from = gw->member,
		.data = { .p = pkt->buf + pkt->off, .len = pkt->len },
	};

	laws_esp_sent(gw, buf_bytes(&p.data));
	network_send(gw->s, &p);
}

static struct esp_packet packet_in(uint8_t buf[BUFFER], struct bytes data)
{
	must(data.len <= BUFFER - ESP_HEADROOM - ESP_TAILROOM);
	memcpy(buf + ESP_HEADROOM, data.p, data.len);
	return (struct esp_packet){
		.buf = buf, .cap = BUFFER, .off = ESP_HEADROOM, .len = (uint32_t)data.len
	};
}

/* R19: the datapath has stopped; what still comes goes on to the next owner. */
static void relay(struct gateway *gw, const struct packet *p)
{
	if (gw->member)
		node_relay(gw->member, p);
}

/* Later on every packet counts. */
static void trace_drop(struct gateway *gw, const struct esp_packet *pkt, const char *way)
{
	if (gw->s->calm && pkt->verdict != ESP_V_RELAYED)
		trace(gw->s, "%s: %s packet, SPI 0x%08x: %s",
		      gw->member ? gw->member->name : gw->peer->name, way, pkt->spi_in,
		      esp_verdict_text((enum esp_verdict)pkt->verdict));
}

void gateway_outbound(struct gateway *gw, uint64_t now_ns, const struct packet *p)
{
	uint8_t buf[BUFFER];
	struct esp_packet pkt = packet_in(buf, buf_bytes(&p->data));

	esp_worker_outbound(gw->worker, now_ns, &pkt, 1);
	if (pkt.verdict == ESP_V_OK)
		send_sealed(gw, &pkt);
	else if (pkt.verdict == ESP_V_RELAYED)
		relay(gw, p);
	else
		trace_drop(gw, &pkt, "outbound");
}

void gateway_inbound(struct gateway *gw, uint64_t now_ns, const struct packet *p)
{
	uint8_t buf[BUFFER];
	struct esp_packet pkt = packet_in(buf, buf_bytes(&p->data));

	pkt.udp_encap = p->udp_encap;
	pkt.local = p->dst;
	pkt.remote = p->src;
	esp_worker_inbound(gw->worker, now_ns, &pkt, 1);
	if (pkt.verdict == ESP_V_OK)
		workload_delivered(gw->s, gw, bytes(pkt.buf + pkt.off, pkt.len));
	else if (pkt.verdict == ESP_V_RELAYED)
		relay(gw, p);
	else
		trace_drop(gw, &pkt, "inbound");
}

void gateway_flush(struct gateway *gw, uint64_t now_ns)
{
	uint8_t buf[8][BUFFER];
	struct esp_packet pkts[8];
	size_t n;

	do {
		for (size_t i = 0; i < 8; i++)
			pkts[i] = (struct esp_packet){ .buf = buf[i], .cap = BUFFER };
		n = esp_worker_flush(gw->worker, now_ns, pkts, 8);
		for (size_t i = 0; i < n; i++)
			if (pkts[i].verdict == ESP_V_OK)
				send_sealed(gw, &pkts[i]);
	} while (n == 8);
}
