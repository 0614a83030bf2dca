/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SPD: ordered first match over compiled policies (RFC 4301 4.4.1), with
 * an index over remote addresses. A deny line ends its crypto map entry only,
 * as on the ASA: the next entry is tried.
 */
#include <stdlib.h>

#include "esp/datapath.h"

/* Above this many list entries the index is not worth its memory; the rules are then
 * walked in order. */
#define SPD_INDEX_MAX (UINT32_C(4) << 20)

static int compare_wide(const void *a, const void *b)
{
	const wide_addr x = *(const wide_addr *)a, y = *(const wide_addr *)b;
	return x < y ? -1 : x > y;
}

static bool rule_covers(const struct spd_rule *rule, wide_addr addr)
{
	return addr >= rule->remote.first && addr <= rule->remote.last;
}

static size_t make_cuts(struct spd *spd)
{
	size_t n = 0;
	spd->cut[n++] = 0;
	for (size_t i = 0; i < spd->n_rules; i++) {
		spd->cut[n++] = spd->rule[i].remote.first;
		if (spd->rule[i].remote.last + 1 != 0)
			spd->cut[n++] = spd->rule[i].remote.last + 1;
	}
	qsort(spd->cut, n, sizeof(spd->cut[0]), compare_wide);
	size_t unique = 1;
	for (size_t i = 1; i < n; i++)
		if (spd->cut[i] != spd->cut[unique - 1])
			spd->cut[unique++] = spd->cut[i];
	return unique;
}

/* false: out of memory. Leaves list NULL when the index would be too large. */
static bool build_index(struct spd *spd)
{
	spd->cut = malloc((2 * spd->n_rules + 1) * sizeof(spd->cut[0]));
	if (spd->cut == NULL)
		return false;
	spd->n_cuts = make_cuts(spd);
	spd->list_start = malloc((spd->n_cuts + 1) * sizeof(spd->list_start[0]));
	if (spd->list_start == NULL)
		return false;
	uint32_t total = 0;
	for (size_t c = 0; c < spd->n_cuts; c++) {
		spd->list_start[c] = total;
		for (size_t r = 0; r < spd->n_rules; r++)
			total += rule_covers(&spd->rule[r], spd->cut[c]);
		if (total > SPD_INDEX_MAX)
			return true;
	}
	spd->list_start[spd->n_cuts] = total;
	spd->list = malloc((total + 1) * sizeof(spd->list[0]));
	if (spd->list == NULL)
		return false;
	uint32_t at = 0;
	for (size_t c = 0; c < spd->n_cuts; c++)
		for (size_t r = 0; r < spd->n_rules; r++)
			if (rule_covers(&spd->rule[r], spd->cut[c]))
				spd->list[at++] = (uint32_t)r;
	return true;
}

struct spd *spd_new(const struct esp_policy *policies, size_t n)
{
	struct spd *spd = calloc(1, sizeof(*spd));
	if (spd == NULL)
		return NULL;
	spd->rule = calloc(n + 1, sizeof(spd->rule[0]));
	if (spd->rule == NULL)
		goto fail;
	spd->n_rules = n;
	for (size_t i = 0; i < n; i++)
		spd->rule[i] = (struct spd_rule){
			.local = selector_compile(&policies[i].local),
			.remote = selector_compile(&policies[i].remote),
			.action = policies[i].action,
			.entry = policies[i].entry,
			.group = policies[i].group,
		};
	if (build_index(spd))
		return spd;
fail:
	spd_free(spd);
	return NULL;
}

void spd_free(struct spd *spd)
{
	if (spd == NULL)
		return;
	free(spd->rule);
	free(spd->cut);
	free(spd->list_start);
	free(spd->list);
	free(spd);
}

static bool rule_matches(const struct spd_rule *rule, const struct flow *f)
{
	return selector_match_remote(&rule->remote, f) && selector_match_local(&rule->local, f);
}

/* A walk over rules in order, with the ASA's cascade of deny lines. */
struct walk {
	const struct flow *flow;
	const struct spd_rule *denied; /* the first deny line that matched */
	uint32_t skipped;              /* entry of the last one */
};

/* True when the rule protects the flow: the walk is over. */
static bool walk_on(struct walk *w, const struct spd_rule *rule)
{
	if ((w->denied != NULL && rule->entry == w->skipped) || !rule_matches(rule, w->flow))
		return false;
	if (rule->action == ESP_PROTECT)
		return true;
	if (w->denied == NULL)
		w->denied = rule;
	w->skipped = rule->entry;
	return false;
}

const struct spd_rule *spd_match(const struct spd *spd, const struct flow *f)
{
	struct walk w = { .flow = f };
	if (spd->list == NULL) {
		for (size_t r = 0; r < spd->n_rules; r++)
			if (walk_on(&w, &spd->rule[r]))
				return &spd->rule[r];
		return w.denied;
	}
	size_t low = 0, high = spd->n_cuts; /* cut[low] <= remote < cut[high] */
	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (spd->cut[middle] <= f->remote)
			low = middle;
		else
			high = middle;
	}
	for (uint32_t i = spd->list_start[low]; i < spd->list_start[low + 1]; i++)
		if (walk_on(&w, &spd->rule[spd->list[i]]))
			return &spd->rule[spd->list[i]];
	return w.denied;
}
