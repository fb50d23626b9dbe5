#include "sse/hub.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "sse/letters.h"
#include "tap.h"
#include "unframe.h"

#define HEARTBEAT (15 * ES_SECOND)

static struct sse_metrics metrics;
static struct sse_mailbox *orders;
static struct sse_hub *hub;
static int poller;

/* --- the tail's part --- */

/* The next order, as text: "fill main 3 0", "look main", "forget main"; "" if there is none. */
static const char *
next_order(void)
{
	static struct sse_letter *waiting;
	static char text[128];

	if (waiting == NULL)
		waiting = sse_mailbox_take(orders);
	if (waiting == NULL)
		return "";
	struct sse_letter *letter = waiting;
	const struct sse_order *order = (struct sse_order *)letter;
	waiting = letter->next;
	if (order->kind == SSE_ORDER_FILL)
		snprintf(text, sizeof text, "fill %s %lld %lld", order->name, (long long)order->after,
		         (long long)order->until);
	else
		snprintf(text, sizeof text, "%s %s", order->kind == SSE_ORDER_LOOK ? "look" : "forget", order->name);
	sse_order_free(letter);
	return text;
}

static struct sse_news *
make_news(enum sse_news_kind kind, const char *name)
{
	struct sse_news *news = sse_news_new(kind, name);

	if (news == NULL)
		bail("no memory");
	return news;
}

/* Adds the events from ... to (either way) to news. */
static void
add_events(struct sse_news *news, const char *name, int64_t from, int64_t to)
{
	const int64_t step = from <= to ? 1 : -1;

	news->events = calloc((size_t)llabs(to - from) + 1, sizeof *news->events);
	if (news->events == NULL)
		bail("no memory");
	for (int64_t version = from; version != to + step; version += step) {
		const struct sse_event event = { .version = version, .id = "i", .type = "t", .data = "{}" };
		struct sse_news_event *at = &news->events[news->count++];
		snprintf(at->name, sizeof at->name, "%s", name);
		at->version = version;
		at->recorded_at = es_clock_wall();
		at->offset = news->bytes.size;
		sse_frame_event(&news->bytes, &event, "log");
		at->size = news->bytes.size - at->offset;
	}
}

static void
tell_log(const char *log)
{
	struct sse_news *news = make_news(SSE_NEWS_LOG, "");

	snprintf(news->log, sizeof news->log, "%s", log);
	sse_hub_hear(hub, &news->letter);
}

static void
tell_events(const char *name, int64_t from, int64_t to)
{
	struct sse_news *news = make_news(SSE_NEWS_EVENTS, "");

	add_events(news, name, from, to);
	sse_hub_hear(hub, &news->letter);
}

/* The stream stood at head; the events from ... to (newest first; 0: none) were asked for up to until. */
static void
tell_filled(const char *name, int64_t head, int64_t from, int64_t to, int64_t until, bool exhausted)
{
	struct sse_news *news = make_news(SSE_NEWS_FILLED, name);

	if (from != 0)
		add_events(news, name, from, to);
	news->head = head;
	news->horizon = 1;
	news->until = until;
	news->exhausted = exhausted;
	sse_hub_hear(hub, &news->letter);
}

static void
tell(enum sse_news_kind kind, const char *name)
{
	sse_hub_hear(hub, &make_news(kind, name)->letter);
}

/* --- the client's part --- */

static int
join(const char *name, int64_t version)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
		bail("no socket pair");
	sse_hub_join(hub, ends[0], name, version);
	return ends[1];
}

/* Does the loop's part for whoever reads again; false: nobody does. */
static bool
write_more(void)
{
	struct epoll_event event;

	if (epoll_wait(poller, &event, 1, 0) != 1 || (event.events & EPOLLOUT) == 0)
		return false;
	sse_hub_writable(hub, event.data.ptr);
	return true;
}

/* "58", "h58", "r58": what comes before the number that follows start in a frame. */
static bool
shorten(const char *frame, const char *start, const char *letter, char text[static 32])
{
	if (strncmp(frame, start, strlen(start)) != 0)
		return false;
	snprintf(text, 32, "%s%lld", letter, strtoll(frame + strlen(start), NULL, 10));
	return true;
}

static const char *
in_short(const char *frame)
{
	static char text[32];

	if (strncmp(frame, "Content-Type: ", 14) == 0)
		return "s";
	if (strcmp(frame, ":") == 0)
		return ":";
	if (shorten(frame, "id: ", "", text) || shorten(frame, "event: head\ndata: {\"version\":", "h", text) ||
	    shorten(frame, "event: reset\nid: ", "r", text))
		return text;
	bail("an unknown frame: %s", frame);
}

