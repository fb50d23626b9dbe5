#include "sse/hub-private.h"

#include <string.h>

#include "event/clock.h"
#include "http/log.h"
#include "sse/letters.h"

/*
 * How long a feed rests after a write, for each of its subscribers.  Events that follow closer than nginx can keep up
 * with (it takes 15 to 20 microseconds for a delivery) are written together: they would only wait in more and smaller
 * pieces, each of which costs nginx as much as all of them at once.  An event that comes alone need not wait for what
 * may follow; of several, that much more is written together.
 */
#define REST_ALONE 10                    /* microseconds */
#define REST_BURST 40                    /* microseconds */
#define REST_MOST (200 * ES_MILLISECOND) /* however many they are: people would begin to notice */

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

/* Where memory is short, those nobody reads give theirs first. */
static void
make_room(struct sse_hub *hub)
{
	const struct sse_budget *budget = &hub->feeds.budget;
	struct sse_feed *next;

	for (struct sse_feed *feed = TAILQ_FIRST(&hub->idle);
	     feed != NULL && budget->max - budget->used < SSE_RING_BYTES_MAX; feed = next) {
		next = TAILQ_NEXT(feed, idle);
		if (sse_hub_unasked(feed))
			sse_hub_free_feed(hub, feed);
	}
}

static void
measure_written(const struct sse_hub *hub, struct sse_feed *feed)
{
	const int64_t now = es_clock_wall();

	for (size_t i = 0; i < feed->unwritten_events; i++) {
		const int64_t recorded_at = feed->unwritten[i];
		http_histogram_observe(&hub->options.metrics->delay, now > recorded_at ? now - recorded_at : 0);
	}
	feed->unwritten_events = 0;
	feed->unwritten_bytes = 0;
}

/* One pass over everybody who reads what was appended: this is where the time goes. */
static void
write_feed(struct sse_hub *hub, struct sse_feed *feed)
{
	struct sse_subscriber *next;

	TAILQ_REMOVE(&hub->dirty, feed, dirty_next);
	feed->dirty = false;
	feed->written_at = hub->now;
	for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL; at = next) {
		next = TAILQ_NEXT(at, peers);
		if (!at->waiting && at->state == SSE_FLOWING)
			sse_hub_write(hub, at);
	}
	measure_written(hub, feed);
}

/* In whole milliseconds, as the loop sleeps: a few subscribers cost nothing. */
static int64_t
rest_until(const struct sse_feed *feed)
{
	const int64_t each = feed->unwritten_events > 1 ? REST_BURST : REST_ALONE;
	const int64_t rest = (int64_t)feed->subscriber_count * each / ES_MILLISECOND * ES_MILLISECOND;

	return feed->written_at + (rest < REST_MOST ? rest : REST_MOST);
}

int64_t
sse_hub_write_dirty(struct sse_hub *hub)
{
	int64_t next_write = INT64_MAX;
	struct sse_feed *next;

	for (struct sse_feed *feed = TAILQ_FIRST(&hub->dirty); feed != NULL; feed = next) {
		next = TAILQ_NEXT(feed, dirty_next);
		const int64_t rested = rest_until(feed);
		if (rested <= hub->now)
			write_feed(hub, feed);
		else if (rested < next_write)
			next_write = rested;
	}
	return next_write;
}

static void
hear_event(struct sse_hub *hub, const struct sse_news *news, const struct sse_news_event *event)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, event->name);

	if (feed == NULL || !feed->ready || event->version <= feed->ring.head)
		return;
	if (event->version != feed->ring.head + 1) {
		/* cannot happen while positions are dense; should it, everybody resumes by id */
		http_log("error", "a gap in the log", "stream=%s version=%lld after=%lld", feed->name,
		         (long long)event->version, (long long)feed->ring.head);
		feed->ready = false;
		feed->filling = false;
		close_all(hub, feed, false);
		return;
	}
	sse_ring_append(&feed->ring, news->bytes.bytes + event->offset, event->size);
	sse_hub_count(hub, SSE_METRIC_EVENTS, 1);
	if (!feed->dirty) {
		feed->dirty = true;
		TAILQ_INSERT_TAIL(&hub->dirty, feed, dirty_next);
	}
	feed->unwritten[feed->unwritten_events++] = event->recorded_at;
	feed->unwritten_bytes += event->size;
	if (feed->unwritten_events == SSE_UNWRITTEN_EVENTS_MAX || feed->unwritten_bytes >= SSE_UNWRITTEN_BYTES_MAX)
		write_feed(hub, feed);
}

static void
hear_events(struct sse_hub *hub, struct sse_news *news)
{
	make_room(hub);
	for (size_t i = 0; i < news->count; i++)
		hear_event(hub, news, &news->events[i]);
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
	for (size_t i = 0; i < news->count; i++) {
		const struct sse_news_event *event = &news->events[i];
		if (event->version != feed->ring.floor ||
		    !sse_ring_prepend(&feed->ring, news->bytes.bytes + event->offset, event->size)) {
			feed->exhausted = true;
			break;
		}
	}
	sse_hub_place_all(hub, feed);
}

static void
hear_looked(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, news->name);

	if (feed == NULL)
		return;
	feed->looks_done = feed->looks_sent;
	sse_hub_place_all(hub, feed);
}

/* All that was known is void.  Nobody is left out: each is told where the log stands now and goes on from there. */
static void
hear_log(struct sse_hub *hub, struct sse_news *news)
{
	struct sse_feed *feed;

	memcpy(hub->log, news->log, sizeof hub->log);
	for (feed = TAILQ_FIRST(&hub->feeds.every); feed != NULL; feed = TAILQ_NEXT(feed, every)) {
		struct sse_subscriber *next;
		if (!feed->ready)
			continue;
		for (struct sse_subscriber *at = TAILQ_FIRST(&feed->subscribers); at != NULL; at = next) {
			next = TAILQ_NEXT(at, peers);
			if (sse_subscriber_within_event(at, &feed->ring)) {
				sse_hub_close(hub, at); /* the rest of its event is gone */
				continue;
			}
			sse_hub_set_waiting(at, true);
			at->reset_due = true;
			at->head_due = false;
		}
		feed->ready = false;
		feed->filling = false;
		sse_hub_fill(hub, feed, SSE_LIVE_ONLY, 0);
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

void
sse_hub_hear(struct sse_hub *hub, struct sse_letter *letters)
{
	typedef void hearer(struct sse_hub *, struct sse_news *);
	static hearer *const hear[] = {
		[SSE_NEWS_EVENTS] = hear_events,         [SSE_NEWS_FILLED] = hear_filled,
		[SSE_NEWS_LOOKED] = hear_looked,         [SSE_NEWS_LOG] = hear_log,
		[SSE_NEWS_UNREADABLE] = hear_unreadable,
	};

	while (letters != NULL) {
		struct sse_letter *next = letters->next;
		struct sse_news *news = (struct sse_news *)letters;
		hear[news->kind](hub, news);
		sse_news_free(letters);
		letters = next;
	}
	(void)sse_hub_write_dirty(hub);
}
