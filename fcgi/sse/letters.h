/*
 * sse/letters.h - what the loop and the tail have to say to each other.
 */
#ifndef SSE_LETTERS_H
#define SSE_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/result.h"
#include "event/text.h"
#include "sse/feed.h"
#include "sse/frame.h"
#include "sse/mailbox.h"

enum sse_order_kind {
	SSE_ORDER_FILL,   /* watch the stream from now on, and read what it already has */
	SSE_ORDER_LOOK,   /* tell where the stream stands now: news of all that was committed before come first */
	SSE_ORDER_FORGET, /* watch it no more */
};

struct sse_order {
	struct sse_letter letter;
	enum sse_order_kind kind;
	char name[SSE_NAME_MAX + 1];
	/* of SSE_ORDER_FILL: the versions after `after` (SSE_LIVE_ONLY: none), up to `until` (0: up to the head) */
	int64_t after;
	int64_t until;
	int failures; /* times that it could not be read in time, by a connection that had just answered */
};

enum {
	SSE_FILL_TRIES = 2, /* then it is answered without events: their readers load the state */
};

enum sse_news_kind {
	SSE_NEWS_EVENTS,     /* new events of watched streams */
	SSE_NEWS_FILLED,     /* events of one stream, newest first */
	SSE_NEWS_LOOKED,     /* everything committed when the order came is told */
	SSE_NEWS_LOG,        /* the log is this one, and everything known before is void */
	SSE_NEWS_UNREADABLE, /* the stream could not be read, and trying again would not help */
};

/* One event's frame within the bytes of its news. */
struct sse_news_event {
	char name[SSE_NAME_MAX + 1];
	int64_t version;
	int64_t recorded_at; /* microseconds since 1970 */
	size_t offset;
	size_t size;
};

struct sse_news {
	struct sse_letter letter;
	enum sse_news_kind kind;
	char name[SSE_NAME_MAX + 1]; /* of the stream, where it is about one */
	char log[SSE_LOG_SIZE];      /* of SSE_NEWS_LOG */
	int64_t head;                /* of SSE_NEWS_FILLED, as are these: where the stream stood */
	int64_t horizon;             /* the first event it still has */
	int64_t until;               /* as in the order */
	bool exhausted;              /* there are more events than were read */
	struct sse_news_event *events;
	size_t count;
	struct es_text bytes;
};

/* Sends an order; false: no memory, or the mailbox is closed. */
ES_MUST_CHECK bool sse_order_send(struct sse_mailbox *orders, enum sse_order_kind kind, const char *name, int64_t after,
                                  int64_t until);
void sse_order_free(struct sse_letter *order);

/* NULL: no memory. */
struct sse_news *sse_news_new(enum sse_news_kind kind, const char *name);
void sse_news_free(struct sse_letter *news);

#endif
