#include "sse/hub.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "http/log.h"
#include "sse/hub-private.h"
#include "sse/letters.h"

enum {
	RINGS_BYTES_MAX = 128 * 1024 * 1024, /* of all rings together */
};

#define RETRY_LEAST 1000               /* milliseconds; reconnects spread from here ... */
#define RETRY_MOST 5000                /* ... to here */
#define PROGRESS_TIME (10 * ES_SECOND) /* one that takes nothing for so long is closed, and resumes by id */
#define IDLE_TIME (60 * ES_SECOND)     /* a ring outlives its last reader's reconnect */

struct sse_hub *
sse_hub_new(const struct sse_hub_options *options)
{
	struct sse_hub *hub = calloc(1, sizeof *hub);

	if (hub == NULL)
		return NULL;
	hub->options = *options;
	hub->now = es_clock_monotonic();
	hub->scratch = ES_TEXT_INIT;
	sse_feeds_init(&hub->feeds, RINGS_BYTES_MAX);
	TAILQ_INIT(&hub->idle);
	TAILQ_INIT(&hub->dirty);
	for (int state = 0; state < SSE_STATE_MAX; state++)
		TAILQ_INIT(&hub->timed[state]);
	return hub;
}

void
sse_hub_free(struct sse_hub *hub)
{
	if (hub == NULL)
		return;
	for (int state = 0; state < SSE_STATE_MAX; state++)
		while (!TAILQ_EMPTY(&hub->timed[state]))
			sse_hub_close(hub, TAILQ_FIRST(&hub->timed[state]));
	while (!TAILQ_EMPTY(&hub->feeds.every))
		sse_feeds_remove(&hub->feeds, TAILQ_FIRST(&hub->feeds.every));
	es_text_done(&hub->scratch);
	free(hub);
}

void
sse_hub_count(const struct sse_hub *hub, enum sse_metric metric, int64_t number)
{
	sse_metrics_add(hub->options.metrics, metric, number);
}

/* --- a subscriber's life --- */

/* Puts it last in the list of its state: all in one list wait equally long, so the list stays sorted. */
static void
set_state(struct sse_hub *hub, struct sse_subscriber *subscriber, enum sse_state state)
{
	const int64_t times[SSE_STATE_MAX] = {
		[SSE_FLOWING] = hub->options.heartbeat,
		[SSE_BLOCKED] = PROGRESS_TIME,
	};

	TAILQ_REMOVE(&hub->timed[subscriber->state], subscriber, timed);
	subscriber->state = state;
	subscriber->deadline = hub->now + times[state];
	TAILQ_INSERT_TAIL(&hub->timed[state], subscriber, timed);
}

static void
poll_for(const struct sse_hub *hub, struct sse_subscriber *subscriber, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = subscriber };

	(void)epoll_ctl(hub->options.poller, EPOLL_CTL_MOD, subscriber->fd, &event);
}

void
sse_hub_set_waiting(struct sse_subscriber *subscriber, bool waiting)
{
	if (subscriber->waiting == waiting)
		return;
	subscriber->waiting = waiting;
	if (waiting)
		subscriber->feed->waiting_count++;
	else
		subscriber->feed->waiting_count--;
}

void
sse_hub_close(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	struct sse_feed *feed = subscriber->feed;

	TAILQ_REMOVE(&hub->timed[subscriber->state], subscriber, timed);
	sse_hub_set_waiting(subscriber, false);
	TAILQ_REMOVE(&feed->subscribers, subscriber, peers);
	if (--feed->subscriber_count == 0) {
		feed->idle_until = hub->now + IDLE_TIME;
		TAILQ_INSERT_TAIL(&hub->idle, feed, idle);
	}
	sse_hub_count(hub, SSE_METRIC_SUBSCRIBERS, -1);
	sse_subscriber_free(subscriber);
}

static void
close_slow(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	sse_hub_count(hub, SSE_METRIC_SLOW_CLOSES, 1);
	sse_hub_close(hub, subscriber);
}

