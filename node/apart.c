/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two owners (R23), at the datapath: what an owner has used while nobody else
 * was protected, and the last numbers of the one that has lost.
 */
#include <stdlib.h>

#include "base/must.h"
#include "node/core_private.h"

/*
 * From here on another may own the group as well. In a half with a standby of
 * its own it is from the take-over on, which only costs a rekey more.
 */
void core_alone(struct hf_core *c)
{
	struct esp_child_stats st;
	struct core_child *k;

	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;) {
		if (esp_child_stats(c->datapath, k->spi_in, &st) != R_OK)
			continue;
		k->alone_in = st.in_packets;
		k->alone_out = st.out_packets;
	}
}

bool core_used_apart(const struct core_child *k, const struct esp_child_stats *st)
{
	return st->in_packets != k->alone_in || st->out_packets != k->alone_out;
}

void core_part(struct hf_core *c)
{
	const size_t n = hashmap_count(c->children);
	struct core_child *k;

	esp_group_set(c->datapath, (uint8_t)c->group, ESP_GROUP_STANDBY, 0);
	c->numbers = calloc(n + 1, sizeof(*c->numbers));
	must(c->numbers);
	c->n_numbers = 0;
	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;)
		c->n_numbers += core_final_counters(c, k, &c->numbers[c->n_numbers]);
	c->answer_apart = true;
}

void core_stopped_apart(struct hf_core *c)
{
	struct cl_input in = { .kind = CL_IN_STOPPED_APART,
			       .group = c->group,
			       .records = c->numbers,
			       .n_records = c->n_numbers };

	c->answer_apart = false;
	core_cluster_step(c, &in);
	for (size_t i = 0; i < c->n_numbers; i++)
		ss_record_clear(&c->numbers[i]);
	free(c->numbers);
	c->numbers = NULL;
	c->n_numbers = 0;
}
