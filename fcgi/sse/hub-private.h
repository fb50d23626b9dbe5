/*
 * sse/hub-private.h - the inside of a hub, for hub.c (lives and times of subscribers) and hearing.c (news of the log).
 */
#ifndef SSE_HUB_PRIVATE_H
#define SSE_HUB_PRIVATE_H

#include "sse/hub.h"

#include "event/text.h"
#include "sse/frame.h"

struct sse_hub {
	struct sse_hub_options options;
	int64_t now; /* monotonic */
	struct sse_feeds feeds;
	struct sse_feed_list idle;
	struct sse_feed_list dirty;
	struct sse_subscribers timed[SSE_STATE_MAX];
	char log[SSE_LOG_SIZE];
	struct es_text scratch; /* for one frame; empty between uses */
	struct sse_tally tally; /* not yet in the metrics */
};

void sse_hub_count(const struct sse_hub *hub, enum sse_metric metric, int64_t number);

/*
 * Writes what was appended to all who read it, of feeds that have rested enough.  Returns when the next of them has
 * (monotonic; INT64_MAX: none waits).
 */
int64_t sse_hub_write_dirty(struct sse_hub *hub);

/* One that waits is given no more of its ring. */
void sse_hub_set_waiting(struct sse_subscriber *subscriber, bool waiting);

/* Lets all who wait go on, if the feed now has what they need, or asks for it.  May close any of them. */
void sse_hub_place_all(struct sse_hub *hub, struct sse_feed *feed);

/* Asks for the events after version `after`, up to `until`, as in an order; does nothing while that was asked already.
 */
void sse_hub_fill(const struct sse_hub *hub, struct sse_feed *feed, int64_t after, int64_t until);

/* Nothing the tail may still answer about. */
bool sse_hub_unasked(const struct sse_feed *feed);

/* Of an idle, unasked feed. */
void sse_hub_free_feed(struct sse_hub *hub, struct sse_feed *feed);

#endif
