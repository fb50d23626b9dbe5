/*
 * sse/source.h - reads the log: what is new in it, and what a stream already has.
 *
 * Remembers the last position it has seen and that event's id.  Each look checks that this very event is still there:
 * if not, or if the log's id is another one, the database was restored and nothing known before counts.
 */
#ifndef SSE_SOURCE_H
#define SSE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/database.h"
#include "event/result.h"
#include "event/uuid.h"
#include "sse/frame.h"
#include "sse/letters.h"

struct sse_source {
	struct es_database *database;
	bool started; /* the log was looked at before */
	char log[SSE_LOG_SIZE];
	int64_t position;           /* everything up to here was read; 0: the log was empty */
	char id[ES_UUID_TEXT_SIZE]; /* of the event at position, or "" */
};

/* Does not connect yet.  ES_FAILED: no memory. */
ES_MUST_CHECK enum es_result sse_source_init(struct sse_source *source, const char *conninfo, struct es_error *error);
void sse_source_done(struct sse_source *source);

/*
 * Reads the next events after the position, those of the streams in names (a text[]; NULL: all).  *ret_news is new:
 * SSE_NEWS_EVENTS, perhaps without any, or SSE_NEWS_LOG.  *ret_more: there is more to read at once.
 */
ES_MUST_CHECK enum es_result sse_source_follow(struct sse_source *source, const char *names, int64_t deadline,
                                               struct sse_news **ret_news, bool *ret_more, struct es_error *error);

/* Reads what an order (SSE_ORDER_FILL) asks for.  *ret_news is new: SSE_NEWS_FILLED. */
ES_MUST_CHECK enum es_result sse_source_fill(struct sse_source *source, const struct sse_order *order, int64_t deadline,
                                             struct sse_news **ret_news, struct es_error *error);

#endif
