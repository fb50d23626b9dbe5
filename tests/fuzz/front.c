/*
 * tests/fuzz/front.c - FastCGI bytes from the web server, up to the handler and back.
 *
 * The first byte of an input says in what pieces the rest arrives.  The server may close, or answer with whole
 * records; it must not read beyond, hang, or hand a handler a body that differs from CONTENT_LENGTH.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connection.h"
#include "http/dispatch.h"
#include "http/json.h"
#include "http/request.h"
#include "http/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BODY_MAX = 1024, /* bytes: small, so that the limit is met often */
};

static void
answer(struct http_request *request, void *application, void *local)
{
	struct es_error error = ES_ERROR_INIT;
	size_t size;
	const char *body = http_request_body(request, &size);
	const char *length = http_request_variable(request, "CONTENT_LENGTH");
	const char *query = http_request_parameter(request, "q");

	(void)application;
	(void)local;
	if (size > BODY_MAX || strtoull(length == NULL ? "0" : length, NULL, 10) != size)
		abort();
	(void)http_request_has_tag(request, "\"1-log\"");
	es_text_add_json(http_reply_body(request), http_request_argument(request, "name"));
	if (query != NULL)
		es_text_add_json(http_reply_body(request), query);
	const enum es_result result = http_json_check(body, size, &error);
	if (size > 0 && result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	es_text_add(http_reply_body(request), body, size);
	http_reply_send(request);
}

static const struct http_route routes[] = {
	{ "/a/{name}", "a", "q limit", answer, answer },
	{ 0 },
};

/* Answers must be whole records of version 1 that end with END_REQUEST. */
static void
check_reply(const struct http_request *request)
{
	const unsigned char *bytes = (const unsigned char *)request->frame.bytes;
	size_t at = 0;
	int last = 0;

	while (request->frame.size - at >= HTTP_RECORD_HEADER_SIZE) {
		if (bytes[at] != 1)
			abort();
		last = bytes[at + 1];
		at += HTTP_RECORD_HEADER_SIZE + ((size_t)bytes[at + 4] << 8 | bytes[at + 5]) + bytes[at + 6];
		if (at > request->frame.size)
			abort();
	}
	if (at != request->frame.size || last != 3)
		abort();
}

static int replies;

static void
replied(struct http_connection *connection)
{
	check_reply(&connection->request);
	replies++;
}

static const struct http_owner owner = { .replied = replied };

/* Takes all requests that are there; false once the connection is to be closed. */
static bool
serve(struct http_connection *connection, int peer)
{
	static const struct http_options options = { .routes = routes, .body_max = BODY_MAX };
	static char window[HTTP_WINDOW_SIZE];
	static char sink[HTTP_WINDOW_SIZE];

	for (;;) {
		switch (http_connection_read(connection, window, BODY_MAX)) {
		case HTTP_INTAKE_MORE:
			return true;
		case HTTP_INTAKE_CLOSED:
			return false;
		case HTTP_INTAKE_WHOLE:
			break;
		}
		const int before = replies;
		http_dispatch(&connection->request, &options, NULL);
		if (replies != before + 1)
			abort();
		while (http_connection_write(connection) == HTTP_OUTPUT_MORE)
			if (read(peer, sink, sizeof sink) <= 0)
				abort();
		while (recv(peer, sink, sizeof sink, MSG_DONTWAIT) > 0)
			continue;
		if (!connection->keep)
			return false;
		http_connection_reset(connection);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_tally *tally;
	struct http_connection connection;
	int ends[2];

	if (tally == NULL) {
		FCGX_Init();
		tally = http_tally_new(routes);
	}
	if (size == 0 || tally == NULL)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		abort();
	http_connection_init(&connection, ends[0], &owner, tally);
	const size_t piece = data[0] == 0 ? size : data[0];
	bool is_open = true;
	for (size_t at = 1; is_open && at < size; at += piece) {
		const size_t step = piece < size - at ? piece : size - at;
		is_open = send(ends[1], data + at, step, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)step &&
		          serve(&connection, ends[1]);
	}
	close(ends[1]);
	while (is_open)
		is_open = serve(&connection, ends[1]);
	http_connection_done(&connection);
	return 0;
}
