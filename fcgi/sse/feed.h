/*
 * sse/feed.h - one stream's ring, and those who read it.
 *
 * Feeds are found by the name of their stream.  The first subscriber makes one; it stays for a while after the last has
 * left, so that reconnecting finds the ring still filled.
 */
#ifndef SSE_FEED_H
#define SSE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sse/ring.h"
#include "sse/subscriber.h"

enum {
	SSE_NAME_MAX = 63, /* bytes of a stream's name */
	/* appended and not yet written: at either bound it is, while a socket still takes all of it at once */
	SSE_UNWRITTEN_EVENTS_MAX = 64,
	SSE_UNWRITTEN_BYTES_MAX = SSE_SEND_BUFFER,
};

struct sse_feed {
	char name[SSE_NAME_MAX + 1];
	struct sse_ring ring;               /* means nothing until ready */
	int64_t horizon;                    /* the first event the log still has, when last asked */
	struct sse_subscribers subscribers; /* all of them, waiting or not */
	size_t subscriber_count;
	size_t waiting_count;
	bool ready;          /* the ring stands where the log stood, and everything since was appended */
	bool exhausted;      /* filling cannot make the ring reach further back */
	bool filling;        /* the log was asked to fill the ring */
	uint64_t looks_sent; /* how often the log was asked where it stands; one question at a time */
	uint64_t looks_done; /* how often it answered */
	bool dirty;          /* something was appended and not yet written to all */
	int64_t written_at;  /* monotonic; then it rests, and what is appended meanwhile is written together */
	int64_t unwritten[SSE_UNWRITTEN_EVENTS_MAX]; /* when what was not yet written was recorded */
	size_t unwritten_events;
	size_t unwritten_bytes;
	int64_t idle_until; /* monotonic; freed then, unless somebody comes */
	TAILQ_ENTRY(sse_feed) every;
	TAILQ_ENTRY(sse_feed) idle; /* of those without subscribers */
	TAILQ_ENTRY(sse_feed) dirty_next;
};

TAILQ_HEAD(sse_feed_list, sse_feed);

struct sse_feeds {
	void *by_name; /* of search.h */
	struct sse_feed_list every;
	size_t count;
	struct sse_budget budget;
};

void sse_feeds_init(struct sse_feeds *feeds, size_t ring_bytes_max);

/* NULL: there is none. */
struct sse_feed *sse_feeds_find(struct sse_feeds *feeds, const char *name);

/* The one there is, or a new one.  NULL: no memory. */
struct sse_feed *sse_feeds_get(struct sse_feeds *feeds, const char *name);

/* Frees a feed that nobody reads any more. */
void sse_feeds_remove(struct sse_feeds *feeds, struct sse_feed *feed);

/* Where a subscriber stands towards the ring. */
enum sse_place {
	SSE_PLACE_FOUND, /* the ring has what it needs next: its cursor is set */
	SSE_PLACE_RESET, /* the ring will never have it */
	SSE_PLACE_FILL,  /* the ring is to be filled further back */
	SSE_PLACE_LOOK,  /* it is ahead of the ring: look at the log */
};

/* Decides for a subscriber that waits, once the feed is ready.  Sets its cursor where it was found. */
enum sse_place sse_feed_place(const struct sse_feed *feed, struct sse_subscriber *subscriber);

#endif
