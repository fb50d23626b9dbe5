/*
 * event/text.h - a growing piece of text.
 *
 * Adding never fails visibly: the first failure (no memory) is remembered, later additions do nothing, and the
 * owner checks once, at the end, with es_text_failed.
 */
#ifndef ES_TEXT_H
#define ES_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/result.h"

/* Start from ES_TEXT_INIT; end with es_text_done.  bytes always ends with a NUL that size does not count. */
struct es_text {
	char *bytes; /* never NULL; "" while empty */
	size_t size; /* in bytes */
	size_t capacity;
	bool failed;
};

extern char es_text_empty[1]; /* what an empty text points to; never written */

#define ES_TEXT_INIT                   \
	(struct es_text)               \
	{                              \
		.bytes = es_text_empty \
	}

void es_text_add(struct es_text *text, const void *bytes, size_t size);
void es_text_add_string(struct es_text *text, const char *string);
void es_text_add_format(struct es_text *text, const char *format, ...) ES_PRINTF(2, 3);

/* A decimal number: much faster than es_text_add_format on hot paths. */
void es_text_add_int64(struct es_text *text, int64_t number);

/* string as a JSON string with its quotes.  string is UTF-8; control characters, quotes and backslashes are escaped. */
void es_text_add_json(struct es_text *text, const char *string);

/* json without the white space between its tokens.  json must be well formed (the database wrote it). */
void es_text_add_compact(struct es_text *text, const char *json);

bool es_text_failed(const struct es_text *text);

/* Empties text and keeps its memory for what comes next; forgets a failure. */
void es_text_clear(struct es_text *text);

/* Returns the bytes (new, free with free; NULL if text failed) and leaves text empty. */
char *es_text_steal(struct es_text *text);

/* Frees the contents.  The text may be used again as after ES_TEXT_INIT. */
void es_text_done(struct es_text *text);

#endif
