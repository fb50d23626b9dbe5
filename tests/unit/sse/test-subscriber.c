#include "sse/subscriber.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/cleanup.h"
#include "tap.h"
#include "unframe.h"

#define LOG "0123abcd"

static struct sse_budget budget = { .max = (size_t)64 * 1024 * 1024 };

/* A subscriber, and the client's end of its socket. */
struct pair {
	struct sse_subscriber *subscriber;
	int client;
	struct es_text received;
	struct sse_tally tally;
};

static struct pair
connect_pair(int send_buffer)
{
	struct pair pair = { .received = ES_TEXT_INIT };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0 ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) != 0)
		bail("no socket pair");
	pair.subscriber = sse_subscriber_new(ends[0]);
	pair.client = ends[1];
	return pair;
}

static void
disconnect_pair(struct pair *pair)
{
	sse_subscriber_free(pair->subscriber);
	close(pair->client);
	es_text_done(&pair->received);
}

/* Takes what has arrived, at most this much; returns the number of bytes. */
static size_t
receive(struct pair *pair, size_t most)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t got;

	while (total < most &&
	       (got = read(pair->client, bytes, most - total < sizeof bytes ? most - total : sizeof bytes)) > 0) {
		es_text_add(&pair->received, bytes, (size_t)got);
		total += (size_t)got;
	}
	return total;
}

static enum sse_written
write_out(struct pair *pair, const struct sse_ring *ring)
{
	return sse_subscriber_write(pair->subscriber, ring, LOG, &pair->tally);
}

static void
append_event(struct sse_ring *ring, size_t size)
{
	_cleanup_text_ struct es_text frame = ES_TEXT_INIT;
	_cleanup_text_ struct es_text data = ES_TEXT_INIT;

	es_text_add(&data, "\"", 1);
	for (size_t i = 0; i < size; i++)
		es_text_add(&data, "x", 1);
	es_text_add(&data, "\"", 1);
	const struct sse_event event = { .version = ring->head + 1, .id = "i", .type = "t", .data = data.bytes };
	sse_frame_event(&frame, &event, LOG);
	sse_ring_append(ring, frame.bytes, frame.size);
}

/* How often needle is in what the client received. */
static int
count_received(struct pair *pair, const char *needle)
{
	struct unframed got = unframe(pair->received.bytes, pair->received.size);
	int count = 0;

	for (const char *at = got.output.bytes; (at = strstr(at, needle)) != NULL; at++)
		count++;
	es_text_done(&got.output);
	return count;
}

static void
test_one_write_for_all(void)
{
	_cleanup_text_ struct es_text start = ES_TEXT_INIT;
	struct pair pair = connect_pair(SSE_SEND_BUFFER);
	struct sse_ring ring;

	sse_ring_init(&ring, &budget, 0);
	for (int i = 0; i < 20; i++)
		append_event(&ring, 100);
	sse_frame_start(&start, 1000);
	ok(sse_subscriber_add(pair.subscriber, &start), "its header lines are its own");
	ok(sse_ring_find(&ring, 0, &pair.subscriber->cursor), "it wants everything");
	pair.subscriber->head_due = true;
	is_int(write_out(&pair, &ring), SSE_WRITTEN_ALL, "one write takes");
	receive(&pair, SIZE_MAX);
	is_int(count_received(&pair, "retry: 1000\n\n"), 1, "the header lines,");
	is_int(count_received(&pair, "\ndata: {\"version\":"), 21, "twenty events and a head");
	is_int(count_received(&pair, "\n\nevent: head\ndata: {\"version\":20,\"log\":\"" LOG "\"}\n\n"), 1,
	       "in this order");
	is_int(pair.tally.events, 20, "twenty events were delivered");
	is_int(pair.tally.bytes, pair.received.size, "and every byte counted");
	is_int(pair.subscriber->version, 20, "it stands at the head");
	is_int(write_out(&pair, &ring), SSE_WRITTEN_ALL, "then nothing waits");
	is_int(receive(&pair, SIZE_MAX), 0, "and nothing is written twice");
	sse_ring_done(&ring);
	disconnect_pair(&pair);
}

