#include "hub-fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "sse/letters.h"
#include "tap.h"
#include "unframe.h"

struct sse_hub *fixture_hub;

static struct sse_metrics metrics;
static struct sse_mailbox *orders;
static int poller;

/* --- the tail's part --- */

const char *
fixture_next_order(void)
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

void
fixture_tell_log(const char *log)
{
	struct sse_news *news = make_news(SSE_NEWS_LOG, "");

	snprintf(news->log, sizeof news->log, "%s", log);
	sse_hub_hear(fixture_hub, &news->letter);
}

void
fixture_tell_events(const char *name, int64_t from, int64_t to)
{
	struct sse_news *news = make_news(SSE_NEWS_EVENTS, "");

	add_events(news, name, from, to);
	sse_hub_hear(fixture_hub, &news->letter);
}

void
fixture_tell_filled(const char *name, int64_t head, int64_t from, int64_t to, int64_t until, bool exhausted)
{
	struct sse_news *news = make_news(SSE_NEWS_FILLED, name);

	if (from != 0)
		add_events(news, name, from, to);
	news->head = head;
	news->horizon = 1;
	news->until = until;
	news->exhausted = exhausted;
	sse_hub_hear(fixture_hub, &news->letter);
}

void
fixture_tell(enum sse_news_kind kind, const char *name)
{
	sse_hub_hear(fixture_hub, &make_news(kind, name)->letter);
}

/* --- the client's part --- */

int
fixture_join(const char *name, int64_t version)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
		bail("no socket pair");
	sse_hub_join(fixture_hub, ends[0], name, version);
	return ends[1];
}

/* Does the loop's part for whoever reads again; false: nobody does. */
static bool
write_more(void)
{
	struct epoll_event event;

	if (epoll_wait(poller, &event, 1, 0) != 1 || (event.events & EPOLLOUT) == 0)
		return false;
	sse_hub_write(fixture_hub, event.data.ptr);
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

const char *
fixture_received(int client)
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

int64_t
fixture_value(enum sse_metric metric)
{
	return atomic_load(&metrics.values[metric]);
}

/* --- the hub --- */

void
fixture_start(void)
{
	struct es_error error = ES_ERROR_INIT;

	metrics = SSE_METRICS_INIT;
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0 || sse_mailbox_new(0, &orders, &error) != ES_OK)
		bail("no poller or mailbox");
	const struct sse_hub_options options = {
		.poller = poller,
		.heartbeat = FIXTURE_HEARTBEAT,
		.orders = orders,
		.metrics = &metrics,
	};
	fixture_hub = sse_hub_new(&options);
	if (fixture_hub == NULL)
		bail("no memory");
	fixture_tell_log("log");
}

void
fixture_stop(void)
{
	sse_hub_free(fixture_hub);
	while (fixture_next_order()[0] != '\0')
		;
	sse_mailbox_free(orders, sse_order_free);
	close(poller);
}
