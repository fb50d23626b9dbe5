/*
 * sse/cursor.h - where a client says it stands.
 */
#ifndef SSE_CURSOR_H
#define SSE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "event/result.h"

/*
 * The version after which a subscriber wants to go on, SSE_LIVE_ONLY or SSE_BAD_CURSOR (subscriber.h).
 *
 * last_event_id: the header's value, which goes before after, or NULL.  A client only sends back what it was given, so
 * anything but a version is no error of its page: it is reset.  after: the query parameter or NULL; it was written by a
 * program, and ES_INVALID tells its author.
 */
ES_MUST_CHECK enum es_result sse_cursor_parse(const char *last_event_id, const char *after, int64_t *ret_version,
                                              struct es_error *error);

/* Whether text can be a stream's name: 1 to 63 of a-z, 0-9, ".", "_" and "-", the first a letter or digit. */
bool sse_name_valid(const char *text);

#endif
