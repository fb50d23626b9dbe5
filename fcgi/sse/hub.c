#include "sse/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "event/clock.h"
#include "http/log.h"
#include "sse/tail.h"

enum {
	RINGS_BYTES_MAX = 128 * 1024 * 1024, /* of all rings together */
};

#define RETRY_LEAST 1000                /* milliseconds; reconnects spread from here ... */
#define RETRY_MOST 5000                 /* ... to here */
#define PROGRESS_TIME (10 * ES_SECOND)  /* one that takes nothing for so long is closed, and resumes by id */
#define IDLE_TIME (60 * ES_SECOND)      /* a ring outlives its last reader's reconnect */

struct sse_hub {
	struct sse_hub_options options;
	struct sse_feeds feeds;
	struct sse_feed_list idle;
	struct sse_feed_list dirty;
	struct sse_subscribers timed[SSE_STATE_MAX];
	char log[SSE_LOG_SIZE];
	struct es_text scratch; /* for one frame; empty between uses */
	struct sse_tally tally; /* not yet in the metrics */
};

struct sse_hub *
sse_hub_new(const struct sse_hub_options *options)
{
	struct sse_hub *hub = calloc(1, sizeof *hub);

	if (hub == NULL)
		return NULL;
	hub->options = *options;
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

static void
count(const struct sse_hub *hub, enum sse_metric metric, int64_t number)
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
	subscriber->deadline = es_clock_monotonic() + times[state];
	TAILQ_INSERT_TAIL(&hub->timed[state], subscriber, timed);
}

static void
poll_for(const struct sse_hub *hub, struct sse_subscriber *subscriber, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = subscriber };

	(void)epoll_ctl(hub->options.poller, EPOLL_CTL_MOD, subscriber->fd, &event);
}

static void
set_waiting(struct sse_subscriber *subscriber, bool waiting)
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
	set_waiting(subscriber, false);
	TAILQ_REMOVE(&feed->subscribers, subscriber, peers);
	if (--feed->subscriber_count == 0) {
		feed->idle_until = es_clock_monotonic() + IDLE_TIME;
		TAILQ_INSERT_TAIL(&hub->idle, feed, idle);
	}
	count(hub, SSE_METRIC_SUBSCRIBERS, -1);
	sse_subscriber_free(subscriber);
}

static void
close_slow(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	count(hub, SSE_METRIC_SLOW_CLOSES, 1);
	sse_hub_close(hub, subscriber);
}

/* Writes what waits for it; closes it if it has left or fallen off. */
static void
write_to(struct sse_hub *hub, struct sse_subscriber *subscriber)
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
	case SSE_WRITTEN_GONE: sse_hub_close(hub, subscriber); break;
	case SSE_WRITTEN_FALLEN: close_slow(hub, subscriber); break;
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

static void
reset(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	const struct sse_ring *ring = &subscriber->feed->ring;

	sse_frame_reset(&hub->scratch, ring->head, hub->log);
	if (!add_scratch(hub, subscriber))
		return;
	count(hub, SSE_METRIC_RESETS, 1);
	subscriber->reset_due = false;
	subscriber->version = ring->head;
	subscriber->cursor = ring->end;
}

/* --- what is asked of the tail --- */

/* False: it was not sent.  Those who wait for its answer are kept alive, and the next one to come asks again. */
static bool
send_order(const struct sse_hub *hub, enum sse_order_kind kind, const struct sse_feed *feed, int64_t after,
           int64_t until)
{
	struct sse_order *order = calloc(1, sizeof *order);

	if (order == NULL) {
		http_log("error", "no memory for an order", "stream=%s", feed->name);
		return false;
	}
	order->kind = kind;
	order->after = after;
	order->until = until;
	memcpy(order->name, feed->name, sizeof order->name);
	if (sse_mailbox_send(hub->options.orders, &order->letter))
		return true;
	free(order);
	return false;
}

static void
fill(const struct sse_hub *hub, struct sse_feed *feed, int64_t after, int64_t until)
{
	if (feed->filling)
		return;
	feed->filling = send_order(hub, SSE_ORDER_FILL, feed, after, until);
	count(hub, SSE_METRIC_FILLS, 1);
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

/* Lets a waiting subscriber go on if the feed has what it needs, or asks for it.  May close it. */
static void
place(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	struct sse_feed *feed = subscriber->feed;

	if (!feed->ready) {
		/* the first to come says how far back; for whoever needs more, the ring is filled again, to the brim */
		fill(hub, feed, subscriber->reset_due ? SSE_LIVE_ONLY : subscriber->version, 0);
		return;
	}
	switch (sse_feed_place(feed, subscriber)) {
	case SSE_PLACE_FILL: fill(hub, feed, 0, feed->ring.floor); return;
	case SSE_PLACE_LOOK: look(hub, feed, subscriber); return;
	case SSE_PLACE_FOUND: set_waiting(subscriber, false); break;
	case SSE_PLACE_RESET:
		set_waiting(subscriber, false);
		reset(hub, subscriber);
		break;
	}
	subscriber->head_due = true;
	write_to(hub, subscriber);
}

static void
place_all(struct sse_hub *hub, struct sse_feed *feed)
{
	struct sse_subscriber *next;

	for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL && feed->waiting_count > 0; at = next) {
		next = TAILQ_NEXT(at, peers);
		if (at->waiting)
			place(hub, at);
	}
}

