/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/grammar_types.h"

#include <stdlib.h>
#include <strings.h>

#include "base/must.h"

#define SECRET_TEXT_MAX 128

static bool has_no_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f)
			return false;
	return true;
}

static bool take_short_word(const struct line *l, size_t *at, struct arg *out, size_t max)
{
	const char *s = l->tokens[*at].text;
	if (strlen(s) > max || !has_no_control(s))
		return false;
	out->text = s;
	(*at)++;
	return true;
}

static bool take_name(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		      const char **wanted)
{
	(void)g;
	(void)wanted;
	for (const char *s = l->tokens[*at].text; *s; s++)
		if ((unsigned char)*s > 0x7e)
			return false;
	return take_short_word(l, at, out, GRAMMAR_NAME_MAX);
}

static bool take_word(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		      const char **wanted)
{
	(void)g;
	(void)wanted;
	return take_short_word(l, at, out, SIZE_MAX);
}

static bool take_secret(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
			const char **wanted)
{
	(void)g;
	(void)wanted;
	return take_short_word(l, at, out, SECRET_TEXT_MAX);
}

static bool take_hex(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		     const char **wanted)
{
	(void)g;
	(void)wanted;
	const char *s = l->tokens[*at].text;
	size_t len = strlen(s);
	if (strcmp(s, "*****") != 0 && (len % 2 != 0 || strspn(s, "0123456789abcdefABCDEF") != len))
		return false;
	return take_short_word(l, at, out, 2 * SECRET_TEXT_MAX);
}

static bool take_line(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		      const char **wanted)
{
	(void)g;
	(void)wanted;
	out->text = l->raw + l->tokens[*at].offset;
	*at = l->n;
	return true;
}

static bool parse_address(const struct grammar *g, const char *s, struct inet_addr *out)
{
	if (strcmp(s, "0") == 0) {
		*out = inet_v4(0);
		return true;
	}
	return inet_parse(s, out) == R_OK || (g->resolve && g->resolve(g->resolve_ctx, s, out));
}

static bool take_address(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
			 const char **wanted)
{
	(void)wanted;
	if (!parse_address(g, l->tokens[*at].text, &out->address))
		return false;
	return take_short_word(l, at, out, GRAMMAR_NAME_MAX);
}

static bool parse_mask(const char *s, struct inet_addr *out)
{
	struct inet_prefix prefix;
	const struct inet_addr any = inet_v4(0);
	if (strcmp(s, "0") == 0)
		*out = any;
	else if (inet_parse(s, out) != R_OK || out->family != INET_V4)
		return false;
	return inet_prefix_from_mask(&any, out, &prefix) == R_OK;
}

static bool take_mask(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		      const char **wanted)
{
	(void)g;
	(void)wanted;
	if (!parse_mask(l->tokens[*at].text, &out->address))
		return false;
	return take_short_word(l, at, out, GRAMMAR_NAME_MAX);
}

static const char mask_wanted[] = "a network mask such as 255.255.255.0";
static const char address_wanted[] = "an IP address or a defined name";
static const char rest_wanted[] = "the rest of the line";

/* The second word of an endpoint; false with *at on it when it is missing or wrong. */
static bool take_endpoint_host(const struct grammar *g, const struct line *l, size_t *at,
			       struct config_ace_end *end, const char **wanted)
{
	struct inet_addr address;
	*wanted = address_wanted;
	if (*at >= l->n || !parse_address(g, l->tokens[*at].text, &address))
		return false;
	*end = (struct config_ace_end){
		.form = ACE_HOST,
		.prefix = { .addr = address, .len = (uint8_t)(inet_len(&address) * 8) },
	};
	(*at)++;
	return true;
}

static bool take_endpoint_object(const struct line *l, size_t *at, struct config_ace_end *end,
				 const char **wanted)
{
	*wanted = "the name of an object";
	if (*at >= l->n || strlen(l->tokens[*at].text) > GRAMMAR_NAME_MAX)
		return false;
	*end = (struct config_ace_end){ .form = ACE_OBJECT, .object = l->tokens[(*at)++].text };
	return true;
}

static bool take_endpoint_subnet(const struct grammar *g, const struct line *l, size_t *at,
				 struct config_ace_end *end, const char **wanted)
{
	struct inet_addr address, mask;
	if (!parse_address(g, l->tokens[*at].text, &address) || address.family != INET_V4)
		return false;
	(*at)++;
	*wanted = mask_wanted;
	if (*at >= l->n || !parse_mask(l->tokens[*at].text, &mask))
		return false;
	*end = (struct config_ace_end){ .form = ACE_SUBNET };
	(*at)++;
	return inet_prefix_from_mask(&address, &mask, &end->prefix) == R_OK;
}

static bool take_endpoint(const struct grammar *g, const struct line *l, size_t *at,
			  struct arg *out, const char **wanted)
{
	const char *s = out->text = l->tokens[*at].text;
	if (strcasecmp(s, "any") == 0 || strcasecmp(s, "any4") == 0) {
		out->endpoint = (struct config_ace_end){
			.form = strcasecmp(s, "any") == 0 ? ACE_ANY : ACE_ANY4,
			.prefix.addr = inet_v4(0),
		};
		(*at)++;
		return true;
	}
	if (strcasecmp(s, "host") == 0)
		return (*at)++, take_endpoint_host(g, l, at, &out->endpoint, wanted);
	if (strcasecmp(s, "object") == 0)
		return (*at)++, take_endpoint_object(l, at, &out->endpoint, wanted);
	return take_endpoint_subnet(g, l, at, &out->endpoint, wanted);
}

static bool take_kilobytes(const struct grammar *g, const struct line *l, size_t *at,
			   struct arg *out, const char **wanted)
{
	(void)g;
	(void)wanted;
	const char *s = out->text = l->tokens[*at].text;
	size_t len = strlen(s);
	if (strcasecmp(s, "unlimited") == 0) {
		out->number = 0;
	} else {
		if (len > 10 || strspn(s, "0123456789") != len)
			return false;
		out->number = strtoull(s, NULL, 10);
		if (out->number < 10 || out->number > INT32_MAX)
			return false;
	}
	(*at)++;
	return true;
}

static const struct arg_type types[] = {
	{ "NAME", "a name of at most 64 ASCII characters", false, take_name },
	{ "WORD", "a word", false, take_word },
	{ "ADDRESS", address_wanted, false, take_address },
	{ "MASK", mask_wanted, false, take_mask },
	{ "ENDPOINT", "any, host ADDRESS, ADDRESS MASK or object NAME", false, take_endpoint },
	{ "KILOBYTES", "a number from 10 to 2147483647 or unlimited", false, take_kilobytes },
	{ "SECRET", "a key of at most 128 characters", true, take_secret },
	{ "HEX", "a key as an even number of hexadecimal digits", true, take_hex },
	{ "LINE", rest_wanted, false, take_line },
};

const struct arg_type *arg_type_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == len && memcmp(types[i].name, name, len) == 0)
			return &types[i];
	must(!"a syntax names a type that does not exist");
	return NULL;
}
