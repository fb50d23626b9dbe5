/*
 * tests/fuzz/query.c - the query parser.
 *
 * Whatever comes: only known names, each once, in UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/query.h"
#include "http/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_known(const char *name)
{
	static const char *const known[] = { "limit", "version", "after", "q" };

	for (size_t at = 0; at < sizeof known / sizeof known[0]; at++)
		if (strcmp(name, known[at]) == 0)
			return 1;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct es_error error = ES_ERROR_INIT;
	struct http_query query;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	const enum es_result result = http_query_parse(text, "limit version after q", &query, &error);
	if (result != ES_OK && result != ES_INVALID)
		abort();
	for (size_t at = 0; result == ES_OK && at < query.count; at++) {
		const char *value = query.parameters[at].value;
		if (!is_known(query.parameters[at].name) || !http_utf8_valid(value, strlen(value)))
			abort();
		/* A repeated name would give its first value here. */
		if (http_query_value(&query, query.parameters[at].name) != value)
			abort();
	}
	free(text);
	return 0;
}
