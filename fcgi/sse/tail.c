#include "sse/tail.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/clock.h"
#include "event/database.h"
#include "http/log.h"
#include "sse/letters.h"
#include "sse/source.h"
#include "sse/watched.h"

#define POLL_TIME (1 * ES_SECOND)    /* a lost notification costs no more than this */
#define CONNECT_TIME (5 * ES_SECOND) /* to open a connection */
#define QUERY_TIME (10 * ES_SECOND)  /* of one statement; a healthy one takes milliseconds */
#define FILL_TIME (4 * ES_SECOND)    /* of a fill, which nobody else is to wait for any longer */

enum {
	STOP_SECONDS = 3, /* for the thread to end; the process has 10 s in all */
};

struct sse_tail {
	struct sse_tail_options options;
	struct sse_source source;
	struct sse_watched watched;
	struct sse_letter *orders; /* not yet answered, oldest first */
	bool away;                 /* the database, and it was logged */
	int64_t reconnects;        /* when last looked at; -1: never connected */
	bool fresh;                /* the connection is new: it announces only what comes from now on */
	int64_t suspected;         /* events found before their notification, which may still come */
	int64_t last_look;         /* monotonic */
	pthread_t thread;
};

/* False: the mailbox is closed, and with it all this comes to its end. */
static bool
send_news(const struct sse_tail *tail, struct sse_news *news)
{
	if (sse_mailbox_send(tail->options.news, &news->letter))
		return true;
	sse_news_free(&news->letter);
	return false;
}

/* News without events.  Without memory they are not sent: whoever waits goes on waiting, and is kept alive. */
static void
send_short_news(const struct sse_tail *tail, enum sse_news_kind kind, const char *name)
{
	struct sse_news *news = sse_news_new(kind, name);

	if (news != NULL)
		send_news(tail, news);
}

/* The new orders go behind those that still wait.  What is watched changes at once, before the next look. */
static void
take_orders(struct sse_tail *tail)
{
	struct sse_letter **last = &tail->orders;
	struct sse_letter *next;

	while (*last != NULL)
		last = &(*last)->next;
	for (struct sse_letter *letter = sse_mailbox_take(tail->options.orders); letter != NULL; letter = next) {
		struct sse_order *order = (struct sse_order *)letter;
		next = letter->next;
		letter->next = NULL;
		if (order->kind == SSE_ORDER_FORGET) {
			sse_watched_remove(&tail->watched, order->name);
			sse_order_free(letter);
			continue;
		}
		if (order->kind == SSE_ORDER_FILL)
			sse_watched_add(&tail->watched, order->name);
		*last = letter;
		last = &letter->next;
	}
}

/* *ret_any: whether any notification came.  A connection that was lost meanwhile is noticed here. */
static enum es_result
take_notifications(struct sse_tail *tail, bool *ret_any, struct es_error *error)
{
	PGconn *connection = es_database_connection(tail->source.database);
	PGnotify *notification;

	*ret_any = false;
	if (connection == NULL)
		return ES_OK;
	if (!PQconsumeInput(connection)) {
		const char *reason = PQerrorMessage(connection);
		es_fail(error, ES_UNAVAILABLE, NULL, "%.*s", (int)strcspn(reason, "\n"), reason);
		es_database_close(tail->source.database, true);
		return ES_UNAVAILABLE;
	}
	while ((notification = PQnotifies(connection)) != NULL) {
		PQfreemem(notification);
		*ret_any = true;
	}
	return ES_OK;
}

/*
 * An event may be seen a moment before its notification arrives.  So what is found unannounced is only suspected, and
 * counted as missed if the next second brings no notification either.
 */
static void
judge(struct sse_tail *tail, bool announced, int64_t found)
{
	if (announced) {
		tail->suspected = 0;
		return;
	}
	sse_metrics_add(tail->options.metrics, SSE_METRIC_MISSED_NOTIFICATIONS, tail->suspected);
	tail->suspected = found;
}