/* What came, in short: "s" the start, numbers for events, "h3" a head, "r3" a reset, ":" a comment, "e" the end. */
static const char *
received(int client)
{
	static char brief[65536];
	static char bytes[1024 * 1024];
	size_t size = 0;
	ssize_t got;

	do {
		while ((got = read(client, bytes + size, sizeof bytes - size)) > 0)
			size += (size_t)got;
	} while (write_more());
	struct unframed output = unframe(bytes, size);
	size_t length = 0;
	brief[0] = '\0';
	if (!output.whole)
		bail("a broken record");
	for (char *frame = output.output.bytes, *end; (end = strstr(frame, "\n\n")) != NULL; frame = end + 2) {
		*end = '\0';
		length += (size_t)snprintf(brief + length, sizeof brief - length, "%s%s", length == 0 ? "" : " ",
		                           in_short(frame));
	}
	if (output.ended)
		snprintf(brief + length, sizeof brief - length, " e");
	es_text_done(&output.output);
	return brief;
}

static bool
closed(int client)
{
	char byte;

	return read(client, &byte, 1) == 0;
}

static int64_t
tick_at(int64_t now)
{
	sse_hub_set_time(hub, now);
	return sse_hub_tick(hub);
}

static int64_t
value(enum sse_metric metric)
{
	return atomic_load(&metrics.values[metric]);
}

/* --- the tests --- */

static void
set_up(void)
{
	struct es_error error = ES_ERROR_INIT;

	metrics = SSE_METRICS_INIT;
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0 || sse_mailbox_new(0, &orders, &error) != ES_OK)
		bail("no poller or mailbox");
	const struct sse_hub_options options = {
		.poller = poller,
		.heartbeat = HEARTBEAT,
		.orders = orders,
		.metrics = &metrics,
	};
	hub = sse_hub_new(&options);
	if (hub == NULL)
		bail("no memory");
	tell_log("log");
}

static void
tear_down(void)
{
	sse_hub_free(hub);
	while (next_order()[0] != '\0')
		;
	sse_mailbox_free(orders, sse_order_free);
	close(poller);
}

static void
test_first_and_later(void)
{
	set_up();
	const int first = join("main", 3);
	is_string(received(first), "s", "the first subscriber gets the header lines at once");
	is_string(next_order(), "fill main 3 0", "and has the ring filled from where it stands");
	const int second = join("main", 4);
	is_string(next_order(), "", "a second one causes no query");
	tell_events("main", 5, 5);
	is_string(received(first), "", "an event from before the ring stands is in the ring already");
	tell_filled("main", 5, 5, 4, 0, false);
	is_string(received(first), "4 5 h5", "then it gets what it missed, and the head");
	is_string(received(second), "s 5 h5", "the second one as well");
	tell_events("main", 5, 7);
	is_string(received(first), "6 7", "an event is sent once, however often it is told");
	is_string(received(second), "6 7", "to all");
	const int third = join("main", 5);
	is_string(received(third), "s 6 7 h7", "a third one reads the ring");
	const int live = join("main", SSE_LIVE_ONLY);
	is_string(received(live), "s h7", "one that asks for nothing gets the head");
	is_string(next_order(), "", "still without a query");
	is_int(value(SSE_METRIC_FILLS), 1, "one query was made in all");
	is_int(value(SSE_METRIC_SUBSCRIBERS), 4, "four subscribers are counted");
	tell_events("other", 1, 1);
	is_string(received(live), "", "another stream's events are not theirs");
	sse_hub_tick(hub);
	is_int(value(SSE_METRIC_DELIVERIES), 2 + 1 + 2 + 2 + 2, "every delivery is counted");
	close(first);
	close(second);
	close(third);
	close(live);
	tear_down();
}

static void
test_further_back(void)
{
	set_up();
	const int first = join("main", 9);
	next_order();
	tell_filled("main", 10, 10, 10, 0, false);
	is_string(received(first), "s 10 h10", "the ring holds one event");
	const int second = join("main", 2);
	is_string(next_order(), "fill main 0 9", "for one that needs more it is filled to the brim");
	const int third = join("main", 1);
	is_string(next_order(), "", "once");
	tell_events("main", 11, 11);
	tell_filled("main", 11, 9, 1, 9, false);
	is_string(received(second), "s 3 4 5 6 7 8 9 10 11 h11", "and everything is there, in order");
	is_string(received(third), "s 2 3 4 5 6 7 8 9 10 11 h11", "for all who waited");
	is_string(received(first), "11", "nobody gets anything twice");
	close(first);
	close(second);
	close(third);
	tear_down();
}

