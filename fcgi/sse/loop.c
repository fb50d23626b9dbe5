#include "sse/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "event/clock.h"
#include "sse/hub.h"

enum {
	EVENTS_MAX = 256,    /* taken from epoll at once */
	DRAIN_STEPS = 100,   /* in which all streams are ended */
	DRAIN_AT_LEAST = 10, /* streams in one step: a few are ended soon */
};

#define DRAIN_PAUSE (50 * ES_MILLISECOND) /* between two steps: 5 s in all, of the 10 s a process may take to exit */

struct arrival {
	struct sse_letter letter;
	int fd;
	int64_t version;
	char name[SSE_NAME_MAX + 1];
};

struct sse_loop {
	struct sse_loop_options options;
	struct sse_mailbox *arrivals; /* closed: the loop is to end */
	struct sse_hub *hub;
	int poller;
	pthread_t thread;
};

static void
free_arrival(struct sse_letter *letter)
{
	struct arrival *arrival = (struct arrival *)letter;

	close(arrival->fd);
	free(arrival);
}

static void
let_in(struct sse_loop *loop)
{
	struct sse_letter *letter = sse_mailbox_take(loop->arrivals);

	while (letter != NULL) {
		struct arrival *arrival = (struct arrival *)letter;
		letter = letter->next;
		sse_hub_join(loop->hub, arrival->fd, arrival->name, arrival->version);
		free(arrival);
	}
}

/* One round: what the sockets say, then news and newcomers, which may close any subscriber. */
static void
go_round(struct sse_loop *loop, int64_t wake)
{
	struct epoll_event events[EVENTS_MAX];
	const int count = epoll_wait(loop->poller, events, EVENTS_MAX, es_clock_poll_timeout(wake));

	sse_hub_set_time(loop->hub, es_clock_monotonic());
	for (int i = 0; i < count; i++) {
		struct sse_subscriber *subscriber = events[i].data.ptr;
		if (events[i].data.ptr == loop->options.news || events[i].data.ptr == loop->arrivals)
			continue;
		/* a client has nothing to say: whatever can be read is its end */
		if ((events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
			sse_hub_close(loop->hub, subscriber);
		else
			sse_hub_write(loop->hub, subscriber);
	}
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == loop->options.news)
			sse_hub_hear(loop->hub, sse_mailbox_take(loop->options.news));
		else if (events[i].data.ptr == loop->arrivals)
			let_in(loop);
	}
}

static void *
run(void *argument)
{
	struct sse_loop *loop = argument;
	int64_t wake = 0;

	while (!sse_mailbox_closed(loop->arrivals)) {
		go_round(loop, wake);
		wake = sse_hub_tick(loop->hub);
	}
	(void)epoll_ctl(loop->poller, EPOLL_CTL_DEL, sse_mailbox_fd(loop->arrivals), NULL);
	let_in(loop);

	int64_t step_at = es_clock_monotonic();
	size_t left = sse_hub_end(loop->hub, 0);
	const size_t share = left / DRAIN_STEPS + 1;
	const size_t at_once = share > DRAIN_AT_LEAST ? share : DRAIN_AT_LEAST;
	while (left > 0) {
		const int64_t now = es_clock_monotonic();
		if (now >= step_at) {
			left = sse_hub_end(loop->hub, at_once);
			step_at = now + DRAIN_PAUSE;
		}
		wake = sse_hub_tick(loop->hub);
		go_round(loop, wake < step_at ? wake : step_at);
	}
	return NULL;
}

static enum es_result
watch(struct sse_loop *loop, struct sse_mailbox *mailbox, struct es_error *error)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = mailbox };

	if (epoll_ctl(loop->poller, EPOLL_CTL_ADD, sse_mailbox_fd(mailbox), &event) != 0)
		return es_fail(error, ES_FAILED, NULL, "cannot watch a mailbox: %s", strerror(errno));
	return ES_OK;
}

static void
free_loop(struct sse_loop *loop)
{
	sse_hub_free(loop->hub);
	sse_mailbox_free(loop->arrivals, free_arrival);
	if (loop->poller >= 0)
		close(loop->poller);
	free(loop);
}

static enum es_result
start(struct sse_loop *loop, struct es_error *error)
{
	enum es_result result = sse_mailbox_new(0, &loop->arrivals, error);

	if (result != ES_OK)
		return result;
	loop->poller = epoll_create1(EPOLL_CLOEXEC);
	if (loop->poller < 0)
		return es_fail(error, ES_FAILED, NULL, "cannot make an epoll: %s", strerror(errno));
	const struct sse_hub_options options = {
		.poller = loop->poller,
		.heartbeat = loop->options.heartbeat,
		.orders = loop->options.orders,
		.metrics = loop->options.metrics,
	};
	loop->hub = sse_hub_new(&options);
	if (loop->hub == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the hub");
	result = watch(loop, loop->arrivals, error);
	if (result == ES_OK)
		result = watch(loop, loop->options.news, error);
	if (result != ES_OK)
		return result;
	const int failed = pthread_create(&loop->thread, NULL, run, loop);
	if (failed != 0)
		return es_fail(error, ES_FAILED, NULL, "cannot start a thread: %s", strerror(failed));
	return ES_OK;
}

enum es_result
sse_loop_start(const struct sse_loop_options *options, struct sse_loop **ret_loop, struct es_error *error)
{
	struct sse_loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the loop");
	loop->options = *options;
	loop->poller = -1;
	const enum es_result result = start(loop, error);
	if (result != ES_OK) {
		free_loop(loop);
		return result;
	}
	*ret_loop = loop;
	return ES_OK;
}

void
sse_loop_subscribe(struct sse_loop *loop, int fd, const char *name, int64_t version)
{
	struct arrival *arrival = calloc(1, sizeof *arrival);

	if (arrival == NULL) {
		close(fd);
		return;
	}
	arrival->fd = fd;
	arrival->version = version;
	snprintf(arrival->name, sizeof arrival->name, "%s", name);
	if (!sse_mailbox_send(loop->arrivals, &arrival->letter))
		free_arrival(&arrival->letter);
}

void
sse_loop_stop(struct sse_loop *loop)
{
	if (loop == NULL)
		return;
	sse_mailbox_close(loop->arrivals);
	pthread_join(loop->thread, NULL);
	free_loop(loop);
}
