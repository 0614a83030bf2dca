/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, names and IKEv2 notifies of enum result, all from RESULT_LIST. */
#include "base/result.h"

static const struct {
	const char *name;
	const char *text;
	unsigned int notify;
} results[R_COUNT_] = {
#define X(name, text, notify) [R_##name] = { #name, text, notify },
	RESULT_LIST(X)
#undef X
};

static int known(enum result res)
{
	return (unsigned int)res < R_COUNT_;
}

const char *result_text(enum result res)
{
	return known(res) ? results[res].text : "unknown result";
}

const char *result_name(enum result res)
{
	return known(res) ? results[res].name : "UNKNOWN";
}

unsigned int result_notify(enum result res)
{
	return known(res) ? results[res].notify : 0;
}
