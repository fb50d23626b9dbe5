/* The server from outside, over its socket: what it answers. */
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "fastcgi-client.h"
#include "http/number.h"
#include "http/request.h"
#include "server-fixture.h"
#include "tap.h"

#define LONG_PATIENCE (20 * ES_SECOND) /* where a slow machine must not look like a slow peer */

static struct fixture fixture;

/* --- answers --- */

static void
test_answers(void)
{
	static const struct {
		const char *what, *method, *uri, *headers[4];
		int status;
		const char *body; /* NULL: not looked at */
	} cases[] = {
		{ "GET", "GET", "/echo/a", { NULL }, 200, "a|(none)|(nobody)|" },
		{ "a query", "GET", "/echo/a?q=%C3%A9+b", { NULL }, 200, "a|\xc3\xa9 b|(nobody)|" },
		{ "an empty query", "GET", "/echo/a?", { NULL }, 200, "a|(none)|(nobody)|" },
		{ "a question mark in a query", "GET", "/echo/a?q=?", { NULL }, 200, "a|?|(nobody)|" },
		{ "a variable", "GET", "/echo/a", { "EVENTLEDGER_ACTOR=anna" }, 200, "a|(none)|anna|" },
		{ "an empty variable", "GET", "/echo/a", { "EVENTLEDGER_ACTOR=" }, 200, "a|(none)|(nobody)|" },
		{ "HEAD", "HEAD", "/echo/a", { NULL }, 200, "" },
		{ "If-None-Match", "GET", "/echo/a", { "HTTP_IF_NONE_MATCH=W/\"1-log\"" }, 304, "" },
		{ "another If-None-Match", "GET", "/echo/a", { "HTTP_IF_NONE_MATCH=\"2-log\"" }, 200, NULL },
		{ "OPTIONS", "OPTIONS", "/echo/a", { NULL }, 204, "" },
		{ "DELETE", "DELETE", "/echo/a", { NULL }, 405, NULL },
		{ "an invented method", "BREW", "/echo/a", { NULL }, 405, NULL },
		{ "GET of a route to post", "GET", "/keep", { NULL }, 405, NULL },
		{ "an unknown path", "GET", "/nothing", { NULL }, 404, NULL },
		{ "OPTIONS of an unknown path", "OPTIONS", "*", { NULL }, 404, NULL },
		{ "a slash in the end", "GET", "/echo/a/", { NULL }, 404, NULL },
		{ "a percent sign in the path", "GET", "/echo/%61", { NULL }, 404, NULL },
		{ "an unknown parameter", "GET", "/echo/a?x=1", { NULL }, 400, NULL },
		{ "a repeated parameter", "GET", "/echo/a?q=1&q=1", { NULL }, 400, NULL },
		{ "a header with a line break", "GET", "/bad-header", { NULL }, 500, NULL },
		{ "POST", "POST", "/echo/a", { NULL }, 201, "a|(none)|(nobody)|{}" },
		{ "POST of a form", "POST", "/echo/a", { "CONTENT_TYPE=text/plain" }, 415, NULL },
		{ "POST without a type", "POST", "/echo/a", { "CONTENT_TYPE=" }, 415, NULL },
		{ "a charset", "POST", "/echo/a", { "CONTENT_TYPE=application/json; charset=utf-8" }, 201, NULL },
		{ "a foreign origin", "POST", "/echo/a", { "HTTP_ORIGIN=http://b", "HTTP_HOST=a" }, 403, NULL },
		{ "no origin at all", "POST", "/echo/a", { "HTTP_ORIGIN=null", "HTTP_HOST=a" }, 403, NULL },
		{ "the own origin", "POST", "/echo/a", { "HTTP_ORIGIN=http://a:1", "HTTP_HOST=A:1" }, 201, NULL },
		{ "GET from elsewhere", "GET", "/echo/a", { "HTTP_ORIGIN=http://b", "HTTP_HOST=a" }, 200, NULL },
	};
	const int fd = fastcgi_connect(fixture.path);

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		const char *body = strcmp(cases[at].method, "POST") == 0 ? "{}" : "";
		struct fastcgi_reply reply =
			fastcgi_exchange(fd, true, cases[at].method, cases[at].uri, body, cases[at].headers);
		const bool is_problem = reply.status >= 400;
		is_int(reply.status, cases[at].status, cases[at].what);
		if (cases[at].body != NULL)
			is_string(reply.body, cases[at].body, "its body");
		if (is_problem)
			is_string(fastcgi_header(&reply, "Content-Type"), "application/problem+json", "a problem");
		fastcgi_reply_done(&reply);
	}
	close(fd);
}

