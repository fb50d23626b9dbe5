/*
 * sse/ring.h - the newest events of one stream, as bytes ready to be written.
 *
 * Frames lie one after the other in a circle of bytes.  A reader is nothing but an offset into it: all that waits for
 * it is one or two pieces of memory, written with one call.  Offsets only grow, so that one which has been overwritten
 * is known by being too small.  Memory is taken as it is needed and bounded for each ring and for all together.
 */
#ifndef SSE_RING_H
#define SSE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	SSE_RING_EVENTS_MAX = 1000,       /* events of one ring: enough for minutes of absence */
	SSE_RING_BYTES_MAX = 1024 * 1024, /* bytes of one ring; a power of two */
};

/* What all rings of a program share.  used never exceeds max. */
struct sse_budget {
	size_t used; /* bytes */
	size_t max;
};

/* Holds the events floor + 1 to head.  Only the functions below write it. */
struct sse_ring {
	struct sse_budget *budget; /* borrowed */
	char *bytes;
	size_t capacity;  /* of bytes: 0 or a power of two */
	uint64_t *starts; /* where the frame of each version begins, at version modulo slots */
	size_t slots;     /* 0 or a power of two */
	uint64_t start;   /* of the oldest frame */
	uint64_t end;     /* of the newest one */
	int64_t floor;
	int64_t head;
};

/* An empty ring of a stream at version head.  Takes no memory yet. */
void sse_ring_init(struct sse_ring *ring, struct sse_budget *budget, int64_t head);

/* Frees the memory.  Call sse_ring_init to use the ring again: offsets from before are then unknown. */
void sse_ring_done(struct sse_ring *ring);

/*
 * Adds the frame of version head + 1, pushing out the oldest ones where it must.  False: there was no memory for it;
 * the ring is then empty at the new head, and every reader has fallen off.
 */
bool sse_ring_append(struct sse_ring *ring, const char *bytes, size_t size);

/* Adds the frame of version floor before all others; false, and nothing changed, where there is no room. */
bool sse_ring_prepend(struct sse_ring *ring, const char *bytes, size_t size);

/* Where a reader that has all up to version goes on; false if the ring does not reach back (or up) to there. */
bool sse_ring_find(const struct sse_ring *ring, int64_t version, uint64_t *ret_offset);

/* The last version whose frame ends at or before offset (which must not have fallen off). */
int64_t sse_ring_version(const struct sse_ring *ring, uint64_t offset);

/* All bytes from offset on in up to two pieces; returns how many.  Negative: the offset has been overwritten. */
int sse_ring_pending(const struct sse_ring *ring, uint64_t offset, struct iovec pieces[static 2]);

#endif