static void
test_resets(void)
{
	set_up();
	const int old = join("main", 5);
	next_order();
	tell_filled("main", 2000, 2000, 1001, 0, true);
	is_string(received(old), "s r2000 h2000", "one from before the ring is reset");
	const int bad = join("main", SSE_BAD_CURSOR);
	is_string(received(bad), "s r2000 h2000", "and one that never was");
	const int edge = join("main", 1000);
	ok(strncmp(received(edge), "s 1001 1002 ", 12) == 0, "the oldest the ring can serve is served");
	const int below = join("main", 999);
	is_string(received(below), "s r2000 h2000", "the one before is reset");
	is_string(next_order(), "", "without another query: the ring cannot reach further");
	tell_events("main", 2001, 2001);
	is_string(received(old), "2001", "a stream goes on after a reset");
	is_int(value(SSE_METRIC_RESETS), 3, "resets are counted");

	const int ahead = join("main", 2003);
	is_string(next_order(), "look main", "one from the future makes the log be looked at");
	is_string(received(ahead), "s", "and waits");
	const int late = join("main", 2004);
	is_string(next_order(), "", "one question at a time");
	tell_events("main", 2002, 2003);
	tell(SSE_NEWS_LOOKED, "main");
	is_string(received(ahead), "h2003", "it was no future: the news were late");
	is_string(received(late), "s", "one that came after the question was sent");
	is_string(next_order(), "look main", "is worth another look");
	tell(SSE_NEWS_LOOKED, "main");
	is_string(received(late), "r2003 h2003", "and then it is reset");
	close(old);
	close(bad);
	close(edge);
	close(below);
	close(ahead);
	close(late);
	tear_down();
}

static void
test_another_log(void)
{
	set_up();
	const int one = join("main", 0);
	next_order();
	tell_filled("main", 2, 2, 1, 0, false);
	const int other = join("quiet", SSE_LIVE_ONLY);
	next_order();
	tell_filled("quiet", 0, 0, 0, 0, false);
	is_string(received(one), "s 1 2 h2", "two streams");
	is_string(received(other), "s h0", "one of them without events");
	const int behind = join("quiet", 7);
	is_string(next_order(), "look quiet", "somebody waits for a look");
	tell_log("new");
	is_string(next_order(), "fill main -1 0", "when the log is another one,");
	is_string(next_order(), "fill quiet -1 0", "all rings are filled anew");
	tell_events("main", 3, 3);
	is_string(received(one), "", "nothing is sent before that");
	tell(SSE_NEWS_LOOKED, "quiet");
	tell_filled("main", 1, 0, 0, 0, false);
	tell_filled("quiet", 4, 0, 0, 0, false);
	is_string(received(one), "r1 h1", "then everybody is reset, also downwards,");
	is_string(received(other), "r4 h4", "or upwards");
	is_string(received(behind), "s r4 h4", "also whoever waited for something else");
	tell_events("main", 2, 2);
	is_string(received(one), "2", "and goes on from there");
	close(one);
	close(other);
	close(behind);
	tear_down();
}

/* Answers to questions that were overtaken by a change of the log. */
static void
test_overtaken_fill(void)
{
	set_up();
	const int one = join("main", 8);
	next_order();
	tell_filled("main", 9, 9, 9, 0, false);
	const int two = join("main", 3);
	is_string(next_order(), "fill main 0 8", "a ring is being filled");
	tell_log("new");
	is_string(next_order(), "fill main -1 0", "when the log changes");
	tell_filled("main", 9, 8, 4, 8, false);
	is_string(received(two), "s", "the old answer means nothing any more");
	tell_filled("main", 5, 0, 0, 0, false);
	is_string(received(one), "s 9 h9 r5 h5", "the new one resets everybody");
	is_string(received(two), "r5 h5", "once");
	close(one);
	close(two);
	tear_down();
}

static void
test_time(void)
{
	set_up();
	const int64_t now = es_clock_monotonic();
	const int waiting = join("slow", 0);
	const int idle = join("main", SSE_LIVE_ONLY);
	tell_filled("main", 3, 0, 0, 0, false);
	is_string(received(idle), "s h3", "a head at the beginning");
	const int64_t next = tick_at(now);
	ok(next > now + HEARTBEAT - ES_SECOND && next <= now + HEARTBEAT + ES_SECOND, "the next one is planned");
	is_string(received(idle), "", "and not before");
	tick_at(now + HEARTBEAT + ES_SECOND);
	is_string(received(idle), "h3", "then it comes");
	is_string(received(waiting), "s :", "one that waits is kept alive with a comment");
	close(waiting);
	close(idle);
	tear_down();
}

