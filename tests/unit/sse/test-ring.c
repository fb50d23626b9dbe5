#include "sse/ring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ROOMY ((size_t)64 * 1024 * 1024)

/* The bytes of the frame of a version, of a size that differs from one to the next. */
static size_t
make_frame(char *bytes, int64_t version, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(version * 31 + (int64_t)i * 7);
	return size;
}

static bool
append(struct sse_ring *ring, size_t size)
{
	static char bytes[2 * SSE_RING_BYTES_MAX];

	return sse_ring_append(ring, bytes, make_frame(bytes, ring->head + 1, size));
}

static bool
prepend(struct sse_ring *ring, size_t size)
{
	static char bytes[2 * SSE_RING_BYTES_MAX];

	return sse_ring_prepend(ring, bytes, make_frame(bytes, ring->floor, size));
}

/* Whether all frames after version `after` are what they were made as, when each has this size. */
static bool
reads_back(const struct sse_ring *ring, int64_t after, size_t size)
{
	static char all[SSE_RING_BYTES_MAX];
	static char frame[SSE_RING_BYTES_MAX];
	struct iovec pieces[2];
	uint64_t offset;
	size_t total = 0;

	if (!sse_ring_find(ring, after, &offset))
		return false;
	const int count = sse_ring_pending(ring, offset, pieces);
	if (count < 0)
		return false;
	for (int i = 0; i < count; i++) {
		memcpy(all + total, pieces[i].iov_base, pieces[i].iov_len);
		total += pieces[i].iov_len;
	}
	if (total != (size_t)(ring->head - after) * size)
		return false;
	for (int64_t version = after + 1; version <= ring->head; version++) {
		make_frame(frame, version, size);
		if (memcmp(all + (size_t)(version - after - 1) * size, frame, size) != 0)
			return false;
	}
	return true;
}

static void
test_empty(void)
{
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;
	struct iovec pieces[2];
	uint64_t offset;

	sse_ring_init(&ring, &budget, 41);
	ok(sse_ring_find(&ring, 41, &offset), "a reader of an empty ring stands at its head");
	is_int(sse_ring_pending(&ring, offset, pieces), 0, "where nothing waits");
	ok(!sse_ring_find(&ring, 40, &offset), "it does not reach back");
	ok(!sse_ring_find(&ring, 42, &offset), "or ahead");
	is_int(budget.used, 0, "it takes no memory");
	ok(append(&ring, 100) && ring.head == 42, "the first event is the one after the head");
	ok(reads_back(&ring, 41, 100), "and is there to be read");
	is_int(sse_ring_pending(&ring, offset, pieces), 1, "also for the reader that waited");
	sse_ring_done(&ring);
	is_int(budget.used, 0, "all memory is given back");
}

static void
test_count_bound(void)
{
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;
	struct iovec pieces[2];
	uint64_t first = 0;
	uint64_t second = 0;

	sse_ring_init(&ring, &budget, 0);
	for (int i = 0; i < SSE_RING_EVENTS_MAX; i++)
		append(&ring, 50);
	is_int(ring.floor, 0, "as many events as are allowed are all kept");
	ok(sse_ring_find(&ring, 0, &first) && sse_ring_find(&ring, 1, &second) && reads_back(&ring, 0, 50),
	   "and read back");
	append(&ring, 50);
	is_int(ring.floor, 1, "one more pushes the oldest out");
	is_int(sse_ring_pending(&ring, first, pieces), -1, "its reader has fallen off");
	ok(sse_ring_pending(&ring, first + 10, pieces) < 0, "also in the middle of it");
	ok(sse_ring_pending(&ring, second, pieces) > 0 && reads_back(&ring, 1, 50), "the next one has not");
	sse_ring_done(&ring);
}

static void
test_byte_bound(void)
{
	const size_t quarter = SSE_RING_BYTES_MAX / 4;
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;

	sse_ring_init(&ring, &budget, 0);
	for (int i = 0; i < 4; i++)
		append(&ring, quarter);
	ok(ring.floor == 0 && reads_back(&ring, 0, quarter), "frames that fill the ring to the last byte are all kept");
	append(&ring, 1);
	is_int(ring.floor, 1, "one byte more costs the oldest one");
	sse_ring_done(&ring);

	sse_ring_init(&ring, &budget, 0);
	ok(append(&ring, SSE_RING_BYTES_MAX), "a frame as large as the ring is taken");
	ok(!append(&ring, SSE_RING_BYTES_MAX + 1), "a larger one is not");
	is_int(ring.head, 2, "but it counts: nobody may go on as if it had not been");
	is_int(ring.floor, 2, "so the ring is empty");
	ok(append(&ring, 10) && reads_back(&ring, 2, 10), "and goes on after it");
	sse_ring_done(&ring);
}

