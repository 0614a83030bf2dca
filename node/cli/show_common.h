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
/* A Pacemaker configuration for crmsh, or for pcs. */
void pacemaker_config(bool as_pcs, struct text *out);
/* Append and free root; NULL marks out as failed. */
void json_finish(json_t *root, struct text *out);

#endif
