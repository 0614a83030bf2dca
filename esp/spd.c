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

/* The last cut at or below addr. */
static size_t cut_of(const struct spd *spd, wide_addr addr)
{
	size_t low = 0, high = spd->n_cuts; /* cut[low] <= addr < cut[high] */

	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (spd->cut[middle] <= addr)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How many rules cover each cut: a rule adds one from its first on, and takes it back behind its
 * last. false: too many in all. */
static bool count_lists(struct spd *spd)
{
	uint64_t total = 0;
	uint32_t open = 0;

	for (size_t r = 0; r < spd->n_rules; r++) {
		spd->list_start[cut_of(spd, spd->rule[r].remote.first)]++;
		spd->list_start[cut_of(spd, spd->rule[r].remote.last) + 1]--;
	}
	for (size_t c = 0; c < spd->n_cuts; c++) {
		open += spd->list_start[c];
		spd->list_start[c] = (uint32_t)total;
		total += open;
		if (total > SPD_INDEX_MAX)
			return false;
	}
	spd->list_start[spd->n_cuts] = (uint32_t)total;
	return true;
}

/* In order, so that each list is. at: how far each list is filled. */
static void fill_lists(struct spd *spd, uint32_t *at)
{
	for (size_t r = 0; r < spd->n_rules; r++) {
		const size_t last = cut_of(spd, spd->rule[r].remote.last);
		for (size_t c = cut_of(spd, spd->rule[r].remote.first); c <= last; c++)
			spd->list[spd->list_start[c] + at[c]++] = (uint32_t)r;
	}
}

/* false: out of memory. Leaves list NULL when the index would be too large. */
static bool build_index(struct spd *spd)
{
	spd->cut = malloc((2 * spd->n_rules + 1) * sizeof(spd->cut[0]));
	if (spd->cut == NULL)
		return false;
	spd->n_cuts = make_cuts(spd);
	spd->list_start = calloc(spd->n_cuts + 1, sizeof(spd->list_start[0]));
	if (spd->list_start == NULL)
		return false;
	if (!count_lists(spd))
		return true;
	uint32_t *at = calloc(spd->n_cuts, sizeof(*at));
	spd->list = malloc((spd->list_start[spd->n_cuts] + 1) * sizeof(spd->list[0]));
	if (at != NULL && spd->list != NULL)
		fill_lists(spd, at);
	free(at);
	return at != NULL && spd->list != NULL;
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
	const size_t cut = cut_of(spd, f->remote);
	for (uint32_t i = spd->list_start[cut]; i < spd->list_start[cut + 1]; i++)
		if (walk_on(&w, &spd->rule[spd->list[i]]))
			return &spd->rule[spd->list[i]];
	return w.denied;
}
