/*
 * sse/frame.h - the bytes of a stream: server-sent event frames inside FastCGI records.
 *
 * nginx numbers every request 1, so the records of one event are the same for all who read it: they are made once,
 * kept in a ring and written as they are.  A frame longer than a record spans several.
 */
#ifndef SSE_FRAME_H
#define SSE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "event/text.h"

enum {
	SSE_RECORD_HEADER = 8,  /* bytes before the content of a FastCGI record */
	SSE_RECORD_MAX = 65535, /* bytes of content: the length field has 16 bits */
	SSE_FRAME_MAX =
		256 * 1024,  /* bytes of one event's frame: a quarter of a ring, so that a ring never holds just one */
	SSE_LOG_SIZE = 17,   /* the log's id and its NUL: 8 hex digits, with room for longer ones */
	SSE_SMALL_MAX = 160, /* bytes of any frame but an event's, with its record's header */
};

/* One event and what it changed.  Borrowed. */
struct sse_event {
	int64_t version;
	int64_t position;
	int64_t base;
	int64_t recorded_at; /* microseconds since 1970 */
	const char *id;
	const char *type;
	const char *data;       /* JSON; NULL: too large to be sent */
	const char *actor;      /* NULL: nobody logged in */
	const char *command_id; /* NULL: none */
	const char *changes;    /* a JSON array; NULL: too many to be sent */
};

/*
 * Each adds whole FastCGI records to text.
 *
 * sse_frame_event: one event.  One that is too large becomes a reset at its version instead, which makes the page load
 * the state there and go on: the same outcome.
 */
void sse_frame_event(struct es_text *text, const struct sse_event *event, const char *log);

/* "event: head": where the log stands, without an id. */
void sse_frame_head(struct es_text *text, int64_t version, const char *log);

/* "event: reset": load the state at version and go on from there. */
void sse_frame_reset(struct es_text *text, int64_t version, const char *log);

/* A comment, which clients ignore: keeps a stream alive that has nothing to say yet. */
void sse_frame_comment(struct es_text *text);

/* The reply's header lines and the pause (milliseconds) after which the client is to reconnect. */
void sse_frame_start(struct es_text *text, int64_t retry);

/* bytes as the content of standard output, and what ends a request. */
void sse_frame_output(struct es_text *text, const char *bytes, size_t size);
void sse_frame_end(struct es_text *text);

#endif
