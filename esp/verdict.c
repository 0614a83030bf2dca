/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of verdicts, from verdict.def. */
#include "esp/esp.h"

static const struct {
	const char *name;
	const char *text;
} verdict[ESP_V_COUNT_] = {
#define VERDICT(id, words) [ESP_V_##id] = { .name = #id, .text = words },
#include "esp/verdict.def"
#undef VERDICT
};

const char *esp_verdict_name(enum esp_verdict v)
{
	return (unsigned int)v < ESP_V_COUNT_ ? verdict[v].name : "UNKNOWN";
}

const char *esp_verdict_text(enum esp_verdict v)
{
	return (unsigned int)v < ESP_V_COUNT_ ? verdict[v].text : "unknown verdict";
}
