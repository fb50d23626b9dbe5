/* What time does to a hub: heartbeats, subscribers that do not read, rings that nobody reads, and the end. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "event/clock.h"
#include "hub-fixture.h"
#include "tap.h"

static int64_t
tick_at(int64_t now)
{
	sse_hub_set_time(fixture_hub, now);
	return sse_hub_tick(fixture_hub);
}

static void
test_time(void)
{
	fixture_start();
	const int64_t now = es_clock_monotonic();
	const int waiting = fixture_join("slow", 0);
	const int idle = fixture_join("main", SSE_LIVE_ONLY);
	fixture_tell_filled("main", 3, 0, 0, 0, false);
	is_string(fixture_received(idle), "s h3", "a head at the beginning");
	const int64_t next = tick_at(now);
	ok(next > now + FIXTURE_HEARTBEAT - ES_SECOND && next <= now + FIXTURE_HEARTBEAT + ES_SECOND,
	   "the next one is planned");
	is_string(fixture_received(idle), "", "and not before");
	tick_at(now + FIXTURE_HEARTBEAT + ES_SECOND);
	is_string(fixture_received(idle), "h3", "then it comes");
	is_string(fixture_received(waiting), "s :", "one that waits is kept alive with a comment");
	close(waiting);
	close(idle);
	fixture_stop();
}

static void
test_slow(void)
{
	fixture_start();
	const int64_t now = es_clock_monotonic();
	const int slow = fixture_join("main", SSE_LIVE_ONLY);
	const int good = fixture_join("main", SSE_LIVE_ONLY);
	fixture_tell_filled("main", 0, 0, 0, 0, false);
	for (int64_t version = 1; version <= 800; version += 20) {
		fixture_tell_events("main", version, version + 19);
		fixture_received(good);
	}
	tick_at(now + 9 * ES_SECOND);
	is_int(fixture_value(SSE_METRIC_SLOW_CLOSES), 0, "one that does not read is given time");
	tick_at(now + 12 * ES_SECOND);
	is_int(fixture_value(SSE_METRIC_SLOW_CLOSES), 1, "but not more than 10 s");
	is_int(fixture_value(SSE_METRIC_SUBSCRIBERS), 1, "then it is closed, and the others are not");
	fixture_tell_events("main", 801, 801);
	is_string(fixture_received(good), "801", "they go on");
	close(slow);
	close(good);
	fixture_stop();
}

static void
test_leaving(void)
{
	fixture_start();
	const int64_t now = es_clock_monotonic();
	const int client = fixture_join("main", SSE_LIVE_ONLY);
	fixture_next_order();
	fixture_tell_filled("main", 0, 0, 0, 0, false);
	tick_at(now);
	is_int(fixture_value(SSE_METRIC_STREAMS), 1, "a stream with a subscriber has a ring");
	close(client);
	fixture_tell_events("main", 1, 1);
	is_int(fixture_value(SSE_METRIC_SUBSCRIBERS), 0, "whoever has left is noticed when something is written");
	tick_at(now + 30 * ES_SECOND);
	is_int(fixture_value(SSE_METRIC_STREAMS), 1, "its ring waits for it");
	const int again = fixture_join("main", 0);
	is_string(fixture_received(again), "s 1 h1", "and serves it when it is back");
	is_string(fixture_next_order(), "", "without a query");
	close(again);
	fixture_tell_events("main", 2, 2);
	tick_at(now + 120 * ES_SECOND);
	tick_at(now + 120 * ES_SECOND);
	is_int(fixture_value(SSE_METRIC_STREAMS), 0, "but not for ever");
	is_int(fixture_value(SSE_METRIC_RING_BYTES), 0, "its memory is freed");
	is_string(fixture_next_order(), "forget main", "and the log's reader told");
	fixture_stop();
}

static void
test_ending(void)
{
	int clients[30];

	fixture_start();
	for (int i = 0; i < 30; i++)
		clients[i] = fixture_join("main", SSE_LIVE_ONLY);
	fixture_tell_filled("main", 1, 0, 0, 0, false);
	is_int(sse_hub_end(fixture_hub, 0), 30, "thirty are left");
	is_int(sse_hub_end(fixture_hub, 10), 20, "ten are ended");
	int ended = 0;
	for (int i = 0; i < 30; i++)
		ended += strcmp(fixture_received(clients[i]), "s h1 e") == 0;
	is_int(ended, 10, "in good order");
	fixture_tell_events("main", 2, 2);
	is_string(fixture_received(clients[29]), "2", "the others still live");
	is_int(sse_hub_end(fixture_hub, 100), 0, "until all are ended");
	for (int i = 0; i < 30; i++)
		close(clients[i]);
	fixture_stop();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_time();
	test_slow();
	test_leaving();
	test_ending();
	return done_testing();
}
