#include "http/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "http/json_scan.h"

enum {
	FEW_NAMES = 16,   /* up to here, comparing each pair is faster than sorting */
	FIRST_NAMES = 32, /* members of an ordinary command and its parents: no allocation */
};

/* An array or object that is still open. */
struct container {
	bool is_object;
	size_t first_name; /* of an object: where its names begin in checker.names */
};

struct checker {
	struct http_json_scan scan;

	struct container open[HTTP_JSON_DEPTH_MAX];
	size_t depth;

	/* The names of all open objects, the innermost one's last. */
	struct http_json_name *names;
	size_t name_count;
	size_t name_capacity;
	struct http_json_name first_names[FIRST_NAMES];
};

/* --- names --- */

static int
compare_names(const void *one, const void *other)
{
	const struct http_json_name *left = one;
	const struct http_json_name *right = other;

	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->size);
}

/* Checks the names of the innermost object, which ends here, and forgets them. */
static enum es_result
close_names(struct checker *checker, size_t first)
{
	struct http_json_name *names = checker->names + first;
	const size_t count = checker->name_count - first;
	const struct http_json_name *duplicate = NULL;

	if (count > FEW_NAMES) {
		qsort(names, count, sizeof *names, compare_names);
		for (size_t at = 1; at < count && duplicate == NULL; at++)
			if (compare_names(&names[at - 1], &names[at]) == 0)
				duplicate = names[at - 1].position > names[at].position ? &names[at - 1] : &names[at];
	} else {
		for (size_t at = 1; at < count && duplicate == NULL; at++)
			for (size_t before = 0; before < at && duplicate == NULL; before++)
				if (compare_names(&names[before], &names[at]) == 0)
					duplicate = &names[at];
	}
	checker->name_count = first;
	if (duplicate != NULL)
		return http_json_refuse(&checker->scan, checker->scan.start + duplicate->position,
		                        "name used before in the same object");
	return ES_OK;
}

static enum es_result
add_name(struct checker *checker, const struct http_json_name *name)
{
	if (checker->name_count == checker->name_capacity) {
		const size_t capacity = checker->name_capacity * 2;
		const bool on_heap = checker->names != checker->first_names;
		struct http_json_name *names = realloc(on_heap ? checker->names : NULL, capacity * sizeof *names);
		if (names == NULL)
			return http_json_no_memory(&checker->scan);
		if (!on_heap)
			memcpy(names, checker->first_names, sizeof checker->first_names);
		checker->names = names;
		checker->name_capacity = capacity;
	}
	checker->names[checker->name_count++] = *name;
	return ES_OK;
}

/* A name and its colon. */
static enum es_result
scan_name(struct checker *checker)
{
	struct http_json_name name;

	http_json_skip_blanks(&checker->scan);
	if (http_json_peek(&checker->scan) != '"')
		return http_json_refuse(&checker->scan, checker->scan.at, "a name in quotes expected");
	enum es_result result = http_json_scan_string(&checker->scan, &name);
	if (result == ES_OK)
		result = add_name(checker, &name);
	if (result != ES_OK)
		return result;
	http_json_skip_blanks(&checker->scan);
	if (!http_json_skip(&checker->scan, ':'))
		return http_json_refuse(&checker->scan, checker->scan.at, "\":\" expected");
	return ES_OK;
}

/* --- values --- */

/* Opens an array or object; *ret_empty says that it closed again at once. */
static enum es_result
open_container(struct checker *checker, bool *ret_empty)
{
	const bool is_object = *checker->scan.at == '{';

	if (checker->depth == HTTP_JSON_DEPTH_MAX)
		return http_json_refuse(&checker->scan, checker->scan.at, "nested too deep (at most 32 levels)");
	checker->scan.at++;
	checker->open[checker->depth++] = (struct container){ is_object, checker->name_count };
	http_json_skip_blanks(&checker->scan);
	*ret_empty = http_json_skip(&checker->scan, is_object ? '}' : ']');
	if (*ret_empty)
		checker->depth--;
	else if (is_object)
		return scan_name(checker);
	return ES_OK;
}

