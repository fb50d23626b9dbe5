#include "sse/subscriber.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/cleanup.h"

static_assert(sizeof(struct sse_subscriber) <= 1024, "a subscriber is small");

struct sse_subscriber *
sse_subscriber_new(int fd)
{
	struct sse_subscriber *subscriber = calloc(1, sizeof *subscriber);

	if (subscriber == NULL)
		return NULL;
	subscriber->fd = fd;
	return subscriber;
}

void
sse_subscriber_free(struct sse_subscriber *subscriber)
{
	close(subscriber->fd);
	free(subscriber);
}

static bool
add_own(struct sse_subscriber *subscriber, const char *bytes, size_t size)
{
	if (subscriber->own_sent == subscriber->own_size)
		subscriber->own_sent = subscriber->own_size = 0;
	if (size > sizeof subscriber->own - subscriber->own_size)
		return false;
	memcpy(subscriber->own + subscriber->own_size, bytes, size);
	subscriber->own_size = (uint16_t)(subscriber->own_size + size);
	return true;
}

bool
sse_subscriber_add(struct sse_subscriber *subscriber, const struct es_text *records)
{
	return !es_text_failed(records) && add_own(subscriber, records->bytes, records->size);
}

bool
sse_subscriber_within_event(const struct sse_subscriber *subscriber, const struct sse_ring *ring)
{
	uint64_t next;

	if (subscriber->waiting)
		return false;
	return !sse_ring_find(ring, subscriber->version, &next) || next != subscriber->cursor;
}

/* Moves on by what was written: its own bytes came first, then the ring's.  Returns what belongs to the head frame. */
static size_t
advance(struct sse_subscriber *subscriber, const struct sse_ring *ring, size_t written, struct sse_tally *tally)
{
	const size_t own = (size_t)(subscriber->own_size - subscriber->own_sent);

	tally->bytes += (int64_t)written;
	if (written < own) {
		subscriber->own_sent = (uint16_t)(subscriber->own_sent + written);
		return 0;
	}
	subscriber->own_sent = subscriber->own_size = 0;
	written -= own;
	if (ring == NULL)
		return written;
	const size_t waits = (size_t)(ring->end - subscriber->cursor);
	const size_t taken = written < waits ? written : waits;
	if (taken > 0) {
		subscriber->cursor += taken;
		const int64_t version = sse_ring_version(ring, subscriber->cursor);
		tally->events += version - subscriber->version;
		subscriber->version = version;
	}
	return written - taken;
}

enum sse_written
sse_subscriber_write(struct sse_subscriber *subscriber, const struct sse_ring *ring, const char *log,
                     struct sse_tally *tally)
{
	_cleanup_text_ struct es_text head = ES_TEXT_INIT;
	struct iovec pieces[4]; /* its own, the ring's up to two, the head */
	int count = 0;
	size_t size = 0;

	if (subscriber->own_sent < subscriber->own_size)
		pieces[count++] = (struct iovec){ .iov_base = subscriber->own + subscriber->own_sent,
			                          .iov_len = (size_t)(subscriber->own_size - subscriber->own_sent) };
	if (ring != NULL) {
		const int of_ring = sse_ring_pending(ring, subscriber->cursor, pieces + count);
		if (of_ring < 0)
			return SSE_WRITTEN_FALLEN;
		count += of_ring;
	}
	if (ring != NULL && subscriber->head_due) {
		sse_frame_head(&head, ring->head, log);
		pieces[count++] = (struct iovec){ .iov_base = head.bytes, .iov_len = head.size };
	}
	if (count == 0)
		return SSE_WRITTEN_ALL;
	for (int i = 0; i < count; i++)
		size += pieces[i].iov_len;

	/* usually there is one piece, and the simpler call takes less time */
	const struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t written;
	do
		written = count == 1 ? send(subscriber->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
		                     : sendmsg(subscriber->fd, &message, MSG_NOSIGNAL);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno == EAGAIN ? SSE_WRITTEN_NONE : SSE_WRITTEN_GONE;
	const size_t of_head = advance(subscriber, ring, (size_t)written, tally);
	if (of_head > 0) {
		subscriber->head_due = false;
		if (of_head < head.size && !add_own(subscriber, head.bytes + of_head, head.size - of_head))
			return SSE_WRITTEN_GONE;
	}
	return (size_t)written == size ? SSE_WRITTEN_ALL : SSE_WRITTEN_SOME;
}