void
sse_hub_write(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	const struct sse_ring *ring = subscriber->waiting ? NULL : &subscriber->feed->ring;
	const bool was_blocked = subscriber->state == SSE_BLOCKED;

	switch (sse_subscriber_write(subscriber, ring, hub->log, &hub->tally)) {
	case SSE_WRITTEN_ALL:
		if (was_blocked) {
			poll_for(hub, subscriber, EPOLLIN | EPOLLRDHUP);
			set_state(hub, subscriber, SSE_FLOWING);
		}
		break;
	case SSE_WRITTEN_NONE:
		if (was_blocked)
			break; /* its time runs on */
		__attribute__((fallthrough));
	case SSE_WRITTEN_SOME:
		if (!was_blocked)
			poll_for(hub, subscriber, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
		set_state(hub, subscriber, SSE_BLOCKED);
		break;
	case SSE_WRITTEN_GONE:
		sse_hub_close(hub, subscriber);
		break;
	case SSE_WRITTEN_FALLEN:
		close_slow(hub, subscriber);
		break;
	}
}

/* Adds the frame in hub->scratch to its own bytes; false: it was closed, because it does not even read these. */
static bool
add_scratch(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	const bool added = sse_subscriber_add(subscriber, &hub->scratch);

	es_text_clear(&hub->scratch);
	if (!added)
		close_slow(hub, subscriber);
	return added;
}

/* False: it was closed. */
static bool
reset(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	const struct sse_ring *ring = &subscriber->feed->ring;

	sse_frame_reset(&hub->scratch, ring->head, hub->log);
	if (!add_scratch(hub, subscriber))
		return false;
	sse_hub_count(hub, SSE_METRIC_RESETS, 1);
	subscriber->reset_due = false;
	subscriber->version = ring->head;
	subscriber->cursor = ring->end;
	return true;
}

/* --- what is asked of the tail --- */

/* Those who wait for the answer to an order that could not be sent are kept alive; the next one to come asks again. */
static bool
send_order(const struct sse_hub *hub, enum sse_order_kind kind, const struct sse_feed *feed, int64_t after,
           int64_t until)
{
	if (sse_order_send(hub->options.orders, kind, feed->name, after, until))
		return true;
	http_log("error", "cannot send an order", "stream=%s", feed->name);
	return false;
}

void
sse_hub_fill(const struct sse_hub *hub, struct sse_feed *feed, int64_t after, int64_t until)
{
	if (feed->filling)
		return;
	feed->filling = send_order(hub, SSE_ORDER_FILL, feed, after, until);
	sse_hub_count(hub, SSE_METRIC_FILLS, 1);
}

/* The one question in flight may have been asked too early for this subscriber: then it waits for the next one. */
static void
look(const struct sse_hub *hub, struct sse_feed *feed, struct sse_subscriber *subscriber)
{
	if (subscriber->look == 0)
		subscriber->look = feed->looks_sent + 1;
	if (feed->looks_sent == feed->looks_done && send_order(hub, SSE_ORDER_LOOK, feed, 0, 0))
		feed->looks_sent++;
}

/* Whether a waiting subscriber can go on: the feed has what it needs.  If not, that is asked for. */
static bool
can_go_on(struct sse_hub *hub, struct sse_subscriber *subscriber, bool *ret_reset)
{
	struct sse_feed *feed = subscriber->feed;

	*ret_reset = false;
	if (!feed->ready) {
		/* the first to come says how far back; for whoever needs more, the ring is filled again, to the brim */
		sse_hub_fill(hub, feed, subscriber->reset_due ? SSE_LIVE_ONLY : subscriber->version, 0);
		return false;
	}
	switch (sse_feed_place(feed, subscriber)) {
	case SSE_PLACE_FILL:
		sse_hub_fill(hub, feed, 0, feed->ring.floor);
		return false;
	case SSE_PLACE_LOOK:
		look(hub, feed, subscriber);
		return false;
	case SSE_PLACE_RESET:
		*ret_reset = true;
		break;
	case SSE_PLACE_FOUND:
		break;
	}
	return true;
}

/* Writes to a waiting subscriber what can be written to it by now.  May close it. */
static void
place(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	bool reset_due;

	if (can_go_on(hub, subscriber, &reset_due)) {
		sse_hub_set_waiting(subscriber, false);
		if (reset_due && !reset(hub, subscriber))
			return;
		subscriber->head_due = true;
	}
	sse_hub_write(hub, subscriber);
}

void
sse_hub_place_all(struct sse_hub *hub, struct sse_feed *feed)
{
	struct sse_subscriber *next;

	for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL && feed->waiting_count > 0;
	     at = next) {
		next = TAILQ_NEXT(at, peers);
		if (at->waiting)
			place(hub, at);
	}
}

