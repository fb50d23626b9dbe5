/* Queries: decoding, and everything that is refused. */
#include "http/query.h"
#include "tap.h"

#define KNOWN "limit version after q"

static const struct {
	const char *query;
	const char *name; /* the parameter looked at, NULL: none is there */
	const char *value;
} accepted[] = {
	{ "", NULL, NULL },
	{ "limit=10", "limit", "10" },
	{ "limit=10&q=a", "q", "a" },
	{ "q=a&limit=10", "q", "a" },
	{ "q=", "q", "" },
	{ "q", "q", "" },
	{ "q=a=b", "q", "a=b" },
	{ "q=a+b%2Bc%20d", "q", "a b+c d" },
	{ "q=%c3%A9", "q", "\xc3\xa9" },
	{ "q=\xc3\xa9", "q", "\xc3\xa9" },
	{ "q=%26%3D%25", "q", "&=%" },
	{ "%6Cimit=5", "limit", "5" },
	{ "q=%F0%9F%98%80", "q", "\xf0\x9f\x98\x80" },
};

static const struct {
	const char *query;
	const char *field;
	const char *reason;
} refused[] = {
	{ "x=1", "x", "unknown query parameter \"x\"" },
	{ "limi=1", "limi", "unknown query parameter \"limi\"" },
	{ "limits=1", "limits", "unknown" },
	{ "Limit=1", "Limit", "unknown" },
	{ "imit=1", "imit", "unknown" },
	{ "limit+version=1", "limit version", "unknown" },
	{ "=1", "", "unknown query parameter \"\"" },
	{ "&", "", "unknown" },
	{ "limit=1&", "", "unknown" },
	{ "limit=1&&q=1", "", "unknown" },
	{ "limit=1&limit=1", "limit", "more than once" },
	{ "limit=1&%6cimit=2", "limit", "more than once" },
	{ "q&q=1", "q", "more than once" },
	{ "q=%", "q", "percent-encoded UTF-8" },
	{ "q=%4", "q", "percent-encoded UTF-8" },
	{ "q=%4g", "q", "percent-encoded UTF-8" },
	{ "q=%00", "q", "percent-encoded UTF-8" },
	{ "q=a%00b", "q", "percent-encoded UTF-8" },
	{ "q=%ff", "q", "percent-encoded UTF-8" },
	{ "q=%c3", "q", "percent-encoded UTF-8" },
	{ "q=%ed%a0%80", "q", "percent-encoded UTF-8" },
	{ "q=%c0%80", "q", "percent-encoded UTF-8" },
	{ "%ff=1", "", "name of a query parameter" },
	{ "%=1", "", "name of a query parameter" },
};

static enum es_result
parse(const char *query, const char *known, char **ret_text, struct http_query *ret_query, struct es_error *error)
{
	*ret_text = strdup(query);
	if (*ret_text == NULL)
		bail("no memory");
	return http_query_parse(*ret_text, known, ret_query, error);
}

int
main(void)
{
	struct http_query query;
	char *text;

	for (size_t at = 0; at < sizeof accepted / sizeof accepted[0]; at++) {
		struct es_error error = ES_ERROR_INIT;
		is_int(parse(accepted[at].query, KNOWN, &text, &query, &error), ES_OK, accepted[at].query);
		if (accepted[at].name != NULL)
			is_string(http_query_value(&query, accepted[at].name), accepted[at].value, "its value");
		ok(http_query_value(&query, "version") == NULL, "an absent one is NULL");
		free(text);
	}
	for (size_t at = 0; at < sizeof refused / sizeof refused[0]; at++) {
		struct es_error error = ES_ERROR_INIT;
		is_int(parse(refused[at].query, KNOWN, &text, &query, &error), ES_INVALID, refused[at].query);
		is_string(error.field, refused[at].field, "its field");
		ok(strstr(error.detail, refused[at].reason) != NULL, "its detail: %s", error.detail);
		free(text);
	}

	struct es_error error = ES_ERROR_INIT;
	is_int(parse("", NULL, &text, &query, &error), ES_OK, "no parameters where none are known");
	is_int(query.count, 0, "and none are there");
	free(text);
	is_int(parse("a=1", NULL, &text, &query, &error), ES_INVALID, "none is known");
	free(text);
	return done_testing();
}