/* A number up to most; of identifier quality is more than a pause needs, but it needs no seed. */
static int64_t
random_up_to(int64_t most)
{
	uuid_t random;
	uint32_t number;

	uuid_generate_random(random);
	memcpy(&number, random + 9, sizeof number);
	return number % (most + 1);
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
	set_waiting(subscriber, true);
	count(hub, SSE_METRIC_SUBSCRIBERS, 1);

	sse_frame_start(&hub->scratch, RETRY_LEAST + random_up_to(RETRY_MOST - RETRY_LEAST));
	if (!add_scratch(hub, subscriber))
		return;
	/* usually everything is here, and one write takes the header lines, what it missed, and the head */
	place(hub, subscriber);
}

void
sse_hub_writable(struct sse_hub *hub, struct sse_subscriber *subscriber)
{
	write_to(hub, subscriber);
}

/* --- news --- */

static void
close_all(struct sse_hub *hub, struct sse_feed *feed, bool only_waiting)
{
	struct sse_subscriber *next;

	for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL; at = next) {
		next = TAILQ_NEXT(at, peers);
		if (at->waiting || !only_waiting)
			sse_hub_close(hub, at);
	}
}

static void
free_feed(struct sse_hub *hub, struct sse_feed *feed)
{
	(void)send_order(hub, SSE_ORDER_FORGET, feed, 0, 0);
	TAILQ_REMOVE(&hub->idle, feed, idle);
	if (feed->dirty)
		TAILQ_REMOVE(&hub->dirty, feed, dirty_next);
	sse_feeds_remove(&hub->feeds, feed);
}

/* Nothing the tail may still answer about. */
static bool
unasked(const struct sse_feed *feed)
{
	return !feed->filling && feed->looks_sent == feed->looks_done;
}

/* Where memory is short, those nobody reads give theirs first. */
static void
make_room(struct sse_hub *hub)
{
	const struct sse_budget *budget = &hub->feeds.budget;
	struct sse_feed *next;

	for (struct sse_feed *feed = TAILQ_FIRST(&hub->idle);
	     feed != NULL && budget->max - budget->used < SSE_RING_BYTES_MAX; feed = next) {
		next = TAILQ_NEXT(feed, idle);
		if (unasked(feed))
			free_feed(hub, feed);
	}
}

/* Whether the event was new to its feed. */
static bool
hear_event(struct sse_hub *hub, const struct sse_news *news, const struct sse_news_event *event)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, event->name);

	if (feed == NULL || !feed->ready || event->version <= feed->ring.head)
		return false;
	if (event->version != feed->ring.head + 1) {
		/* cannot happen while positions are dense; should it, everybody resumes by id */
		http_log("error", "a gap in the log", "stream=%s version=%lld after=%lld", feed->name,
		         (long long)event->version, (long long)feed->ring.head);
		feed->ready = false;
		feed->filling = false;
		close_all(hub, feed, false);
		return false;
	}
	sse_ring_append(&feed->ring, news->bytes.bytes + event->offset, event->size);
	if (!feed->dirty) {
		feed->dirty = true;
		TAILQ_INSERT_TAIL(&hub->dirty, feed, dirty_next);
	}
	return true;
}

static void
hear_events(struct sse_hub *hub, struct sse_news *news)
{
	make_room(hub);
	for (size_t i = 0; i < news->count; i++)
		if (!hear_event(hub, news, &news->events[i]))
			news->events[i].recorded_at = 0; /* known before: not to be measured again */
}

static void
hear_filled(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, news->name);

	/* an order from before the log was found to be another one: the one that counts is still to come */
	if (feed == NULL || !feed->filling || feed->ready != (news->until != 0))
		return;
	make_room(hub);
	if (!feed->ready) {
		sse_ring_done(&feed->ring);
		sse_ring_init(&feed->ring, &hub->feeds.budget, news->head);
	}
	feed->filling = false;
	feed->ready = true;
	feed->horizon = news->horizon;
	feed->exhausted = news->exhausted;
	for (size_t i = 0; i < news->count && !feed->exhausted; i++) {
		const struct sse_news_event *event = &news->events[i];
		if (event->version != feed->ring.floor ||
		    !sse_ring_prepend(&feed->ring, news->bytes.bytes + event->offset, event->size))
			feed->exhausted = true;
	}
	place_all(hub, feed);
}

