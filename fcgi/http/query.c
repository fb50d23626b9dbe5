#include "http/query.h"

#include <stdbool.h>
#include <string.h>

#include "http/utf8.h"

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* Decodes text in place (it only shrinks); false where that does not give text in UTF-8 without NUL. */
static bool
decode(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from != '\0') {
		if (*from != '%') {
			*to++ = *from == '+' ? ' ' : *from;
			from++;
			continue;
		}
		const int high = hex_value(from[1]);
		const int low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		from += 3;
	}
	*to = '\0';
	return http_utf8_valid(text, (size_t)(to - text));
}

static bool
is_known(const char *name, const char *known)
{
	const size_t size = strlen(name);

	if (size == 0 || strchr(name, ' ') != NULL)
		return false;
	for (const char *at = known; at != NULL; at = strchr(at, ' ')) {
		if (*at == ' ')
			at++;
		if (strncmp(at, name, size) == 0 && (at[size] == ' ' || at[size] == '\0'))
			return true;
	}
	return false;
}

/* One pair of text, which ends with a NUL. */
static enum es_result
parse_pair(char *pair, const char *known, struct http_query *query, struct es_error *error)
{
	char *value = strchr(pair, '=');

	if (value != NULL)
		*value++ = '\0';
	if (!decode(pair))
		return es_fail(error, ES_INVALID, NULL, "the name of a query parameter is not percent-encoded UTF-8");
	if (!is_known(pair, known))
		return es_fail(error, ES_INVALID, pair, "unknown query parameter \"%s\"", pair);
	if (http_query_value(query, pair) != NULL)
		return es_fail(error, ES_INVALID, pair, "query parameter \"%s\" is given more than once", pair);
	if (value != NULL && !decode(value))
		return es_fail(error, ES_INVALID, pair, "query parameter \"%s\" is not percent-encoded UTF-8", pair);
	if (query->count == HTTP_PARAMETERS_MAX)
		return es_fail(error, ES_INVALID, pair, "more than %d query parameters", HTTP_PARAMETERS_MAX);

	query->parameters[query->count].name = pair;
	query->parameters[query->count].value = value == NULL ? pair + strlen(pair) : value;
	query->count++;
	return ES_OK;
}

enum es_result
http_query_parse(char *text, const char *known, struct http_query *ret_query, struct es_error *error)
{
	struct http_query query = { .count = 0 };
	char *pair = *text == '\0' ? NULL : text;

	while (pair != NULL) {
		char *next = strchr(pair, '&');
		if (next != NULL)
			*next++ = '\0';
		const enum es_result result = parse_pair(pair, known, &query, error);
		if (result != ES_OK)
			return result;
		pair = next;
	}
	*ret_query = query;
	return ES_OK;
}

const char *
http_query_value(const struct http_query *query, const char *name)
{
	for (size_t at = 0; at < query->count; at++)
		if (strcmp(query->parameters[at].name, name) == 0)
			return query->parameters[at].value;
	return NULL;
}
