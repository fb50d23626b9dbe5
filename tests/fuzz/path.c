/*
 * tests/fuzz/path.c - the path of a request, up to its route and arguments.
 *
 * Whatever comes: put into the pattern, the arguments give the path again, each is one segment, and nothing is encoded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/text.h"
#include "http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(struct http_request *request, void *application, void *local)
{
	(void)request;
	(void)application;
	(void)local;
}

static const struct http_route routes[] = {
	{ "/api/ledgers", "ledgers", NULL, answer, NULL },
	{ "/api/ledgers/{ledger}", "head", NULL, answer, NULL },
	{ "/api/ledgers/{ledger}/states/{version}", "state", NULL, answer, NULL },
	{ "/api/ledgers/{ledger}/{a}/{b}/{c}", "four", NULL, answer, NULL },
	{ 0 },
};

/* The pattern with its {names} replaced by the arguments. */
static void
fill(struct es_text *text, const struct http_match *match)
{
	const char *at = match->route->pattern;

	for (size_t i = 0; i < match->count; i++) {
		const char *brace = strchr(at, '{');
		if (brace == NULL || match->arguments[i].name != brace + 1)
			abort();
		es_text_add(text, at, (size_t)(brace - at));
		es_text_add(text, match->arguments[i].value, strlen(match->arguments[i].value));
		at = strchr(brace, '}') + 1;
	}
	es_text_add(text, at, strlen(at));
}

static void
check(const char *path, char *values)
{
	_cleanup_text_ struct es_text again = ES_TEXT_INIT;
	struct http_match match;

	if (!http_router_find(routes, path, values, &match))
		return;
	if (match.route < routes || match.route->pattern == NULL || match.count > HTTP_ARGUMENTS_MAX)
		abort();
	for (size_t i = 0; i < match.count; i++) {
		const char *value = match.arguments[i].value;
		if (*value == '\0' || strpbrk(value, "/%") != NULL)
			abort();
		for (const char *c = value; *c != '\0'; c++)
			if (*c <= ' ' || *c > '~')
				abort();
	}
	fill(&again, &match);
	if (strcmp(again.bytes, path) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = calloc(size + 1, 1);
	char *values = NULL;

	if (path == NULL)
		return 0;
	memcpy(path, data, size);
	values = malloc(strlen(path) + 1); /* exactly what is promised to be enough */
	if (values != NULL)
		check(path, values);
	free(values);
	free(path);
	return 0;
}