/* Reads everything that is new.  *ret_found: how many events, watched or not. */
static enum es_result
look(struct sse_tail *tail, int64_t *ret_found, struct es_error *error)
{
	bool more = true;

	*ret_found = 0;
	while (more && !sse_mailbox_closed(tail->options.orders)) {
		struct sse_news *news = NULL;
		const int64_t before = tail->source.position;
		const bool started = tail->source.started;
		const enum es_result read = sse_source_follow(&tail->source, sse_watched_array(&tail->watched),
		                                              es_clock_monotonic() + QUERY_TIME, &news, &more, error);
		if (read != ES_OK)
			return read;
		if (news->kind == SSE_NEWS_LOG) {
			*ret_found = 0;
			if (started) {
				http_log("warning", "the log is another one now", "log=%s", tail->source.log);
				sse_metrics_add(tail->options.metrics, SSE_METRIC_RESTORES, 1);
			}
		} else {
			*ret_found += tail->source.position - before;
		}
		if (news->kind == SSE_NEWS_EVENTS && news->count == 0)
			sse_news_free(&news->letter);
		else if (!send_news(tail, news))
			return ES_OK;
	}
	return ES_OK;
}

/* Answers the oldest orders; those that could not be answered for want of the database stay. */
static enum es_result
answer_orders(struct sse_tail *tail, struct es_error *error)
{
	while (tail->orders != NULL) {
		struct sse_order *order = (struct sse_order *)tail->orders;
		struct sse_news *news = NULL;
		if (order->kind == SSE_ORDER_FILL) {
			const int64_t deadline = es_clock_monotonic() + FILL_TIME;
			const enum es_result filled = sse_source_fill(&tail->source, order, deadline, &news, error);
			if (filled == ES_UNAVAILABLE) {
				order->failures += es_clock_monotonic() >= deadline ? 1 : 0;
				return filled;
			}
			if (filled == ES_OK) {
				send_news(tail, news);
			} else {
				char quoted[HTTP_LOG_QUOTE_SIZE];
				http_log("error", "cannot read a stream", "stream=%s reason=%s", order->name,
				         http_log_quote(es_error_reason(error), quoted));
				send_short_news(tail, SSE_NEWS_UNREADABLE, order->name);
			}
		} else {
			/* the look just before saw everything that was there when the order was sent */
			send_short_news(tail, SSE_NEWS_LOOKED, order->name);
		}
		struct sse_letter *answered = tail->orders;
		tail->orders = answered->next;
		sse_order_free(answered);
	}
	return ES_OK;
}

/* libpq would print what the server has to say, and the log has lines of one form only. */
static void
ignore_notice(void *nothing, const char *message)
{
	(void)nothing;
	(void)message;
}

static enum es_result
connect_to_database(struct sse_tail *tail, struct es_error *error)
{
	struct es_database *database = tail->source.database;
	const enum es_result result = es_database_connect(database, es_clock_monotonic() + CONNECT_TIME, error);

	if (result == ES_OK && es_database_reconnects(database) != tail->reconnects) {
		(void)PQsetNoticeProcessor(es_database_connection(database), ignore_notice, NULL);
		tail->fresh = true;
		tail->reconnects = es_database_reconnects(database);
		sse_metrics_set(tail->options.metrics, SSE_METRIC_RECONNECTS, tail->reconnects);
	}
	return result;
}

static void
note_state(struct sse_tail *tail, enum es_result result, const struct es_error *error)
{
	const bool away = result != ES_OK;
	char quoted[HTTP_LOG_QUOTE_SIZE];

	sse_metrics_set(tail->options.metrics, SSE_METRIC_CONNECTED, away ? 0 : 1);
	if (away && !tail->away)
		http_log("error", "the log cannot be read", "reason=%s",
		         http_log_quote(es_error_reason(error), quoted));
	if (!away && tail->away)
		http_log("info", "the log can be read again", "log=%s", tail->source.log);
	tail->away = away;
}

