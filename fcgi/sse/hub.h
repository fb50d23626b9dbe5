/*
 * sse/hub.h - who is subscribed to what, and what is written to whom.
 *
 * Belongs to the loop's thread: nothing in here blocks or locks.
 */
#ifndef SSE_HUB_H
#define SSE_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sse/feed.h"
#include "sse/mailbox.h"
#include "sse/metrics.h"
#include "sse/subscriber.h"

struct sse_hub;

/* Borrows all. */
struct sse_hub_options {
	int poller;                 /* epoll, which wakes the caller with a subscriber as its data.ptr */
	int64_t heartbeat;          /* microseconds between two head frames */
	struct sse_mailbox *orders; /* to the tail */
	struct sse_metrics *metrics;
};

/* NULL: no memory. */
struct sse_hub *sse_hub_new(const struct sse_hub_options *options);

/* Closes all subscribers.  NULL is fine. */
void sse_hub_free(struct sse_hub *hub);

/*
 * A new subscriber of a stream: takes fd (non-blocking, its request read and nothing written).  It wants what comes
 * after version, or SSE_LIVE_ONLY or SSE_BAD_CURSOR.
 */
void sse_hub_join(struct sse_hub *hub, int fd, const char *name, int64_t version);

/* Writes what waits for it, as far as its socket takes it now; closes it if it has left or fallen off. */
void sse_hub_write(struct sse_hub *hub, struct sse_subscriber *subscriber);

/* Frees it. */
void sse_hub_close(struct sse_hub *hub, struct sse_subscriber *subscriber);

/* Acts on news of the tail (linked letters, which it takes) and writes to everybody who waits for them. */
void sse_hub_hear(struct sse_hub *hub, struct sse_letter *news);

/* What time it is (monotonic), for all that follows. */
void sse_hub_set_time(struct sse_hub *hub, int64_t now);

/* Does what is due: heartbeats, closing, freeing.  Returns when it wants to be called again. */
int64_t sse_hub_tick(struct sse_hub *hub);

/* Ends up to count streams in good order; returns how many are left. */
size_t sse_hub_end(struct sse_hub *hub, size_t count);

#endif