static void
test_headers(void)
{
	const int fd = fastcgi_connect(fixture.path);
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "HEAD", "/echo/abc", "", NULL);

	is_string(fastcgi_header(&reply, "Content-Length"), "20", "HEAD has the length of GET's body");
	is_string(fastcgi_header(&reply, "Content-Type"), "application/json", "and its type");
	is_string(fastcgi_header(&reply, "ETag"), "\"1-log\"", "and its tag");
	fastcgi_reply_done(&reply);

	const char *const matching[] = { "HTTP_IF_NONE_MATCH=\"1-log\"", NULL };
	reply = fastcgi_exchange(fd, true, "GET", "/echo/abc", "", matching);
	ok(fastcgi_header(&reply, "Content-Length") == NULL && fastcgi_header(&reply, "Content-Type") == NULL,
	   "304 has neither length nor type");
	is_string(fastcgi_header(&reply, "ETag"), "\"1-log\"", "but its tag");
	fastcgi_reply_done(&reply);

	reply = fastcgi_exchange(fd, true, "PUT", "/echo/abc", "", NULL);
	is_string(fastcgi_header(&reply, "Allow"), "GET, HEAD, POST, OPTIONS", "405 has Allow");
	is_string(fastcgi_header(&reply, "Cache-Control"), "no-store", "and is not stored");
	fastcgi_reply_done(&reply);

	reply = fastcgi_exchange(fd, true, "POST", "/echo/abc", "{}", NULL);
	is_string(fastcgi_header(&reply, "Content-Type"), "text/plain", "a handler's own type stands");
	fastcgi_reply_done(&reply);

	reply = fastcgi_exchange(fd, true, "GET", "/bad-header", "", NULL);
	ok(strstr(reply.head, "Set-Cookie") == NULL, "no header is smuggled in by a line break");
	fastcgi_reply_done(&reply);
	close(fd);
}

static void
test_problems(void)
{
	static const struct {
		enum es_result result;
		int status;
		const char *type;
	} cases[] = {
		{ ES_CONFLICT, 412, "\"type\":\"/problems/conflict\"" },
		{ ES_UNAVAILABLE, 503, "\"type\":\"/problems/unavailable\"" },
		{ ES_OUTCOME_UNKNOWN, 504, "\"type\":\"/problems/outcome-unknown\"" },
	};

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		struct es_text bytes = ES_TEXT_INIT;
		struct es_error error = ES_ERROR_INIT;
		const int fd = fastcgi_connect(fixture.path);
		fastcgi_add_request(&bytes, 1, false, "POST", "/keep", "{}", 2, NULL);
		fastcgi_send(fd, bytes.bytes, bytes.size);
		struct http_request *request = fixture_kept(&fixture);
		(void)es_fail(&error, cases[at].result, NULL, "because");
		error.version = 58;
		es_text_add_string(http_reply_body(request), "half of a reply");
		http_reply_header(request, "Cache-Control", "immutable");
		http_reply_header(request, "ETag", "\"58\"");
		http_reply_header(request, "Allow", "GET");
		http_problem_result(request, cases[at].result, &error);
		struct fastcgi_reply reply = fastcgi_receive(fd, 1);
		is_int(reply.status, cases[at].status, es_result_name(cases[at].result));
		ok(strstr(reply.body, cases[at].type) != NULL, "its type");
		ok(strstr(reply.body, "\"version\":58") != NULL, "its version");
		ok(strstr(reply.body, "half") == NULL, "nothing of the reply before it");
		is_string(fastcgi_header(&reply, "Cache-Control"), "no-store", "is not cached");
		is_string(fastcgi_header(&reply, "ETag"), NULL, "nor tagged as what it replaces");
		is_string(fastcgi_header(&reply, "Allow"), "GET", "other headers stay");
		int64_t seconds;
		const char *retry = fastcgi_header(&reply, "Retry-After");
		ok(cases[at].status == 503 ? http_parse_int64(retry, 1, 3, &seconds) : retry == NULL,
		   "Retry-After goes with 503 alone");
		fastcgi_reply_done(&reply);
		es_text_done(&bytes);
		close(fd);
	}
}

/* --- connections --- */

static void
test_keeping(void)
{
	const int fd = fastcgi_connect(fixture.path);
	int right = 0;

	for (int round = 0; round < 100; round++) {
		struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
		right += reply.status == 200;
		fastcgi_reply_done(&reply);
	}
	is_int(right, 100, "a hundred requests on one connection");
	struct fastcgi_reply reply = fastcgi_exchange(fd, false, "GET", "/echo/a", "", NULL);
	is_int(reply.status, 200, "the last one asks to close");
	ok(fastcgi_is_closed(fd), "and so it is");
	fastcgi_reply_done(&reply);
	close(fd);

	/* Two requests in one piece, with ids of their own. */
	struct es_text bytes = ES_TEXT_INIT;
	const int other = fastcgi_connect(fixture.path);
	fastcgi_add_request(&bytes, 1, true, "POST", "/echo/first", "{}", 2, NULL);
	fastcgi_add_request(&bytes, 65535, false, "POST", "/echo/second", "[]", 2, NULL);
	fastcgi_send(other, bytes.bytes, bytes.size);
	reply = fastcgi_receive(other, 1);
	is_string(reply.body, "first|(none)|(nobody)|{}", "two requests at once: the first");
	fastcgi_reply_done(&reply);
	reply = fastcgi_receive(other, 65535);
	is_string(reply.body, "second|(none)|(nobody)|[]", "and the second");
	fastcgi_reply_done(&reply);
	es_text_done(&bytes);
	close(other);
}