/* One round: whatever is new, then whatever was asked.  *ret_again: more was announced meanwhile. */
static enum es_result
go_round(struct sse_tail *tail, bool *ret_again, struct es_error *error)
{
	bool announced;
	int64_t found = 0;
	enum es_result result = take_notifications(tail, &announced, error);

	*ret_again = false;
	if (result == ES_OK)
		result = connect_to_database(tail, error);
	if (result != ES_OK)
		return result;
	take_orders(tail);
	result = look(tail, &found, error);
	tail->last_look = es_clock_monotonic();
	if (result == ES_OK)
		result = answer_orders(tail, error);
	if (result == ES_FAILED)
		es_database_close(tail->source.database, true); /* whatever it is, not again at once */
	if (result == ES_OK)
		result = take_notifications(tail, ret_again, error);
	if (result != ES_OK)
		return result;
	judge(tail, announced || *ret_again || tail->fresh, found);
	tail->fresh = false;
	return ES_OK;
}

/*
 * Sleeps until a notification, an order, or time.  While nobody watches, notifications are left for the next second:
 * hundreds of looks at a busy log would be for nobody.
 */
static void
wait_for_more(const struct sse_tail *tail)
{
	PGconn *connection = es_database_connection(tail->source.database);
	const bool is_heard = connection != NULL && !sse_watched_nothing(&tail->watched);
	const int64_t wake =
		connection != NULL ? tail->last_look + POLL_TIME : es_database_next_attempt(tail->source.database);
	struct pollfd waiting[] = {
		{ .fd = sse_mailbox_fd(tail->options.orders), .events = POLLIN },
		{ .fd = is_heard ? PQsocket(connection) : -1, .events = POLLIN },
	};

	while (poll(waiting, 2, es_clock_poll_timeout(wake)) < 0 && errno == EINTR)
		;
}

static void *
run(void *argument)
{
	struct sse_tail *tail = argument;

	while (!sse_mailbox_closed(tail->options.orders)) {
		struct es_error error = ES_ERROR_INIT;
		bool again = false;
		const enum es_result result = go_round(tail, &again, &error);
		note_state(tail, result, &error);
		if (!again || sse_watched_nothing(&tail->watched))
			wait_for_more(tail);
		/* while the database is away orders must not keep waking this thread: they are put aside */
		if (result != ES_OK)
			take_orders(tail);
	}
	return NULL;
}

enum es_result
sse_tail_start(const struct sse_tail_options *options, struct sse_tail **ret_tail, struct es_error *error)
{
	struct sse_tail *tail = calloc(1, sizeof *tail);

	if (tail == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the tail");
	tail->options = *options;
	tail->watched = SSE_WATCHED_INIT;
	tail->reconnects = -1;
	enum es_result result = sse_source_init(&tail->source, options->conninfo, error);
	if (result == ES_OK) {
		const int failed = pthread_create(&tail->thread, NULL, run, tail);
		if (failed != 0)
			result = es_fail(error, ES_FAILED, NULL, "cannot start a thread (error %d)", failed);
	}
	if (result != ES_OK) {
		sse_source_done(&tail->source);
		free(tail);
		return result;
	}
	*ret_tail = tail;
	return ES_OK;
}

bool
sse_tail_stop(struct sse_tail *tail)
{
	struct timespec until;

	if (tail == NULL)
		return true;
	sse_mailbox_close(tail->options.orders);
	sse_mailbox_close(tail->options.news);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	if (pthread_timedjoin_np(tail->thread, NULL, &until) != 0)
		return false;
	while (tail->orders != NULL) {
		struct sse_letter *next = tail->orders->next;
		sse_order_free(tail->orders);
		tail->orders = next;
	}
	sse_watched_done(&tail->watched);
	sse_source_done(&tail->source);
	free(tail);
	return true;
}
