/*
 * sse/watched.h - the names of the streams whose events are wanted.
 */
#ifndef SSE_WATCHED_H
#define SSE_WATCHED_H

#include <stdbool.h>
#include <stddef.h>

#include "event/text.h"
#include "sse/feed.h"

enum {
	SSE_WATCHED_NAMED_MAX = 1000, /* names worth sending with every query (64 kB); of more, all streams are read */
};

/* Start from SSE_WATCHED_INIT. */
struct sse_watched {
	struct sse_watched_name {
		char text[SSE_NAME_MAX + 1];
	} * names; /* sorted */
	size_t count;
	size_t capacity;
	bool all;             /* no memory for a name: everything is wanted from then on */
	struct es_text array; /* the names as PostgreSQL writes an array; empty until asked for */
};

#define SSE_WATCHED_INIT              \
	(struct sse_watched)          \
	{                             \
		.array = ES_TEXT_INIT \
	}

void sse_watched_add(struct sse_watched *watched, const char *name);
void sse_watched_remove(struct sse_watched *watched, const char *name);
void sse_watched_done(struct sse_watched *watched);

bool sse_watched_nothing(const struct sse_watched *watched);

/* The names as a text[]; NULL: every stream is wanted.  Borrowed until the set changes. */
const char *sse_watched_array(struct sse_watched *watched);

#endif