/* Behind a value: closes what ends here, up to a comma (*ret_more) or the end of the outermost value. */
static enum es_result
close_containers(struct checker *checker, bool *ret_more)
{
	*ret_more = false;
	while (checker->depth > 0) {
		const struct container *inner = &checker->open[checker->depth - 1];
		http_json_skip_blanks(&checker->scan);
		if (http_json_skip(&checker->scan, ',')) {
			*ret_more = true;
			return inner->is_object ? scan_name(checker) : ES_OK;
		}
		if (!http_json_skip(&checker->scan, inner->is_object ? '}' : ']'))
			return http_json_refuse(&checker->scan, checker->scan.at,
			                        inner->is_object ? "\",\" or \"}\" expected"
			                                         : "\",\" or \"]\" expected");
		if (inner->is_object) {
			const enum es_result result = close_names(checker, inner->first_name);
			if (result != ES_OK)
				return result;
		}
		checker->depth--;
	}
	return ES_OK;
}

static enum es_result
scan_text(struct checker *checker)
{
	enum es_result result;
	bool more = true;
	int values = 0;

	while (more) {
		http_json_skip_blanks(&checker->scan);
		if (++values > HTTP_JSON_VALUES_MAX)
			return http_json_refuse(&checker->scan, checker->scan.at, "too many values (at most 16384)");
		const int byte = http_json_peek(&checker->scan);
		bool complete = true;
		if (byte == '{' || byte == '[')
			result = open_container(checker, &complete);
		else if (byte == '"')
			result = http_json_scan_string(&checker->scan, NULL);
		else if (byte == '-' || (byte >= '0' && byte <= '9'))
			result = http_json_scan_number(&checker->scan);
		else
			result = http_json_scan_word(&checker->scan);
		if (result == ES_OK && complete)
			result = close_containers(checker, &more);
		if (result != ES_OK)
			return result;
	}
	http_json_skip_blanks(&checker->scan);
	if (checker->scan.at != checker->scan.end)
		return http_json_refuse(&checker->scan, checker->scan.at, "more after the value");
	return ES_OK;
}

enum es_result
http_json_check(const char *bytes, size_t size, struct es_error *error)
{
	struct checker checker;

	if (size > INT_MAX)
		return es_fail(error, ES_INVALID, NULL, "not JSON: too long");
	checker.scan = (struct http_json_scan){ .start = bytes, .at = bytes, .end = bytes + size, .error = error };
	checker.depth = 0;
	checker.names = checker.first_names;
	checker.name_count = 0;
	checker.name_capacity = FIRST_NAMES;

	const enum es_result result = scan_text(&checker);
	if (checker.names != checker.first_names)
		free(checker.names);
	free(checker.scan.decoded);
	return result;
}

enum es_result
http_json_parse(const char *bytes, size_t size, struct json_object **ret_value, struct es_error *error)
{
	const enum es_result result = http_json_check(bytes, size, error);

	if (result != ES_OK)
		return result;
	/* json-c counts the innermost value as one more level. */
	struct json_tokener *tokener = json_tokener_new_ex(HTTP_JSON_DEPTH_MAX + 1);
	if (tokener == NULL)
		return es_fail(error, ES_FAILED, NULL, "out of memory");
	struct json_object *value = json_tokener_parse_ex(tokener, bytes, (int)size);
	/* A number at the very end may go on; the NUL of "" ends it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1);
	const enum json_tokener_error outcome = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (outcome != json_tokener_success) {
		json_object_put(value);
		return es_fail(error, ES_FAILED, NULL, "json-c: %s", json_tokener_error_desc(outcome));
	}
	if (value == NULL)
		return es_fail(error, ES_INVALID, NULL, "null where a value is expected");
	*ret_value = value;
	return ES_OK;
}
