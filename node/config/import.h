/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pasted running-config of an ASA holds besides commands. Facts about
 * text, no state. Internal to node/config.
 */
#ifndef HF_NODE_CONFIG_IMPORT_H
#define HF_NODE_CONFIG_IMPORT_H

#include "node/config/grammar.h"

/*
 * Length of the prompts at the start of text ("ciscoasa(config)# "), 0 when
 * there is none.
 */
size_t import_prompt(const char *text, size_t len);
/* The line says nothing: empty, a comment, ": end", a page break, a checksum. */
bool import_is_noise(const struct line *l);
/* What was typed at a prompt to get at the text, not configuration: "show running-config",
 * "configure terminal". */
bool import_is_session_word(const char *word);
/* The line is of a family of the ASA that has nothing to do with IPsec ("policy-map",
 * "no snmp-server"). */
bool import_is_irrelevant(const struct line *l);
/* Although irrelevant, the line may stand inside an interface or an object ("description",
 * "nat"). */
bool import_may_be_inside(const struct line *l);
/* A wrong line of this family must not pass: it may have been meant to protect something. */
bool import_is_vpn_family(const char *word);
/* Copy line to out with what may be a key in it replaced by "*****". */
void import_mask(const char *line, struct text *out);

#endif
