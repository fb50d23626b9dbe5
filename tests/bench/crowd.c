#include "crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"

enum {
	REQUEST_SIZE = 512,
	WINDOW_SIZE = 256 * 1024,     /* bytes read at once */
	MEMBERS_OF_AN_ADDRESS = 4000, /* so that none runs out of ports, those that still wait included */
	RETRY_DEFAULT = 3000,         /* milliseconds, where the server never said */
};

#define CONNECT_TICK (5 * ES_MILLISECOND) /* between two looks at who is to come back */

bool
crowd_init(struct crowd *crowd, const struct crowd_options *options, size_t size)
{
	*crowd = (struct crowd){ .options = *options, .members = calloc(size, sizeof *crowd->members) };
	if (crowd->members == NULL)
		return false;
	crowd->size = crowd->away = size;
	for (size_t i = 0; i < size; i++) {
		crowd->members[i].crowd = crowd;
		crowd->members[i].fd = -1;
		crowd->members[i].version = -1;
	}
	return true;
}

void
crowd_done(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->size; i++)
		if (crowd->members[i].fd >= 0)
			close(crowd->members[i].fd);
	free(crowd->members);
	free(crowd->order);
	*crowd = (struct crowd){ 0 };
}

/* --- connections --- */

static void
lose(struct member *member)
{
	struct crowd *crowd = member->crowd;
	const int64_t retry = member->stream.retry < 0 ? RETRY_DEFAULT : member->stream.retry;

	if (member->is_connecting)
		crowd->pending--;
	if (member->is_live)
		crowd->live--;
	member->is_connecting = member->is_live = false;
	close(member->fd);
	member->fd = -1;
	member->wake = es_clock_monotonic() + retry * ES_MILLISECOND;
	crowd->away++;
	crowd->reconnects++;
}

static void
open_member(struct member *member, size_t index)
{
	struct crowd *crowd = member->crowd;
	const int64_t retry = member->stream.retry;
	const int one = 1;
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index / MEMBERS_OF_AN_ADDRESS)),
	};
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = member };

	member->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (member->fd < 0) {
		perror("subscribers: socket");
		exit(EXIT_FAILURE);
	}
	(void)setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	(void)bind(member->fd, (const struct sockaddr *)&from, sizeof from);
	member->stream = STREAM_INIT;
	member->stream.retry = retry;
	member->is_connecting = true;
	crowd->away--;
	crowd->pending++;
	const int outcome =
		connect(member->fd, (const struct sockaddr *)&crowd->options.address, sizeof crowd->options.address);
	if ((outcome != 0 && errno != EINPROGRESS) ||
	    epoll_ctl(crowd->options.poller, EPOLL_CTL_ADD, member->fd, &event) != 0)
		lose(member);
}

int64_t
crowd_connect(struct crowd *crowd, size_t most)
{
	const int64_t now = es_clock_monotonic();

	if (crowd->away == 0)
		return INT64_MAX;
	if (crowd->next_connect > now)
		return crowd->next_connect;
	for (size_t i = 0; i < crowd->size && crowd->pending < most; i++)
		if (crowd->members[i].fd < 0 && crowd->members[i].wake <= now)
			open_member(&crowd->members[i], i);
	crowd->next_connect = now + CONNECT_TICK;
	return crowd->next_connect;
}

/* Connected: sends the request, which is far smaller than a socket's buffer.  False: the connection failed. */
static bool
ask(struct member *member)
{
	char request[REQUEST_SIZE];
	char last[64] = "";
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = member };

	if (member->version >= 0 && member->crowd->options.is_dense)
		snprintf(last, sizeof last, "Last-Event-ID: %" PRId64 "\r\n", member->version);
	const int size = snprintf(request, sizeof request,
	                          "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%s\r\n",
	                          member->crowd->options.path, last);
	if (write(member->fd, request, (size_t)size) != size)
		return false;
	return epoll_ctl(member->crowd->options.poller, EPOLL_CTL_MOD, member->fd, &event) == 0;
}