static void
hear_looked(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, news->name);

	if (feed == NULL)
		return;
	feed->looks_done = feed->looks_sent;
	place_all(hub, feed);
}

/* All that was known is void.  Nobody is left out: each is told where the log stands now and goes on from there. */
static void
hear_log(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed;

	memcpy(hub->log, news->log, sizeof hub->log);
	TAILQ_FOREACH (feed, &hub->feeds.every, every) {
		struct sse_subscriber *next;
		if (!feed->ready)
			continue;
		for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL; at = next) {
			next = TAILQ_NEXT(at, peers);
			if (sse_subscriber_within_event(at, &feed->ring)) {
				sse_hub_close(hub, at); /* the rest of its event is gone */
				continue;
			}
			set_waiting(at, true);
			at->reset_due = true;
			at->head_due = false;
		}
		feed->ready = false;
		feed->filling = false;
		fill(hub, feed, SSE_LIVE_ONLY, 0);
	}
}

static void
hear_unreadable(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, news->name);

	if (feed == NULL)
		return;
	feed->filling = false;
	close_all(hub, feed, true);
}

/* One pass over everybody who reads what was appended: this is where the time goes. */
static void
write_dirty(struct sse_hub *hub)
{
	while (!TAILQ_EMPTY(&hub->dirty)) {
		struct sse_feed *feed = TAILQ_FIRST(&hub->dirty);
		struct sse_subscriber *next;
		TAILQ_REMOVE(&hub->dirty, feed, dirty_next);
		feed->dirty = false;
		for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL; at = next) {
			next = TAILQ_NEXT(at, peers);
			if (!at->waiting && at->state == SSE_FLOWING)
				write_to(hub, at);
		}
	}
}

static void
measure(const struct sse_hub *hub, const struct sse_news *news, int64_t now)
{
	int64_t events = 0;

	for (size_t i = 0; i < news->count; i++) {
		const int64_t recorded_at = news->events[i].recorded_at;
		if (news->kind != SSE_NEWS_EVENTS || recorded_at == 0)
			continue;
		http_histogram_observe(&hub->options.metrics->delay, now > recorded_at ? now - recorded_at : 0);
		events++;
	}
	count(hub, SSE_METRIC_EVENTS, events);
}

static void
flush_tally(struct sse_hub *hub)
{
	count(hub, SSE_METRIC_DELIVERIES, hub->tally.events);
	count(hub, SSE_METRIC_BYTES, hub->tally.bytes);
	hub->tally = (struct sse_tally){ 0 };
}

void
sse_hub_hear(struct sse_hub *hub, struct sse_letter *letters)
{
	static void (*const hear[])(struct sse_hub *hub, struct sse_news *news) = {
		[SSE_NEWS_EVENTS] = hear_events, [SSE_NEWS_FILLED] = hear_filled, [SSE_NEWS_LOOKED] = hear_looked,
		[SSE_NEWS_LOG] = hear_log,       [SSE_NEWS_UNREADABLE] = hear_unreadable,
	};

	for (struct sse_letter *letter = letters; letter != NULL; letter = letter->next) {
		struct sse_news *news = (struct sse_news *)letter;
		hear[news->kind](hub, news);
	}
	write_dirty(hub);
	const int64_t now = es_clock_wall();
	while (letters != NULL) {
		struct sse_letter *next = letters->next;
		measure(hub, (struct sse_news *)letters, now);
		sse_news_free(letters);
		letters = next;
	}
}

/* --- time --- */

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
	write_to(hub, subscriber);
}

int64_t
sse_hub_tick(struct sse_hub *hub, int64_t now)
{
	static void (*const due[SSE_STATE_MAX])(struct sse_hub *hub, struct sse_subscriber *subscriber) = {
		[SSE_FLOWING] = beat,
		[SSE_BLOCKED] = close_slow,
	};
	int64_t next = now + hub->options.heartbeat;
	struct sse_feed *feed;

	for (int state = 0; state < SSE_STATE_MAX; state++) {
		struct sse_subscriber *first;
		while ((first = TAILQ_FIRST(&hub->timed[state])) != NULL && first->deadline <= now)
			due[state](hub, first);
		if (first != NULL && first->deadline < next)
			next = first->deadline;
	}
	while ((feed = TAILQ_FIRST(&hub->idle)) != NULL && feed->idle_until <= now && unasked(feed))
		free_feed(hub, feed);
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
	for (int state = 0; state < SSE_STATE_MAX; state++)
		TAILQ_FOREACH (subscriber, &hub->timed[state], timed)
			left++;
	return left;
}
