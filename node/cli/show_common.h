/* SPDX-License-Identifier: Apache-2.0 */
/* What the show_*.c files share. Internal to node/cli. */
#ifndef HF_NODE_CLI_SHOW_COMMON_H
#define HF_NODE_CLI_SHOW_COMMON_H

#include <jansson.h>

#include "node/cli/views.h"

/* "192.0.2.1/500": the ASA's way to write an endpoint. */
const char *show_endpoint(const struct inet_endpoint *e, char out[INET_TEXT_MAX]);
/*
 * What stands for the mask of a selector: "255.255.255.0", the prefix length
 * for IPv6, and the last address where the range is no prefix.
 */
const char *show_mask(const struct traffic_selector *ts, char out[INET_TEXT_MAX]);
/* 0x%08x and 0x%016x as JSON strings: an SPI is a name, not a quantity. */
json_t *json_spi32(uint32_t spi);
json_t *json_spi64(uint64_t spi);
/* A counter; JSON numbers end at INT64_MAX. */
json_t *json_count(uint64_t v);
json_t *json_address(const struct inet_addr *a);
json_t *json_endpoint(const struct inet_endpoint *e);
json_t *json_selector(const struct traffic_selector *ts);
/* One CHILD SA, as both "show crypto ikev2 sa" and "show crypto ipsec sa" give it. */
json_t *json_child(const struct view_child *c);
/* Of a UNIT_*: "Primary", "Member-3". */
const char *show_unit(uint8_t unit);
/* The other unit of the ASA's pair, which need not be there. */
uint8_t show_mate(const struct view_failover *v);
/* h in the view of another group. */
const struct view_host *show_same_host(const struct view_failover *v, const struct view_host *h);
/* "Standby Ready" */
const char *show_host_state(enum view_host_state state);
#define SHOW_TIME_MAX 64
/* "11:24:17 UTC Apr 17 2021"; "" for 0. */
const char *show_time(int64_t seconds, char out[SHOW_TIME_MAX]);
/* The ASA's two tables of replication, and the hosts' interfaces. */
void show_stateful_text(const struct view_failover *v, struct text *out);
void show_interface_text(const struct view_host *h, size_t i, struct text *out);
json_t *json_interfaces(const struct view_host *h);
json_t *json_host(const struct view_host *h);
json_t *json_failure(const struct view_host *h);
json_t *json_group(const struct view_failover *v);
json_t *json_stateful(const struct view_failover *v);
/* Seconds since 1970, null for 0. */
json_t *json_time(int64_t seconds);
/* A Pacemaker configuration for crmsh, or for pcs. */
void pacemaker_config(bool as_pcs, struct text *out);
/* Append and free root; NULL marks out as failed. */
void json_finish(json_t *root, struct text *out);

#endif