/* --- what they see --- */

static void
accept_event(struct member *member)
{
	struct crowd *crowd = member->crowd;

	if (++member->accepted == crowd->target && ++crowd->reached == crowd->size)
		crowd->reached_at = es_clock_monotonic();
}

/* The rule of a page: the next version counts, older ones are ignored, anything else is a gap. */
static void
take_version(struct member *member, int64_t version)
{
	struct crowd *crowd = member->crowd;

	if (version < 0 || member->version < 0)
		crowd->faults.strange++;
	else if (version <= member->version)
		crowd->faults.doubled++;
	else if (version > member->version + 1)
		crowd->faults.missing += version - member->version - 1;
	if (version > member->version) {
		member->version = version;
		accept_event(member);
	}
}

static bool
add_to_order(struct crowd *crowd, int64_t mark)
{
	if (crowd->order_size == crowd->order_capacity) {
		const size_t capacity = crowd->order_capacity == 0 ? 1024 : 2 * crowd->order_capacity;
		int64_t *order = realloc(crowd->order, capacity * sizeof *order);
		if (order == NULL)
			return false;
		crowd->order = order;
		crowd->order_capacity = capacity;
	}
	crowd->order[crowd->order_size++] = mark;
	return true;
}

/* Where ids say nothing: each must see what the first one saw, in that order. */
static void
take_mark(struct member *member, int64_t mark)
{
	struct crowd *crowd = member->crowd;
	const size_t place = (size_t)member->accepted;

	if (mark < 0 || (place == crowd->order_size && !add_to_order(crowd, mark))) {
		crowd->faults.strange++;
	} else if (crowd->order[place] != mark) {
		bool is_old = false;
		for (size_t i = 0; i < place && !is_old; i++)
			is_old = crowd->order[i] == mark;
		if (is_old) {
			crowd->faults.doubled++;
			return;
		}
		crowd->faults.strange++;
	}
	accept_event(member);
}

static void
take_frame(void *taker, const struct stream_frame *frame)
{
	struct member *member = taker;
	struct crowd *crowd = member->crowd;

	if (frame->is_reset) {
		crowd->resets++;
		member->version = frame->id;
	} else if (frame->is_event && crowd->options.is_dense) {
		take_version(member, frame->id);
	} else if (frame->is_event) {
		take_mark(member, frame->mark);
	} else if (frame->is_head && member->version < 0) {
		member->version = frame->id;
	} else if (frame->is_head && frame->id > member->version) {
		crowd->faults.missing += frame->id - member->version; /* all up to the head was to come before it */
		member->version = frame->id;
	}
	/* a comment is all that a server says which does not know our heads */
	if (!member->is_live && (frame->is_head || (frame->is_comment && !crowd->options.is_dense))) {
		member->is_live = true;
		crowd->live++;
	}
}

void
crowd_ready(struct member *member, uint32_t events)
{
	static char window[WINDOW_SIZE];

	if (member->is_connecting) {
		if ((events & (EPOLLERR | EPOLLHUP)) != 0 || !ask(member)) {
			lose(member);
			return;
		}
		member->is_connecting = false;
		member->crowd->pending--;
		return;
	}
	const ssize_t got = read(member->fd, window, sizeof window);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0 && stream_read(&member->stream, window, (size_t)got, take_frame, member))
		return;
	if (got > 0 && member->stream.part == STREAM_STATUS)
		member->crowd->refused++;
	lose(member);
}

/* --- what is waited for --- */

void
crowd_expect(struct crowd *crowd, int64_t events)
{
	crowd->target = crowd->size == 0 ? events : crowd->members[0].accepted + events;
	crowd->reached = 0;
}

bool
crowd_has(const struct crowd *crowd, int64_t version)
{
	if (crowd->live < crowd->size)
		return false;
	for (size_t i = 0; i < crowd->size; i++)
		if (crowd->members[i].version < version)
			return false;
	return true;
}