void
sse_hub_join(struct sse_hub *hub, int fd, const char *name, int64_t version)
{
	const int send_buffer = SSE_SEND_BUFFER;
	struct sse_feed *feed = sse_feeds_get(&hub->feeds, name);
	struct sse_subscriber *subscriber = feed == NULL ? NULL : sse_subscriber_new(fd);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = subscriber };

	if (subscriber == NULL || epoll_ctl(hub->options.poller, EPOLL_CTL_ADD, fd, &event) != 0) {
		http_log("error", "cannot take a subscriber in", "stream=%s", name);
		if (feed != NULL && feed->subscriber_count == 0 && feed->idle_until == 0)
			sse_feeds_remove(&hub->feeds, feed); /* made for it alone */
		free(subscriber);
		close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
	if (feed->subscriber_count++ == 0 && feed->idle_until != 0) {
		TAILQ_REMOVE(&hub->idle, feed, idle);
		feed->idle_until = 0;
	}
	TAILQ_INSERT_TAIL(&feed->subscribers, subscriber, peers);
	TAILQ_INSERT_TAIL(&hub->timed[SSE_FLOWING], subscriber, timed);
	set_state(hub, subscriber, SSE_FLOWING);
	subscriber->feed = feed;
	subscriber->version = version;
	sse_hub_set_waiting(subscriber, true);
	sse_hub_count(hub, SSE_METRIC_SUBSCRIBERS, 1);

	sse_frame_start(&hub->scratch, RETRY_LEAST + es_clock_jitter(RETRY_MOST - RETRY_LEAST));
	if (!add_scratch(hub, subscriber))
		return;
	/* usually everything is here, and one write takes the header lines, what it missed, and the head */
	place(hub, subscriber);
}

/* --- time --- */

void
sse_hub_free_feed(struct sse_hub *hub, struct sse_feed *feed)
{
	(void)send_order(hub, SSE_ORDER_FORGET, feed, 0, 0);
	TAILQ_REMOVE(&hub->idle, feed, idle);
	if (feed->dirty)
		TAILQ_REMOVE(&hub->dirty, feed, dirty_next);
	sse_feeds_remove(&hub->feeds, feed);
}

/* Nothing the tail may still answer about. */
bool
sse_hub_unasked(const struct sse_feed *feed)
{
	return !feed->filling && feed->looks_sent == feed->looks_done;
}

static void
flush_tally(struct sse_hub *hub)
{
	sse_hub_count(hub, SSE_METRIC_DELIVERIES, hub->tally.events);
	sse_hub_count(hub, SSE_METRIC_BYTES, hub->tally.bytes);
	hub->tally = (struct sse_tally){ 0 };
}

static void
beat(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	set_state(hub, subscriber, SSE_FLOWING);
	if (subscriber->waiting) {
		sse_frame_comment(&hub->scratch);
		if (!add_scratch(hub, subscriber))
			return;
	} else {
		subscriber->head_due = true;
	}
	sse_hub_write(hub, subscriber);
}

void
sse_hub_set_time(struct sse_hub *hub, int64_t now)
{
	hub->now = now;
}

int64_t
sse_hub_tick(struct sse_hub *hub)
{
	static void (*const due[SSE_STATE_MAX])(struct sse_hub *, struct sse_subscriber *) = {
		[SSE_FLOWING] = beat,
		[SSE_BLOCKED] = close_slow,
	};
	const int64_t now = hub->now;
	const int64_t next_write = sse_hub_write_dirty(hub);
	int64_t next = now + hub->options.heartbeat;
	struct sse_feed *feed;

	for (int state = 0; state < SSE_STATE_MAX; state++) {
		struct sse_subscriber *first;
		while ((first = TAILQ_FIRST(&hub->timed[state])) != NULL && first->deadline <= now)
			due[state](hub, first);
		if (first != NULL && first->deadline < next)
			next = first->deadline;
	}
	if (next_write < next)
		next = next_write;
	while ((feed = TAILQ_FIRST(&hub->idle)) != NULL && feed->idle_until <= now && sse_hub_unasked(feed))
		sse_hub_free_feed(hub, feed);
	flush_tally(hub);
	sse_metrics_set(hub->options.metrics, SSE_METRIC_STREAMS, (int64_t)hub->feeds.count);
	sse_metrics_set(hub->options.metrics, SSE_METRIC_RING_BYTES, (int64_t)hub->feeds.budget.used);
	return next;
}

size_t
sse_hub_end(struct sse_hub *hub, size_t most)
{
	size_t left = 0;
	struct sse_subscriber *subscriber;

	for (int state = 0; state < SSE_STATE_MAX; state++) {
		while (most > 0 && (subscriber = TAILQ_FIRST(&hub->timed[state])) != NULL) {
			const struct sse_ring *ring = &subscriber->feed->ring;
			if (!sse_subscriber_within_event(subscriber, ring)) {
				sse_frame_end(&hub->scratch);
				if (sse_subscriber_add(subscriber, &hub->scratch))
					(void)sse_subscriber_write(subscriber, NULL, hub->log, &hub->tally);
				es_text_clear(&hub->scratch);
			}
			sse_hub_close(hub, subscriber);
			most--;
		}
	}
	for (const struct sse_feed *feed = TAILQ_FIRST(&hub->feeds.every); feed != NULL; feed = TAILQ_NEXT(feed, every))
		left += feed->subscriber_count;
	return left;
}
