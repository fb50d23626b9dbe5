#include "sse/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAPACITY = 4096, /* bytes: about ten small events */
	FIRST_SLOTS = 16,
	SLOTS_MAX = 1024, /* the first power of two that holds SSE_RING_EVENTS_MAX */
};

/* Far from both ends: prepending lowers offsets by at most a ring's size at a time, appending never reaches the top. */
#define FIRST_OFFSET (UINT64_C(1) << 40)

static_assert((SSE_RING_BYTES_MAX & (SSE_RING_BYTES_MAX - 1)) == 0, "offsets are reduced by a mask");
static_assert((int)SLOTS_MAX >= (int)SSE_RING_EVENTS_MAX, "each event has a slot");

void
sse_ring_init(struct sse_ring *ring, struct sse_budget *budget, int64_t head)
{
	*ring = (struct sse_ring){
		.budget = budget,
		.start = FIRST_OFFSET,
		.end = FIRST_OFFSET,
		.floor = head,
		.head = head,
	};
}

void
sse_ring_done(struct sse_ring *ring)
{
	ring->budget->used -= ring->capacity + ring->slots * sizeof *ring->starts;
	free(ring->bytes);
	free(ring->starts);
	sse_ring_init(ring, ring->budget, 0);
}

static size_t
count(const struct sse_ring *ring)
{
	return (size_t)(ring->head - ring->floor);
}

static size_t
used(const struct sse_ring *ring)
{
	return (size_t)(ring->end - ring->start);
}

static uint64_t *
slot(const struct sse_ring *ring, int64_t version)
{
	return &ring->starts[(size_t)version & (ring->slots - 1)];
}

/* Copies into a circle, around its end where need be. */
static void
put(char *circle, size_t capacity, uint64_t offset, const char *bytes, size_t size)
{
	const size_t at = (size_t)offset & (capacity - 1);
	const size_t first = size < capacity - at ? size : capacity - at;

	memcpy(circle + at, bytes, first);
	memcpy(circle, bytes + first, size - first);
}

/* A power of two from current (or least) up that is at least needed. */
static size_t
grown(size_t current, size_t least, size_t needed)
{
	size_t size = current == 0 ? least : current;

	while (size < needed)
		size *= 2;
	return size;
}

/* Makes room for this many bytes and frames in all; false, and nothing changed, where the bounds or memory forbid it.
 */
static bool
grow(struct sse_ring *ring, size_t bytes_needed, size_t frames_needed)
{
	if (bytes_needed > SSE_RING_BYTES_MAX || frames_needed > SSE_RING_EVENTS_MAX)
		return false;
	const size_t capacity = grown(ring->capacity, FIRST_CAPACITY, bytes_needed);
	const size_t slots = grown(ring->slots, FIRST_SLOTS, frames_needed);
	if (capacity == ring->capacity && slots == ring->slots)
		return true;
	const size_t more = capacity - ring->capacity + (slots - ring->slots) * sizeof *ring->starts;
	if (more > ring->budget->max - ring->budget->used)
		return false;

	char *bytes = malloc(capacity);
	uint64_t *starts = malloc(slots * sizeof *starts);
	if (bytes == NULL || starts == NULL) {
		free(bytes);
		free(starts);
		return false;
	}
	struct iovec pieces[2];
	const int piece_count = sse_ring_pending(ring, ring->start, pieces);
	uint64_t offset = ring->start;
	for (int i = 0; i < piece_count; i++) {
		put(bytes, capacity, offset, pieces[i].iov_base, pieces[i].iov_len);
		offset += pieces[i].iov_len;
	}
	for (int64_t version = ring->floor + 1; version <= ring->head; version++)
		starts[(size_t)version & (slots - 1)] = *slot(ring, version);
	free(ring->bytes);
	free(ring->starts);
	ring->bytes = bytes;
	ring->capacity = capacity;
	ring->starts = starts;
	ring->slots = slots;
	ring->budget->used += more;
	return true;
}

static void
push_out_oldest(struct sse_ring *ring)
{
	ring->floor++;
	ring->start = ring->floor == ring->head ? ring->end : *slot(ring, ring->floor + 1);
}

bool
sse_ring_append(struct sse_ring *ring, const char *bytes, size_t size)
{
	while (!grow(ring, used(ring) + size, count(ring) + 1)) {
		if (count(ring) == 0) {
			/* nobody may go on as if this event had not been */
			ring->floor = ++ring->head;
			ring->start = ++ring->end;
			return false;
		}
		push_out_oldest(ring);
	}
	put(ring->bytes, ring->capacity, ring->end, bytes, size);
	*slot(ring, ++ring->head) = ring->end;
	ring->end += size;
	return true;
}

bool
sse_ring_prepend(struct sse_ring *ring, const char *bytes, size_t size)
{
	if (ring->floor <= 0 || !grow(ring, used(ring) + size, count(ring) + 1))
		return false;
	ring->start -= size;
	put(ring->bytes, ring->capacity, ring->start, bytes, size);
	*slot(ring, ring->floor--) = ring->start;
	return true;
}

bool
sse_ring_find(const struct sse_ring *ring, int64_t version, uint64_t *ret_offset)
{
	if (version < ring->floor || version > ring->head)
		return false;
	*ret_offset = version == ring->head ? ring->end : *slot(ring, version + 1);
	return true;
}

int64_t
sse_ring_version(const struct sse_ring *ring, uint64_t offset)
{
	int64_t low = ring->floor;     /* ends at or before offset */
	int64_t high = ring->head + 1; /* does not, or is not there */

	if (offset == ring->end)
		return ring->head;
	while (high - low > 1) {
		const int64_t middle = low + (high - low) / 2;
		const uint64_t end = middle == ring->head ? ring->end : *slot(ring, middle + 1);
		if (end <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int
sse_ring_pending(const struct sse_ring *ring, uint64_t offset, struct iovec pieces[static 2])
{
	if (offset < ring->start || offset > ring->end)
		return -1;
	const size_t size = (size_t)(ring->end - offset);
	if (size == 0)
		return 0;
	const size_t at = (size_t)offset & (ring->capacity - 1);
	const size_t first = size < ring->capacity - at ? size : ring->capacity - at;
	pieces[0] = (struct iovec){ .iov_base = ring->bytes + at, .iov_len = first };
	if (first == size)
		return 1;
	pieces[1] = (struct iovec){ .iov_base = ring->bytes, .iov_len = size - first };
	return 2;
}
