/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a configuration file. What parses is written back as text that
 * parses to an equal configuration; what does not, says why.
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "node/config/model.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/config";

static void must_round_trip(const struct config *cfg)
{
	struct text once = { 0 }, twice = { 0 };
	struct diagnostics diag;
	struct config *again;

	config_running(cfg, false, &once);
	must(!once.failed);
	must(config_parse(bytes(once.p, once.len), "again", &again, &diag) == R_OK);
	config_running(again, false, &twice);
	must(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
	must(strcmp(cfg->digest, again->digest) == 0);
	config_free(again);
	text_free(&once);
	text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diagnostics diag;
	struct config *cfg;
	enum result res = config_parse(bytes(data, size), "fuzz", &cfg, &diag);

	if (res == R_OK)
		must_round_trip(cfg);
	else
		must(res == R_CONFIG && diag.errors > 0 && cfg == NULL);
	config_free(cfg);
	return 0;
}
