#include "http/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "http/number.h"

enum {
	KEPT_CAPACITY = 16384, /* bytes: a larger buffer is freed after its request, so idle connections stay small */
	FRAMING_FACTOR = 2,    /* records and their padding at most double what they carry; nginx adds 0.1 percent */
	WINDOWS_PER_TURN = 16, /* at most 1 MiB of one large request before other connections get their turn */
};

void
http_connection_init(struct http_connection *connection, int fd, const struct http_owner *owner,
                     struct http_tally *tally)
{
	memset(connection, 0, sizeof *connection);
	connection->fd = fd;
	connection->owner = owner;
	connection->tally = tally;
	connection->collected = ES_TEXT_INIT;
	struct http_request *request = &connection->request;
	request->connection = connection;
	request->headers = ES_TEXT_INIT;
	request->reply = ES_TEXT_INIT;
	request->head = ES_TEXT_INIT;
	request->frame = ES_TEXT_INIT;
	http_connection_reset(connection);
}

static void
empty_text(struct es_text *text)
{
	if (text->capacity > KEPT_CAPACITY)
		es_text_done(text);
	else
		es_text_clear(text);
}

void
http_connection_reset(struct http_connection *connection)
{
	struct http_request *request = &connection->request;

	if (request->is_decoded)
		FCGX_Free(&request->fastcgi, /* close= */ 0);
	request->is_decoded = false;
	request->is_too_large = false;
	request->method = "";
	request->path = "";
	request->match.route = NULL;
	request->match.count = 0;
	request->query.count = 0;
	if (request->body_capacity > KEPT_CAPACITY) {
		free(request->body);
		request->body = NULL;
		request->body_capacity = 0;
	}
	request->body_size = 0;
	request->status = 200;
	request->has_type = false;
	request->is_broken = false;
	empty_text(&request->headers);
	empty_text(&request->reply);
	empty_text(&request->head);
	empty_text(&request->frame);
	request->sent = 0;
	memset(&connection->scan, 0, sizeof connection->scan);
	empty_text(&connection->collected);
}

