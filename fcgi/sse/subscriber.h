/*
 * sse/subscriber.h - one client of a stream: a socket and a cursor into the stream's ring.
 *
 * It has no queue.  Only what belongs to it alone (the header lines, a reset, a heartbeat) lies in a few bytes of its
 * own; events are written from the ring, all that wait with one call.
 */
#ifndef SSE_SUBSCRIBER_H
#define SSE_SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "event/text.h"
#include "sse/frame.h"
#include "sse/ring.h"

struct sse_feed;

enum {
	SSE_OWN_MAX = 3 * SSE_SMALL_MAX, /* bytes: header lines, a reset and a head, should all be unsent */
	SSE_SEND_BUFFER = 32 * 1024, /* bytes the kernel may hold for one that does not read (it doubles the number) */
};

#define SSE_LIVE_ONLY INT64_C(-1)  /* wants nothing from before */
#define SSE_BAD_CURSOR INT64_C(-2) /* asked for something that is no version: is reset */

/* Which list a subscriber is in; each list has one deadline, so that its first member is always the next one due. */
enum sse_state {
	SSE_FLOWING, /* has all there is: until the next heartbeat */
	SSE_BLOCKED, /* does not read: until it is given up */
	SSE_STATE_MAX,
};

struct sse_subscriber {
	int fd;
	enum sse_state state;
	int64_t deadline;      /* monotonic */
	struct sse_feed *feed; /* borrowed; has it in its list */
	int64_t version;       /* all up to here was written; while waiting: all up to here is known to the client */
	uint64_t cursor;       /* what of the ring is written next; means nothing while waiting */
	uint64_t look;     /* the look at the log that decides about a version from the future; 0: none needed so far */
	bool waiting;      /* for the ring to reach back to its version */
	bool reset_due;    /* whatever it had is void */
	bool head_due;     /* a head frame follows as soon as it has everything */
	uint16_t own_size; /* bytes in own */
	uint16_t own_sent; /* of them written */
	TAILQ_ENTRY(sse_subscriber) timed;
	TAILQ_ENTRY(sse_subscriber) peers; /* of the same feed */
	char own[SSE_OWN_MAX];
};

TAILQ_HEAD(sse_subscribers, sse_subscriber);

/* Takes fd, which must not block. */
struct sse_subscriber *sse_subscriber_new(int fd);

/* Closes the socket. */
void sse_subscriber_free(struct sse_subscriber *subscriber);

/* Appends records to its own bytes; false if they do not fit, which happens only to one that reads nothing. */
bool sse_subscriber_add(struct sse_subscriber *subscriber, const struct es_text *records);

/* Whether an event was written in part, so that nothing but its rest may follow. */
bool sse_subscriber_within_event(const struct sse_subscriber *subscriber, const struct sse_ring *ring);

enum sse_written {
	SSE_WRITTEN_ALL,    /* nothing waits */
	SSE_WRITTEN_SOME,   /* the socket is full; progress was made */
	SSE_WRITTEN_NONE,   /* the socket is full, as before */
	SSE_WRITTEN_GONE,   /* the client has left */
	SSE_WRITTEN_FALLEN, /* what it needs next is no longer in the ring */
};

/* What one call wrote: added to, never cleared. */
struct sse_tally {
	int64_t bytes;
	int64_t events;
};

/*
 * Writes what waits: its own bytes, then the ring (NULL while waiting), then, if due, a head frame of log.  One system
 * call, unless the socket is so empty that one was not enough.
 */
enum sse_written sse_subscriber_write(struct sse_subscriber *subscriber, const struct sse_ring *ring, const char *log,
                                      struct sse_tally *tally);

#endif
