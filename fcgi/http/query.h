/*
 * http/query.h - the query of a request: name=value pairs, percent-decoded.
 *
 * Only names the route knows, each at most once, in UTF-8 without NUL; anything else is refused.
 */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include <stddef.h>

#include "event/result.h"

enum {
	HTTP_PARAMETERS_MAX = 16, /* more names than any route knows */
};

struct http_query {
	size_t count;
	struct {
		const char *name;
		const char *value;
	} parameters[HTTP_PARAMETERS_MAX];
};

/*
 * Parses text in place; *ret_query points into it.  known: the names, separated by single spaces, or NULL for none.
 * A plus stands for a space, as forms and URLSearchParams write it.  ES_INVALID names the parameter as field.
 */
ES_MUST_CHECK enum es_result http_query_parse(char *text, const char *known, struct http_query *ret_query,
                                              struct es_error *error);

/* The value of a parameter; NULL where it is absent, "" where it is empty. */
const char *http_query_value(const struct http_query *query, const char *name);

#endif