static void
test_slow_reader(void)
{
	struct pair pair = connect_pair(4096);
	struct sse_ring ring;
	enum sse_written written;
	int partial = 0;

	sse_ring_init(&ring, &budget, 0);
	for (int i = 0; i < 50; i++)
		append_event(&ring, 3000);
	if (!sse_ring_find(&ring, 0, &pair.subscriber->cursor))
		bail("an empty ring");
	pair.subscriber->head_due = true;
	is_int(write_out(&pair, &ring), SSE_WRITTEN_SOME, "a full socket takes a part");
	ok(pair.subscriber->version < 50 && pair.tally.events == pair.subscriber->version, "only whole events count");
	while (write_out(&pair, &ring) == SSE_WRITTEN_SOME)
		;
	is_int(write_out(&pair, &ring), SSE_WRITTEN_NONE, "then nothing");
	const int64_t bytes = pair.tally.bytes;
	is_int(write_out(&pair, &ring), SSE_WRITTEN_NONE, "however often it is tried");
	is_int(pair.tally.bytes, bytes, "and nothing is counted");
	ok(sse_subscriber_within_event(pair.subscriber, &ring), "it stands within an event");
	while ((written = write_out(&pair, &ring)) != SSE_WRITTEN_ALL) {
		partial += written == SSE_WRITTEN_SOME;
		receive(&pair, 777);
		if (written == SSE_WRITTEN_GONE || written == SSE_WRITTEN_FALLEN)
			bail("the subscriber was lost");
	}
	receive(&pair, SIZE_MAX);
	ok(partial > 10, "a reader of small pieces gets many partial writes");
	ok(!sse_subscriber_within_event(pair.subscriber, &ring), "in the end it has whole events");
	struct unframed got = unframe(pair.received.bytes, pair.received.size);
	ok(got.whole, "whose records are whole");
	es_text_done(&got.output);
	is_int(count_received(&pair, "\"type\":\"t\""), 50, "all of them");
	is_int(count_received(&pair, "event: head\n"), 1, "and one head, once everything was there");
	is_int(pair.tally.bytes, pair.received.size, "every byte was counted once");
	is_int(pair.tally.events, 50, "and every event");
	sse_ring_done(&ring);
	disconnect_pair(&pair);
}

static void
test_falling_off(void)
{
	struct pair pair = connect_pair(4096);
	struct sse_ring ring;

	sse_ring_init(&ring, &budget, 0);
	append_event(&ring, 60000);
	if (!sse_ring_find(&ring, 0, &pair.subscriber->cursor))
		bail("an empty ring");
	is_int(write_out(&pair, &ring), SSE_WRITTEN_SOME, "it took a part of an event");
	for (int i = 0; i < SSE_RING_EVENTS_MAX; i++)
		append_event(&ring, 10);
	is_int(write_out(&pair, &ring), SSE_WRITTEN_FALLEN, "whose rest was pushed out");
	sse_ring_done(&ring);
	disconnect_pair(&pair);
}

static void
test_waiting(void)
{
	_cleanup_text_ struct es_text comment = ES_TEXT_INIT;
	struct pair pair = connect_pair(SSE_SEND_BUFFER);
	struct sse_ring ring;
	int added = 0;

	sse_ring_init(&ring, &budget, 0);
	pair.subscriber->waiting = true;
	sse_frame_comment(&comment);
	while (sse_subscriber_add(pair.subscriber, &comment))
		added++;
	ok(added >= 3, "its own bytes hold a few frames");
	is_int(added, SSE_OWN_MAX / (int)comment.size, "and no more than fit");
	is_int(write_out(&pair, NULL), SSE_WRITTEN_ALL, "they can be written without a ring");
	is_int(receive(&pair, SIZE_MAX), (size_t)added * comment.size, "all of them");
	ok(sse_subscriber_add(pair.subscriber, &comment), "then there is room again");
	ok(!sse_subscriber_within_event(pair.subscriber, &ring), "one that waits is never within an event");
	disconnect_pair(&pair);
}

/* The head frame itself is cut: its rest, not a second head, follows. */
static void
test_cut_head(void)
{
	struct pair pair = connect_pair(4096);
	struct sse_ring ring;
	int cut = 0;

	sse_ring_init(&ring, &budget, 0);
	for (size_t size = 0; size < 400; size++) {
		append_event(&ring, 7700 + size); /* around two buffers of the kernel, where writes are cut */
		pair.subscriber->head_due = true;
		if (!sse_ring_find(&ring, ring.head - 1, &pair.subscriber->cursor))
			bail("not in the ring");
		write_out(&pair, &ring);
		cut += pair.subscriber->own_size > 0;
		receive(&pair, SIZE_MAX);
		while (write_out(&pair, &ring) != SSE_WRITTEN_ALL)
			receive(&pair, SIZE_MAX);
		receive(&pair, SIZE_MAX);
	}
	struct unframed got = unframe(pair.received.bytes, pair.received.size);
	ok(got.whole, "records stay whole wherever a write was cut");
	es_text_done(&got.output);
	is_int(count_received(&pair, "event: head\n"), 400, "each head came exactly once");
	ok(cut > 0, "%d of them were cut", cut);
	sse_ring_done(&ring);
	disconnect_pair(&pair);
}

static void
test_client_left(void)
{
	_cleanup_text_ struct es_text comment = ES_TEXT_INIT;
	struct pair pair = connect_pair(SSE_SEND_BUFFER);

	sse_frame_comment(&comment);
	if (!sse_subscriber_add(pair.subscriber, &comment))
		bail("no room");
	shutdown(pair.client, SHUT_RDWR);
	is_int(write_out(&pair, NULL), SSE_WRITTEN_GONE, "a client that left is noticed");
	disconnect_pair(&pair);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	ok(sizeof(struct sse_subscriber) <= 1024, "a subscriber takes %zu bytes", sizeof(struct sse_subscriber));
	test_one_write_for_all();
	test_slow_reader();
	test_falling_off();
	test_waiting();
	test_cut_head();
	test_client_left();
	return done_testing();
}
