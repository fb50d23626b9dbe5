/* What is written together when events come faster than they can be delivered. */
#include "sse/hub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "sse/hub-private.h"
#include "sse/letters.h"
#include "tap.h"

enum {
	MANY = 200, /* subscribers: one event alone rests 2 ms for them, several 8 ms */
};

static struct sse_metrics metrics;
static struct sse_mailbox *orders;
static struct sse_hub *hub;
static int poller;
static int clients[MANY];

/* One news for each event, as when each was committed alone. */
static void
tell_events(int64_t from, int64_t to)
{
	for (int64_t version = from; version <= to; version++) {
		struct sse_news *news = sse_news_new(SSE_NEWS_EVENTS, "");
		const struct sse_event event = { .version = version, .id = "i", .type = "t", .data = "{}" };
		if (news == NULL || (news->events = calloc(1, sizeof *news->events)) == NULL)
			bail("no memory");
		strcpy(news->events->name, "main");
		news->events->version = version;
		news->events->recorded_at = es_clock_wall();
		sse_frame_event(&news->bytes, &event, "log");
		news->events->size = news->bytes.size;
		news->count = 1;
		sse_hub_hear(hub, &news->letter);
	}
}

/* How many events each of them has got since it was last asked; -1: not all the same. */
static int
received(int count)
{
	static char bytes[1024 * 1024];
	int first = -1;

	for (int i = 0; i < count; i++) {
		const ssize_t got = read(clients[i], bytes, sizeof bytes - 1);
		int events = 0;
		bytes[got < 0 ? 0 : got] = '\0';
		for (const char *at = bytes; got > 0 && at < bytes + got; at++)
			events += memcmp(at, "id: ", 4) == 0;
		if (i > 0 && events != first)
			return -1;
		first = events;
	}
	return first;
}

/* How many events were measured. */
static int64_t
measured(void)
{
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof metrics.delay.counts / sizeof metrics.delay.counts[0]; i++)
		sum += atomic_load(&metrics.delay.counts[i]);
	return sum;
}

static void
set_up(int count)
{
	struct es_error error = ES_ERROR_INIT;
	struct sse_news *log = sse_news_new(SSE_NEWS_LOG, "");
	struct sse_news *filled = sse_news_new(SSE_NEWS_FILLED, "main");

	metrics = SSE_METRICS_INIT;
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0 || sse_mailbox_new(0, &orders, &error) != ES_OK || log == NULL || filled == NULL)
		bail("no poller, mailbox or memory");
	const struct sse_hub_options options = {
		.poller = poller, .heartbeat = 15 * ES_SECOND, .orders = orders, .metrics = &metrics
	};
	hub = sse_hub_new(&options);
	strcpy(log->log, "log");
	sse_hub_hear(hub, &log->letter);
	for (int i = 0; i < count; i++) {
		int ends[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
			bail("no socket pair");
		clients[i] = ends[1];
		sse_hub_join(hub, ends[0], "main", SSE_LIVE_ONLY);
	}
	filled->horizon = 1;
	sse_hub_hear(hub, &filled->letter);
	received(count);
}

static void
tear_down(int count)
{
	sse_hub_free(hub);
	sse_mailbox_free(orders, sse_order_free);
	close(poller);
	for (int i = 0; i < count; i++)
		close(clients[i]);
}

static void
test_many(void)
{
	const int64_t start = es_clock_monotonic();

	set_up(MANY);
	sse_hub_set_time(hub, start);
	tell_events(1, 1);
	is_int(received(MANY), 1, "the first event is written at once");
	tell_events(2, 2);
	is_int(received(MANY), 0, "what follows while nginx is still at it waits");
	is_int(sse_hub_tick(hub) - start, 2 * ES_MILLISECOND, "one alone, until nginx is half-way");
	tell_events(3, 6);
	is_int(received(MANY), 0, "more of them");
	is_int(measured(), 1, "are not measured as if they were written");
	const int64_t wake = sse_hub_tick(hub);
	is_int(wake - start, 8 * ES_MILLISECOND, "and wait for what else may come, as long again as nginx takes");
	sse_hub_set_time(hub, wake);
	(void)sse_hub_tick(hub);
	is_int(received(MANY), 5, "then it is written, all of it together");
	is_int(measured(), 6, "and measured");
	tell_events(7, 6 + SSE_UNWRITTEN_EVENTS_MAX);
	is_int(received(MANY), SSE_UNWRITTEN_EVENTS_MAX, "before too much waits it is written as well");
	sse_hub_set_time(hub, wake + ES_SECOND);
	tell_events(7 + SSE_UNWRITTEN_EVENTS_MAX, 7 + SSE_UNWRITTEN_EVENTS_MAX);
	is_int(received(MANY), 1, "after a rest an event is written at once again");
	is_int(atomic_load(&metrics.values[SSE_METRIC_EVENTS]), 7 + SSE_UNWRITTEN_EVENTS_MAX, "every event is counted");
	tear_down(MANY);
}

/* As long as it rests for 5,000, it rests for any number more. */
static void
test_longest_rest(void)
{
	static const struct {
		size_t subscribers;
		int64_t rest; /* milliseconds */
		const char *name;
	} cases[] = {
		{ 4975, 199, "two more wait for 4,975 subscribers" },
		{ 5000, 200, "longer for 5,000" },
		{ 1000000, 200, "and no longer for any number" },
	};
	const int64_t start = es_clock_monotonic();

	set_up(10);
	sse_hub_set_time(hub, start);
	tell_events(1, 1);
	is_int(received(10), 1, "an event is written");
	struct sse_feed *feed = sse_feeds_find(&hub->feeds, "main");
	const size_t count = feed->subscriber_count;
	feed->subscriber_count = cases[0].subscribers;
	tell_events(2, 3);
	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		feed->subscriber_count = cases[at].subscribers;
		is_int(sse_hub_write_dirty(hub) - start, cases[at].rest * ES_MILLISECOND, cases[at].name);
	}
	feed->subscriber_count = count;
	tear_down(10);
}

static void
test_few(void)
{
	set_up(10);
	tell_events(1, 1);
	is_int(received(10), 1, "for a few");
	tell_events(2, 2);
	is_int(received(10), 1, "nothing waits");
	tear_down(10);
}

int
main(void)
{
	test_many();
	test_few();
	test_longest_rest();
	return done_testing();
}
