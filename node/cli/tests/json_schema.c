/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "node/cli/tests/json_schema.h"

static bool type_is(const char *type, const json_t *v)
{
	return strcmp(type, "object") == 0    ? json_is_object(v)
	       : strcmp(type, "array") == 0   ? json_is_array(v)
	       : strcmp(type, "string") == 0  ? json_is_string(v)
	       : strcmp(type, "integer") == 0 ? json_is_integer(v)
	       : strcmp(type, "number") == 0  ? json_is_number(v)
	       : strcmp(type, "boolean") == 0 ? json_is_boolean(v)
	       : strcmp(type, "null") == 0    ? json_is_null(v)
					      : false;
}

static bool type_valid(const json_t *types, const json_t *v)
{
	size_t i;
	json_t *t;
	if (json_is_string(types))
		return type_is(json_string_value(types), v);
	json_array_foreach(types, i, t) if (type_is(json_string_value(t), v)) return true;
	return types == NULL;
}

static bool object_valid(const json_t *root, const json_t *schema, const json_t *v)
{
	const json_t *properties = json_object_get(schema, "properties");
	const char *key;
	json_t *member, *name;
	size_t i;
	if (!json_is_object(v) || !properties)
		return true;
	json_array_foreach(json_object_get(schema, "required"), i,
			   name) if (!json_object_get(v, json_string_value(name))) return false;
	json_object_foreach((json_t *)v, key, member)
	{
		const json_t *sub = json_object_get(properties, key);
		if (!sub || !json_schema_valid(root, sub, member)) {
			print_message("member %s\n", key);
			return false;
		}
	}
	const json_t *max = json_object_get(schema, "maxProperties");
	return !max || (json_int_t)json_object_size(v) <= json_integer_value(max);
}

static bool scalar_valid(const json_t *schema, const json_t *v)
{
	const json_t *list = json_object_get(schema, "enum"),
		     *minimum = json_object_get(schema, "minimum");
	const char *pattern = json_string_value(json_object_get(schema, "pattern"));
	size_t i;
	json_t *member;
	bool listed = list == NULL, matches = true;
	json_array_foreach(list, i, member) listed |= json_equal(member, v);
	if (pattern) {
		regex_t re;
		assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
		matches = json_is_string(v) && regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
		regfree(&re);
	}
	return listed && matches &&
	       (!minimum || json_integer_value(v) >= json_integer_value(minimum));
}

bool json_schema_valid(const json_t *root, const json_t *schema, const json_t *v)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	const json_t *items = json_object_get(schema, "items");
	size_t i;
	json_t *member;
	if (ref) {
		const json_t *to = json_object_get(json_object_get(root, "definitions"),
						   strrchr(ref, '/') + 1);
		assert_non_null(to);
		return json_schema_valid(root, to, v);
	}
	if (!type_valid(json_object_get(schema, "type"), v) || !object_valid(root, schema, v) ||
	    !scalar_valid(schema, v))
		return false;
	if (items && json_is_array(v))
		json_array_foreach(
			v, i, member) if (!json_schema_valid(root, items, member)) return false;
	return true;
}
