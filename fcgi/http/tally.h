/*
 * http/tally.h - what the server counts of its requests: how many by route and status, and how long they took.
 */
#ifndef HTTP_TALLY_H
#define HTTP_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "event/text.h"

struct http_route;
struct http_tally;

/* For the routes of a server (borrowed; ends with a NULL pattern), and one row more for requests without one. */
struct http_tally *http_tally_new(const struct http_route *routes);
void http_tally_free(struct http_tally *tally);

/* Counts one reply.  route NULL: none matched.  duration in microseconds.  Thread-safe. */
void http_tally_count(struct http_tally *tally, const struct http_route *route, int status, int64_t duration);

/* <prefix>_http_requests_total and <prefix>_http_request_duration_seconds, of routes that had any request. */
void http_tally_write(const struct http_tally *tally, struct es_text *text, const char *prefix);

#endif
