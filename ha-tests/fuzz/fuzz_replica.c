/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a configuration that another unit sends. Whatever comes, this
 * unit stays itself, and what it takes is what the other one announced; what a
 * unit runs, it can also be sent.
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "node/config/replica.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/config";

static const char own[] = "hostname vpn2\nfailover\nfailover lan unit secondary\n"
			  "failover key fuzz\n";

static struct config *parse(struct bytes text)
{
	struct diagnostics diag;
	struct config *cfg;

	return config_parse(text, "fuzz", &cfg, &diag) == R_OK ? cfg : NULL;
}

static struct text unit_of(const struct config *cfg)
{
	struct text t = { 0 };

	config_running_unit(cfg, &t);
	must(!t.failed);
	return t;
}

static void must_stay_itself(const struct config *got, const struct config *ours)
{
	struct text a = unit_of(got), b = unit_of(ours);

	must(bytes_equal(bytes(a.p, a.len), bytes(b.p, b.len)));
	text_free(&a);
	text_free(&b);
}

/* Sent to who has the digest already: taken only when it is read as just that. */
static void send(struct bytes shared, const struct config *ours, const struct config *announced,
		 bool must_take)
{
	struct config *got;
	char why[REPLICA_WHY_MAX];
	uint8_t digest[32];

	replica_digest(announced, digest);
	if (replica_make(shared, ours, digest, &got, why) == R_OK) {
		must(strcmp(got->digest, announced->digest) == 0);
		must_stay_itself(got, ours);
		config_free(got);
	} else {
		must(!must_take && got == NULL && *why);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *ours = parse(bytes(own, sizeof(own) - 1)), *cfg = parse(bytes(data, size));
	struct text shared = { 0 };

	must(ours);
	send(bytes(data, size), ours, ours, false);
	if (cfg) {
		config_running_shared(cfg, &shared);
		must(!shared.failed);
		send(bytes(shared.p, shared.len), cfg, cfg, true);
		send(bytes(shared.p, shared.len), ours, cfg, false);
	}
	text_free(&shared);
	config_free(cfg);
	config_free(ours);
	return 0;
}