/* Frames of odd sizes around the circle many times: every reader of every version reads what was written. */
static void
test_wrapping(void)
{
	const size_t size = 4999;
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;
	struct iovec pieces[2];
	bool right = true;
	bool twice = false;

	sse_ring_init(&ring, &budget, 0);
	for (int i = 0; i < 1000; i++) {
		append(&ring, size);
		if (i % 37 == 0)
			right = right && reads_back(&ring, ring.floor, size) && reads_back(&ring, ring.head - 1, size);
		twice = twice || sse_ring_pending(&ring, ring.start, pieces) == 2;
	}
	ok(right, "what goes around the end of the circle reads back");
	ok(twice, "in two pieces");
	ok(ring.floor > 0 && (ring.head - ring.floor) * (int64_t)size <= SSE_RING_BYTES_MAX, "within its bytes");
	sse_ring_done(&ring);
}

static void
test_versions(void)
{
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;
	uint64_t offset;
	bool right = true;

	sse_ring_init(&ring, &budget, 7);
	for (int i = 0; i < 100; i++)
		append(&ring, 30);
	for (int64_t version = 7; version <= 107; version++) {
		right = right && sse_ring_find(&ring, version, &offset) && sse_ring_version(&ring, offset) == version;
		if (version < 107)
			right = right && sse_ring_version(&ring, offset + 1) == version &&
			        sse_ring_version(&ring, offset + 29) == version;
	}
	ok(right, "an offset within a frame belongs to the version before it, until its last byte");
	sse_ring_done(&ring);
}

static void
test_prepending(void)
{
	struct sse_budget budget = { .max = ROOMY };
	struct sse_ring ring;
	uint64_t live;
	struct iovec pieces[2];

	sse_ring_init(&ring, &budget, 50);
	append(&ring, 64);
	ok(sse_ring_find(&ring, 50, &live), "a reader stands before version 51");
	for (int i = 0; i < 49; i++)
		prepend(&ring, 64);
	is_int(ring.floor, 1, "filling goes down, one version at a time");
	ok(reads_back(&ring, 1, 64), "and everything reads back in order");
	ok(sse_ring_pending(&ring, live, pieces) > 0 && sse_ring_version(&ring, live) == 50,
	   "whoever read before still stands where it stood");
	ok(prepend(&ring, 64) && !prepend(&ring, 64), "there is nothing before version 1");
	is_int(ring.floor, 0, "the ring reaches back to the beginning");
	sse_ring_done(&ring);

	sse_ring_init(&ring, &budget, 5000);
	int taken = 0;
	while (prepend(&ring, 10))
		taken++;
	is_int(taken, SSE_RING_EVENTS_MAX, "filling stops at the number of events");
	append(&ring, 10);
	is_int(ring.floor, 5000 - SSE_RING_EVENTS_MAX + 1, "and pushes nothing out; only appending does");
	sse_ring_done(&ring);

	sse_ring_init(&ring, &budget, 5000);
	taken = 0;
	while (prepend(&ring, SSE_RING_BYTES_MAX / 8 + 1))
		taken++;
	is_int(taken, 7, "filling stops at the number of bytes");
	sse_ring_done(&ring);
}

static void
test_budget(void)
{
	struct sse_budget budget = { .max = 24000 };
	struct sse_ring one;
	struct sse_ring other;
	uint64_t offset;
	struct iovec pieces[2];

	sse_ring_init(&one, &budget, 0);
	sse_ring_init(&other, &budget, 0);
	for (int i = 0; i < 100; i++)
		append(&one, 500);
	ok(budget.used <= budget.max, "all rings together stay within their budget");
	ok(one.floor > 0 && reads_back(&one, one.floor, 500), "one that may not grow keeps less, and keeps it right");
	ok(append(&other, 100), "there is room for another small one");
	ok(sse_ring_find(&other, 1, &offset), "whose reader has everything");
	ok(!append(&other, 19000), "an event that there is no memory for");
	ok(sse_ring_pending(&other, offset, pieces) < 0, "makes every reader fall off, even one that had everything");
	is_int(other.head, 2, "but the ring knows of it");
	ok(append(&other, 100) && reads_back(&other, 2, 100), "and goes on");
	sse_ring_done(&one);
	sse_ring_done(&other);
	is_int(budget.used, 0, "everything is given back");
}

int
main(void)
{
	test_empty();
	test_count_bound();
	test_byte_bound();
	test_wrapping();
	test_versions();
	test_prepending();
	test_budget();
	return done_testing();
}
