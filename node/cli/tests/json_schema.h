/* SPDX-License-Identifier: Apache-2.0 */
/* The part of JSON Schema that etc/show-json.schema.json uses. */
#ifndef HF_NODE_CLI_TESTS_JSON_SCHEMA_H
#define HF_NODE_CLI_TESTS_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/* root: where "$ref" points into; says on stdout what does not obey. */
bool json_schema_valid(const json_t *root, const json_t *schema, const json_t *v);

#endif
