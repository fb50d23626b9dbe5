#include "publisher.h"

#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"

static bool
open_connection(struct publisher_connection *connection)
{
	const struct publisher *publisher = connection->publisher;
	const int one = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return false;
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return connect(connection->fd, (const struct sockaddr *)&publisher->address, sizeof publisher->address) == 0 &&
	       epoll_ctl(publisher->poller, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

/* A request is far smaller than a socket's buffer: it is taken at once. */
static bool
post(struct publisher_connection *connection)
{
	struct publisher *publisher = connection->publisher;
	char body[PUBLISHER_REQUEST_SIZE / 2];
	char request[PUBLISHER_REQUEST_SIZE];

	const char *place = strchr(publisher->body, '#');
	const int before = place == NULL ? (int)strlen(publisher->body) : (int)(place - publisher->body);
	const int body_size = snprintf(body, sizeof body, "%.*s#%08" PRId64 "#%s", before, publisher->body,
	                               publisher->next_mark++, place == NULL ? "" : place + 1);
	const int size = snprintf(request, sizeof request,
	                          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	                          "Content-Length: %d\r\n\r\n%s",
	                          publisher->path, body_size, body);
	connection->answer_size = 0;
	return body_size < (int)sizeof body && size < (int)sizeof request &&
	       write(connection->fd, request, (size_t)size) == size;
}

bool
publisher_start(struct publisher *publisher, int64_t posts, int connections)
{
	publisher->last_mark = publisher->next_mark + posts - 1;
	publisher->answered = 0;
	for (int i = 0; i < connections && publisher->next_mark <= publisher->last_mark; i++) {
		struct publisher_connection *connection = &publisher->connections[i];
		connection->publisher = publisher;
		if (connection->fd == 0 && !open_connection(connection))
			return false;
		if (!post(connection))
			return false;
	}
	return true;
}

/* Whether the answer is here to its last byte. */
static bool
is_whole(const struct publisher_connection *connection)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";
	const char *answer = connection->answer;
	const char *end = strstr(answer, "\r\n\r\n");
	const char *length = strcasestr(answer, "\r\nContent-Length:");

	if (end == NULL)
		return false;
	if (length != NULL && length < end)
		return strlen(end + 4) >= strtoull(length + 17, NULL, 10);
	const size_t size = connection->answer_size;
	return size >= sizeof last_chunk - 1 && strcmp(answer + size - (sizeof last_chunk - 1), last_chunk) == 0;
}

bool
publisher_readable(struct publisher_connection *connection)
{
	struct publisher *publisher = connection->publisher;
	const size_t room = sizeof connection->answer - 1 - connection->answer_size;
	const ssize_t got = read(connection->fd, connection->answer + connection->answer_size, room);

	if (got <= 0)
		return false;
	connection->answer_size += (size_t)got;
	connection->answer[connection->answer_size] = '\0';
	if (!is_whole(connection))
		return true;
	if (strncmp(connection->answer, "HTTP/1.1 20", 11) != 0)
		return false;
	publisher->answered++;
	publisher->answered_at = es_clock_monotonic();
	return publisher->next_mark > publisher->last_mark || post(connection);
}