static void
test_slow(void)
{
	set_up();
	const int64_t now = es_clock_monotonic();
	const int slow = join("main", SSE_LIVE_ONLY);
	const int good = join("main", SSE_LIVE_ONLY);
	tell_filled("main", 0, 0, 0, 0, false);
	for (int64_t version = 1; version <= 800; version += 20) {
		tell_events("main", version, version + 19);
		received(good);
	}
	tick_at(now + 9 * ES_SECOND);
	is_int(value(SSE_METRIC_SLOW_CLOSES), 0, "one that does not read is given time");
	tick_at(now + 12 * ES_SECOND);
	is_int(value(SSE_METRIC_SLOW_CLOSES), 1, "but not more than 10 s");
	is_int(value(SSE_METRIC_SUBSCRIBERS), 1, "then it is closed, and the others are not");
	tell_events("main", 801, 801);
	is_string(received(good), "801", "they go on");
	close(slow);
	close(good);
	tear_down();
}

static void
test_leaving(void)
{
	set_up();
	const int64_t now = es_clock_monotonic();
	const int client = join("main", SSE_LIVE_ONLY);
	next_order();
	tell_filled("main", 0, 0, 0, 0, false);
	tick_at(now);
	is_int(value(SSE_METRIC_STREAMS), 1, "a stream with a subscriber has a ring");
	close(client);
	tell_events("main", 1, 1);
	is_int(value(SSE_METRIC_SUBSCRIBERS), 0, "whoever has left is noticed when something is written");
	tick_at(now + 30 * ES_SECOND);
	is_int(value(SSE_METRIC_STREAMS), 1, "its ring waits for it");
	const int again = join("main", 0);
	is_string(received(again), "s 1 h1", "and serves it when it is back");
	is_string(next_order(), "", "without a query");
	close(again);
	tell_events("main", 2, 2);
	tick_at(now + 120 * ES_SECOND);
	tick_at(now + 120 * ES_SECOND);
	is_int(value(SSE_METRIC_STREAMS), 0, "but not for ever");
	is_int(value(SSE_METRIC_RING_BYTES), 0, "its memory is freed");
	is_string(next_order(), "forget main", "and the log's reader told");
	tear_down();
}

static void
test_unreadable_and_gap(void)
{
	set_up();
	const int waiting = join("broken", 0);
	next_order();
	tell(SSE_NEWS_UNREADABLE, "broken");
	received(waiting);
	ok(closed(waiting), "where a stream cannot be read, its subscribers come back later");
	const int again = join("broken", 0);
	is_string(next_order(), "fill broken 0 0", "and it is tried again");
	tell_filled("broken", 1, 1, 1, 0, false);
	is_string(received(again), "s 1 h1", "until it works");
	tell_events("broken", 3, 3);
	ok(closed(again), "a gap is never sent: its subscribers resume by id");
	const int resumed = join("broken", 1);
	is_string(next_order(), "fill broken 1 0", "from a ring that is filled anew");
	tell_filled("broken", 3, 3, 2, 0, false);
	is_string(received(resumed), "s 2 3 h3", "without the gap");
	close(waiting);
	close(again);
	close(resumed);
	tear_down();
}

static void
test_ending(void)
{
	int clients[30];

	set_up();
	for (int i = 0; i < 30; i++)
		clients[i] = join("main", SSE_LIVE_ONLY);
	tell_filled("main", 1, 0, 0, 0, false);
	is_int(sse_hub_end(hub, 0), 30, "thirty are left");
	is_int(sse_hub_end(hub, 10), 20, "ten are ended");
	int ended = 0;
	for (int i = 0; i < 30; i++)
		ended += strcmp(received(clients[i]), "s h1 e") == 0;
	is_int(ended, 10, "in good order");
	tell_events("main", 2, 2);
	is_string(received(clients[29]), "2", "the others still live");
	is_int(sse_hub_end(hub, 100), 0, "until all are ended");
	for (int i = 0; i < 30; i++)
		close(clients[i]);
	tear_down();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_first_and_later();
	test_further_back();
	test_resets();
	test_another_log();
	test_overtaken_fill();
	test_time();
	test_slow();
	test_leaving();
	test_unreadable_and_gap();
	test_ending();
	return done_testing();
}