void
http_connection_done(struct http_connection *connection)
{
	struct http_request *request = &connection->request;

	http_connection_reset(connection);
	free(request->body);
	free(request->store);
	es_text_done(&request->headers);
	es_text_done(&request->reply);
	es_text_done(&request->head);
	es_text_done(&request->frame);
	es_text_done(&connection->collected);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

bool
http_connection_has_begun(const struct http_connection *connection)
{
	return connection->scan.id != 0 || connection->scan.header_size != 0;
}

/* Reads the body, whose size the scan knows, and the end of STDIN behind it. */
static bool
read_body(struct http_request *request, size_t size)
{
	FCGX_Stream *in = request->fastcgi.in;

	if (size > request->body_capacity) {
		char *body = realloc(request->body, size);
		if (body == NULL)
			return false;
		request->body = body;
		request->body_capacity = size;
	}
	if (size > 0 && FCGX_GetStr(request->body, (int)size, in) != (int)size)
		return false;
	request->body_size = size;
	return FCGX_GetChar(in) == EOF && FCGX_GetError(in) == 0;
}

/* Whether the web server announced the body that came.  A cut-off body has its end missing, not its announcement. */
static bool
body_is_as_announced(const struct http_request *request, uint64_t size)
{
	const char *announced = FCGX_GetParam("CONTENT_LENGTH", request->fastcgi.envp);
	int64_t length = 0;

	if (announced != NULL && *announced != '\0' && !http_parse_int64(announced, 0, INT64_MAX, &length))
		return false;
	return (uint64_t)length == size;
}

/*
 * Lets libfcgi decode the request that fd is about to give, all of it.  False: libfcgi could not (and may have closed
 * fd), or the request is not as it should be.
 */
static bool
decode(struct http_connection *connection, int fd, size_t body_max)
{
	struct http_request *request = &connection->request;
	const uint64_t size = connection->scan.stdin_size;

	/* Without a listening socket, with a connection already there, FCGX_Accept_r reads and never accepts. */
	FCGX_InitRequest(&request->fastcgi, /* listen_sock= */ -1, /* flags= */ 0);
	request->fastcgi.ipcFd = fd;
	request->fastcgi.keepConnection = 1; /* else its first step would close fd */
	request->fastcgi.detached = 1;       /* else closing waits up to 2 s for the peer */
	const int outcome = FCGX_Accept_r(&request->fastcgi);
	if (outcome != 0)
		return false;
	request->is_decoded = true;
	connection->keep = request->fastcgi.keepConnection != 0;
	if (FCGX_GetError(request->fastcgi.in) != 0 || !body_is_as_announced(request, size))
		return false;
	request->is_too_large = size > body_max;
	/* A body over the limit was not collected; one that still lies in the socket has to be taken off it. */
	if (request->is_too_large && fd != connection->fd)
		return true;
	return read_body(request, (size_t)size);
}

/* Decodes from the socket itself, where the whole request waits. */
static bool
decode_socket(struct http_connection *connection, size_t body_max)
{
	if (decode(connection, connection->fd, body_max))
		return true;
	if (!connection->request.is_decoded)
		connection->fd = -1; /* libfcgi closed it */
	return false;
}

/* Decodes what was collected, by way of a file in memory: libfcgi reads from descriptors only. */
static bool
decode_collected(struct http_connection *connection, size_t body_max)
{
	const struct es_text *collected = &connection->collected;
	size_t written = 0;

	if (es_text_failed(collected))
		return false;
	const int file = memfd_create("request", MFD_CLOEXEC);
	if (file < 0)
		return false;
	while (written < collected->size) {
		const ssize_t step = write(file, collected->bytes + written, collected->size - written);
		if (step <= 0)
			break;
		written += (size_t)step;
	}
	const bool is_ready = written == collected->size && lseek(file, 0, SEEK_SET) == 0;
	const bool is_decoded = is_ready && decode(connection, file, body_max);
	if (!is_ready || connection->request.is_decoded)
		close(file); /* else libfcgi closed it */
	connection->request.fastcgi.ipcFd = -1;
	return is_decoded;
}

/* Moves size bytes, which were looked at in window, from the socket to collected, or nowhere. */
static bool
collect(struct http_connection *connection, char *window, size_t size, bool is_wanted)
{
	if (recv(connection->fd, window, size, MSG_DONTWAIT) != (ssize_t)size)
		return false;
	if (is_wanted)
		es_text_add(&connection->collected, window, size);
	return true;
}

enum http_intake
http_connection_read(struct http_connection *connection, char *window, size_t body_max)
{
	for (int turn = 0; turn < WINDOWS_PER_TURN; turn++) {
		const ssize_t there = recv(connection->fd, window, HTTP_WINDOW_SIZE, MSG_PEEK | MSG_DONTWAIT);
		if (there < 0 && (errno == EAGAIN || errno == EINTR))
			return HTTP_INTAKE_MORE;
		if (there <= 0)
			return HTTP_INTAKE_CLOSED;

		const bool has_begun = http_connection_has_begun(connection);
		/* A body over the limit is dropped as it comes; the parameters, which came before it, are kept. */
		const bool is_wanted = connection->scan.stdin_size <= body_max;
		size_t taken = 0;
		const enum http_scan_state state = http_scan_take(&connection->scan, window, (size_t)there, &taken);
		if (state == HTTP_SCAN_REFUSED)
			return HTTP_INTAKE_CLOSED;
		if (state == HTTP_SCAN_WHOLE)
			connection->request.started = es_clock_monotonic();
		/* libfcgi reads on greedily: what comes behind this request must not be there. */
		if (state == HTTP_SCAN_WHOLE && !has_begun && taken == (size_t)there)
			return decode_socket(connection, body_max) ? HTTP_INTAKE_WHOLE : HTTP_INTAKE_CLOSED;
		if (!collect(connection, window, taken, is_wanted) ||
		    connection->collected.size > FRAMING_FACTOR * (HTTP_PARAMS_SIZE_MAX + body_max))
			return HTTP_INTAKE_CLOSED;
		if (state == HTTP_SCAN_WHOLE)
			return decode_collected(connection, body_max) ? HTTP_INTAKE_WHOLE : HTTP_INTAKE_CLOSED;
	}
	return HTTP_INTAKE_MORE;
}

enum http_output
http_connection_write(struct http_connection *connection)
{
	struct http_request *request = &connection->request;
	const struct es_text *frame = &request->frame;

	if (es_text_failed(frame))
		return HTTP_OUTPUT_CLOSED;
	while (request->sent < frame->size) {
		const ssize_t step = send(connection->fd, frame->bytes + request->sent, frame->size - request->sent,
		                          MSG_NOSIGNAL | MSG_DONTWAIT);
		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0 && errno == EAGAIN)
			return HTTP_OUTPUT_MORE;
		if (step < 0)
			return HTTP_OUTPUT_CLOSED;
		request->sent += (size_t)step;
	}
	return HTTP_OUTPUT_DONE;
}
