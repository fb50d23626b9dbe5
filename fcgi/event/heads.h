/*
 * event/heads.h - where streams stand, as far as one connection knows: a bounded memory, which may be out of date.
 *
 * What was decided on a remembered head is written only if it still is the head.  So a wrong memory costs time, and
 * changes nothing; one that is right spares asking.
 */
#ifndef ES_HEADS_H
#define ES_HEADS_H

#include <stdint.h>

#include "event/append.h"
#include "event/uuid.h"

struct es_heads;

struct es_remembered {
	char name[ES_STREAM_NAME_MAX + 1]; /* "": nothing is remembered here */
	int64_t id;                        /* the store's own */
	int64_t horizon;
	int64_t version;
	struct es_uuid event; /* the one that is the head: it tells a log that was restored from the one it was */
	int live;
};

enum {
	ES_HEADS_MAX = 4096, /* remembered at most, in half a MiB: more streams than are busy at a time */
};

/* NULL: no memory. */
struct es_heads *es_heads_new(void);
void es_heads_free(struct es_heads *heads);

void es_heads_clear(struct es_heads *heads);

/* NULL: nothing is remembered of the stream.  Borrowed until the next call. */
const struct es_remembered *es_heads_find(const struct es_heads *heads, const char *name);

/* Copies head; may forget another stream for it. */
void es_heads_remember(struct es_heads *heads, const struct es_remembered *head);

void es_heads_forget(struct es_heads *heads, const char *name);

#endif
