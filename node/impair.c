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
#include "statesync/future_schema.h"

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

static struct impairment {
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

static bool parse_direction(const char *text, bool *response)
{
	*response = strcmp(text, "response") == 0;
	return *response || strcmp(text, "request") == 0;
}

enum result hf_impair_parse(const char *text, const char **why)
{
	char point[32], exchange[32], direction[16], number[8] = "1";
	struct impairment im;
	int end = 0;

	if (strcmp(text, "next-schema") == 0) {
		ss_future_schema_write(true);
		return R_OK;
	}
	*why = "expected next-schema, or "
	       "die-at={before-commit|after-commit|before-send|after-send}:EXCHANGE:{request|response}[:N]";
	if (sscanf(text, "die-at=%31[^:]:%31[^:]:%15[^:]%n:%7[0-9]%n", point, exchange, direction,
		   &end, number, &end) < 3 ||
	    text[end] != '\0')
		return R_VALUE;
	im.left = (unsigned int)strtoul(number, NULL, 10);
	if (!parse_point(point, &im.point) || !parse_exchange(exchange, &im.exchange) ||
	    !parse_direction(direction, &im.response) || im.left == 0)
		return R_VALUE;
	chosen = im;
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