static void
test_lengths(void)
{
	static const struct {
		const char *length;
		bool is_right;
	} cases[] = {
		{ "CONTENT_LENGTH=2", true },   { "CONTENT_LENGTH=3", false },
		{ "CONTENT_LENGTH=1", false },  { "CONTENT_LENGTH=", false },
		{ "CONTENT_LENGTH=-1", false }, { "CONTENT_LENGTH=2 ", false },
		{ "CONTENT_LENGTH=2x", false }, { "CONTENT_LENGTH=18446744073709551618", false },
	};

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		const char *const headers[] = { cases[at].length, NULL };
		const int before = atomic_load(&fixture.handled);
		const int fd = fastcgi_connect(fixture.path);
		struct fastcgi_reply reply = fastcgi_exchange(fd, true, "POST", "/echo/a", "{}", headers);
		is_int(reply.status, cases[at].is_right ? 201 : 0, cases[at].length);
		is_int(atomic_load(&fixture.handled) - before, cases[at].is_right, "reaches a handler or not");
		fastcgi_reply_done(&reply);
		close(fd);
	}
}

static void
test_limits(void)
{
	static const size_t sizes[] = { FIXTURE_BODY_MAX - 1, FIXTURE_BODY_MAX, FIXTURE_BODY_MAX + 1,
		                        (size_t)20 * FIXTURE_BODY_MAX };
	const int fd = fastcgi_connect(fixture.path);

	for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
		struct es_text bytes = ES_TEXT_INIT;
		char *body = malloc(sizes[at]);
		if (body == NULL)
			bail("no memory");
		for (size_t byte = 0; byte < sizes[at]; byte++)
			body[byte] = big_byte(byte);
		fastcgi_add_request(&bytes, 1, true, "POST", "/echo/a", body, sizes[at], NULL);
		ok(fastcgi_send(fd, bytes.bytes, bytes.size), "a body of %zu bytes is taken", sizes[at]);
		struct fastcgi_reply reply = fastcgi_receive(fd, 1);
		is_int(reply.status, sizes[at] <= FIXTURE_BODY_MAX ? 201 : 413, "up to the limit");
		if (reply.status == 201)
			ok(reply.body_size == sizes[at] + 18 && memcmp(reply.body + 18, body, sizes[at]) == 0,
			   "every byte of it");
		fastcgi_reply_done(&reply);
		es_text_done(&bytes);
		free(body);
	}
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
	is_int(reply.status, 200, "and the connection goes on");
	fastcgi_reply_done(&reply);
	close(fd);
}

/* --- kept requests --- */

static void
test_kept(void)
{
	struct es_text bytes = ES_TEXT_INIT;
	const int fd = fastcgi_connect(fixture.path);
	const int gone = fastcgi_connect(fixture.path);

	fastcgi_add_request(&bytes, 1, true, "POST", "/keep", "{}", 2, NULL);
	for (int round = 0; round < 3; round++) {
		fastcgi_send(fd, bytes.bytes, bytes.size);
		struct http_request *request = fixture_kept(&fixture);
		size_t size;
		const char *body = http_request_body(request, &size);
		ok(size == 2 && memcmp(body, "{}", 2) == 0, "a kept request still has its body");
		es_text_add_string(http_reply_body(request), "later");
		http_reply_send(request);
		struct fastcgi_reply reply = fastcgi_receive(fd, 1);
		is_string(reply.body, "later", "and is answered from another thread");
		fastcgi_reply_done(&reply);
	}

	fastcgi_send(gone, bytes.bytes, bytes.size);
	struct http_request *request = fixture_kept(&fixture);
	close(gone);
	http_reply_send(request);
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
	is_int(reply.status, 200, "a reply to a peer that left disturbs nobody");
	fastcgi_reply_done(&reply);
	close(fd);
	es_text_done(&bytes);
}

static void
test_detached(void)
{
	struct es_text bytes = ES_TEXT_INIT;
	const int fd = fastcgi_connect(fixture.path);
	char got[6] = "";
	unsigned id = 0;

	fastcgi_add_request(&bytes, 9, true, "POST", "/keep", "{}", 2, NULL);
	fastcgi_send(fd, bytes.bytes, bytes.size);
	const int taken = http_request_detach(fixture_kept(&fixture), &id);
	is_int(id, 9, "a detached connection comes with the request's id");
	is_int(write(taken, "hello", 5), 5, "and can be written to");
	is_int(recv(fd, got, 5, MSG_WAITALL), 5, "the peer reads");
	is_string(got, "hello", "what was written");
	close(taken);
	ok(fastcgi_is_closed(fd), "and sees it closed");
	close(fd);
	es_text_done(&bytes);
}

int
main(void)
{
	fixture_start(&fixture, 2, LONG_PATIENCE);
	test_answers();
	test_headers();
	test_problems();
	test_keeping();
	test_lengths();
	test_limits();
	test_kept();
	test_detached();
	fixture_stop(&fixture);
	is_int(atomic_load(&fixture.started), 2, "each thread was started with something of its own");
	fixture_free(&fixture);
	is_int(atomic_load(&fixture.stopped), 2, "and gave it back");
	return done_testing();
}
