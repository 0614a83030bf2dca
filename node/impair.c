/* SPDX-License-Identifier: Apache-2.0 */
/* Named impairments (impair.h). One per process; set before the loop starts. */
#include "node/impair.h"

#ifdef HF_IMPAIRMENTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/iana.h"

static const struct {
	const char *name;
	enum hf_die_point point;
} points[] = {
	{ "before-commit", HF_DIE_BEFORE_COMMIT },
	{ "after-commit", HF_DIE_AFTER_COMMIT },
	{ "before-send", HF_DIE_BEFORE_SEND },
	{ "after-send", HF_DIE_AFTER_SEND },
};

static const unsigned int exchanges[] = { IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL };

static struct {
	enum hf_die_point point;
	unsigned int exchange;
	bool response;
	unsigned int left;
} chosen;

static bool parse_point(const char *text, enum hf_die_point *out)
{
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		if (strcmp(text, points[i].name) == 0) {
			*out = points[i].point;
			return true;
		}
	return false;
}

static bool parse_exchange(const char *text, unsigned int *out)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		if (strcmp(text, iana_exchange_name(exchanges[i])) == 0) {
			*out = exchanges[i];
			return true;
		}
	return false;
}

enum result hf_impair_parse(const char *text, const char **why)
{
	char point[32], exchange[32], direction[16];
	unsigned int n = 1;
	int got = sscanf(text, "die-at=%31[^:]:%31[^:]:%15[^:]:%u", point, exchange, direction, &n);

	*why = "expected die-at={before-commit|after-commit|before-send|after-send}:EXCHANGE:{request|response}[:N]";
	if (got < 3 || n == 0 || !parse_point(point, &chosen.point) ||
	    !parse_exchange(exchange, &chosen.exchange))
		return R_VALUE;
	if (strcmp(direction, "request") != 0 && strcmp(direction, "response") != 0)
		return R_VALUE;
	chosen.response = strcmp(direction, "response") == 0;
	chosen.left = n;
	return R_OK;
}

void hf_impair_die(enum hf_die_point point, unsigned int exchange, bool response)
{
	if (chosen.point != point || chosen.exchange != exchange || chosen.response != response)
		return;
	if (--chosen.left)
		return;
	fprintf(stderr, "impairment: dying at point %d of exchange %u %s\n", (int)point, exchange,
		response ? "response" : "request");
	raise(SIGKILL);
}
#endif
