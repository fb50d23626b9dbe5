/* The server from outside, over its socket: what it answers, and what peers that misbehave cannot do to it. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "event/clock.h"
#include "fastcgi-client.h"
#include "http/metrics.h"
#include "http/number.h"
#include "http/request.h"
#include "server-fixture.h"
#include "tap.h"

#define PATIENCE (300 * ES_MILLISECOND) /* of a server whose patience is to run out */
#define LONG_PATIENCE (20 * ES_SECOND)  /* where a slow machine must not look like a slow peer */
#define PROMPTLY (2 * ES_SECOND)        /* what "not delayed" means on a busy machine with sanitizers */

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

/* Sends size bytes and then no more; true if the server closes without an answer. */
static bool
is_dropped(const char *bytes, size_t size)
{
	const int fd = fastcgi_connect(fixture.path);

	fastcgi_send(fd, bytes, size);
	shutdown(fd, SHUT_WR);
	const bool closed = fastcgi_is_closed(fd);
	close(fd);
	return closed;
}

static void
test_truncated(void)
{
	struct es_text bytes = ES_TEXT_INIT;
	const int before = atomic_load(&fixture.handled);
	int dropped = 0;

	fastcgi_add_request(&bytes, 1, true, "POST", "/echo/a", "{\"type\":\"append\"}", 17, NULL);
	for (size_t size = 0; size < bytes.size; size++)
		dropped += is_dropped(bytes.bytes, size);
	is_int(dropped, (long long)bytes.size, "a request cut off anywhere gets no answer");
	is_int(atomic_load(&fixture.handled), before, "and no effect");

	/* Cut in two: the server has taken the first part off the socket before the second comes. */
	int right = 0;
	for (size_t size = 1; size < bytes.size; size++) {
		const int fd = fastcgi_connect(fixture.path);
		fastcgi_send(fd, bytes.bytes, size);
		const bool is_taken = fastcgi_is_taken(fd);
		fastcgi_send(fd, bytes.bytes + size, bytes.size - size);
		struct fastcgi_reply reply = fastcgi_receive(fd, 1);
		right += is_taken && reply.status == 201 &&
		         strcmp(reply.body, "a|(none)|(nobody)|{\"type\":\"append\"}") == 0;
		fastcgi_reply_done(&reply);
		close(fd);
	}
	is_int(right, (long long)bytes.size - 1, "a request in two parts is answered wherever the cut is");
	es_text_done(&bytes);
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

/* --- peers that misbehave --- */

static void
test_malformed(void)
{
	struct es_text bytes = ES_TEXT_INIT;
	struct es_text content = ES_TEXT_INIT;
	const int before = atomic_load(&fixture.handled);

	/* What overruns libfcgi's stack: one name forty times. */
	for (int repeat = 0; repeat < 40; repeat++)
		fastcgi_add_pair(&content, "FCGI_MAX_CONNS", "");
	fastcgi_add_padded(&bytes, FASTCGI_GET_VALUES, 0, content.bytes, content.size, 0);
	ok(is_dropped(bytes.bytes, bytes.size), "GET_VALUES");

	es_text_clear(&bytes);
	fastcgi_add_request(&bytes, 1, true, "POST", "/echo/a", "{}", 2, NULL);
	bytes.size -= 8; /* in place of the end of the body */
	fastcgi_add_padded(&bytes, FASTCGI_GET_VALUES, 0, content.bytes, content.size, 0);
	fastcgi_add_padded(&bytes, FASTCGI_STDIN, 1, "", 0, 0);
	ok(is_dropped(bytes.bytes, bytes.size), "GET_VALUES within a body");

	/* Frames as they should be, but parameters whose lengths go beyond them. */
	static const char *const params[] = { "\x05",
		                              "\x05\x05",
		                              "\x05\x05xyz",
		                              "\x80",
		                              "\xff\xff\xff\xff\x01",
		                              "\x01\xff\xff\xff\xff",
		                              "\x7f\xff\xff\xff" };
	for (size_t at = 0; at < sizeof params / sizeof params[0]; at++) {
		es_text_clear(&bytes);
		fastcgi_add_begin(&bytes, 1, 1, true);
		fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, params[at], strlen(params[at]), 0);
		fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, "", 0, 0);
		fastcgi_add_padded(&bytes, FASTCGI_STDIN, 1, "", 0, 0);
		ok(is_dropped(bytes.bytes, bytes.size), "parameters that do not add up: %zu", at);
	}

	es_text_clear(&bytes);
	es_text_add_string(&bytes, "GET /echo/a HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(is_dropped(bytes.bytes, bytes.size), "plain HTTP");
	is_int(atomic_load(&fixture.handled), before, "none of it reached a handler");

	es_text_clear(&bytes);
	fastcgi_add_begin(&bytes, 1, 1, false);
	fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, "", 0, 0);
	fastcgi_add_padded(&bytes, FASTCGI_STDIN, 1, "", 0, 0);
	const int fd = fastcgi_connect(fixture.path);
	fastcgi_send(fd, bytes.bytes, bytes.size);
	struct fastcgi_reply reply = fastcgi_receive(fd, 1);
	is_int(reply.status, 400, "a request without any parameter is answered");
	fastcgi_reply_done(&reply);
	close(fd);
	es_text_done(&content);
	es_text_done(&bytes);
}

enum {
	IDLE_COUNT = 200,
	HALF_COUNT = 50,
};

static void
test_crowd(void)
{
	struct es_text bytes = ES_TEXT_INIT;
	struct es_text large = ES_TEXT_INIT;
	int idle[IDLE_COUNT];
	int half[HALF_COUNT];
	struct fixture crowded;
	char *body = calloc(1, FIXTURE_BODY_MAX);

	if (body == NULL)
		bail("no memory");
	fixture_start(&crowded, 2, PATIENCE);
	for (int at = 0; at < IDLE_COUNT; at++) {
		idle[at] = fastcgi_connect(crowded.path);
		struct fastcgi_reply reply = fastcgi_exchange(idle[at], true, "GET", "/echo/a", "", NULL);
		fastcgi_reply_done(&reply);
	}
	fastcgi_add_request(&bytes, 1, true, "POST", "/echo/a", "{\"type\":\"append\"}", 17, NULL);
	fastcgi_add_request(&large, 1, true, "POST", "/echo/a", body, FIXTURE_BODY_MAX, NULL);
	const int64_t start = es_clock_monotonic();
	for (int at = 0; at < HALF_COUNT; at++) {
		const struct es_text *request = at % 2 == 0 ? &bytes : &large;
		half[at] = fastcgi_connect(crowded.path);
		fastcgi_send(half[at], request->bytes, request->size / 2);
	}

	const int64_t before = es_clock_monotonic();
	const int fd = fastcgi_connect(crowded.path);
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
	const int64_t took = es_clock_monotonic() - before;
	is_int(reply.status, 200, "a new request besides 200 idle connections and 50 half requests");
	ok(took < PROMPTLY, "is answered at once");
	printf("# after %lld microseconds\n", (long long)took);
	fastcgi_reply_done(&reply);
	close(fd);

	int closed = 0;
	for (int at = 0; at < HALF_COUNT; at++) {
		closed += fastcgi_is_closed(half[at]);
		close(half[at]);
	}
	is_int(closed, HALF_COUNT, "the half requests are ended");
	ok(es_clock_monotonic() - start >= PATIENCE, "but not before the patience with them is over");
	int right = 0;
	for (int at = 0; at < IDLE_COUNT; at++) {
		reply = fastcgi_exchange(idle[at], true, "GET", "/echo/a", "", NULL);
		right += reply.status == 200;
		fastcgi_reply_done(&reply);
		close(idle[at]);
	}
	is_int(right, IDLE_COUNT, "the idle connections still serve");
	es_text_done(&bytes);
	es_text_done(&large);
	free(body);
	fixture_stop(&crowded);
	fixture_free(&crowded);
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

/* --- slow readers --- */

enum {
	BIG = 4 * 1024 * 1024, /* bytes: the largest page, far above what a socket holds */
};

static void
request_big(int fd)
{
	struct es_text bytes = ES_TEXT_INIT;
	char uri[64];

	snprintf(uri, sizeof uri, "/big?size=%d", BIG);
	fastcgi_add_request(&bytes, 1, false, "GET", uri, "", 0, NULL);
	fastcgi_send(fd, bytes.bytes, bytes.size);
	es_text_done(&bytes);
}

static void
test_slow_reader(void)
{
	struct fixture single;

	fixture_start(&single, 1, LONG_PATIENCE);
	const int slow = fastcgi_connect(single.path);
	const int fd = fastcgi_connect(single.path);
	request_big(slow);
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
	is_int(reply.status, 200, "the one thread serves others while a peer does not read");
	fastcgi_reply_done(&reply);

	reply = fastcgi_receive(slow, 1);
	int wrong = reply.body_size != BIG;
	for (size_t at = 0; at < reply.body_size; at++)
		wrong += reply.body[at] != big_byte(at);
	is_int(wrong, 0, "a big reply arrives whole once its peer reads");
	fastcgi_reply_done(&reply);
	ok(fastcgi_is_closed(slow), "and is followed by the end");
	close(slow);
	close(fd);
	fixture_stop(&single);
	fixture_free(&single);
}

static void
test_dead_reader(void)
{
	const int64_t deadline = es_clock_monotonic() + LONG_PATIENCE;
	struct es_text metrics = ES_TEXT_INIT;
	struct fixture single;
	bool is_ended = false;

	fixture_start(&single, 1, PATIENCE);
	const int dead = fastcgi_connect(single.path);
	request_big(dead);
	/* The metrics tell when the server has answered, and when it has given the connection up. */
	while (!is_ended && es_clock_monotonic() < deadline) {
		usleep(1000);
		es_text_clear(&metrics);
		http_server_metrics(single.server, &metrics, "x");
		is_ended = strstr(metrics.bytes, "x_http_requests_total{route=\"big\",code=\"200\"} 1\n") != NULL &&
		           strstr(metrics.bytes, "x_http_connections 0\n") != NULL;
	}
	ok(is_ended, "a peer that reads nothing is ended");
	es_text_done(&metrics);
	close(dead);
	fixture_stop(&single);
	fixture_free(&single);
}

/* --- out of descriptors --- */

enum {
	FILLERS_MAX = 256, /* descriptors: the limit is set to what this process has and a few more */
	FILLERS = 16,
};

static int64_t
processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * ES_SECOND + now.tv_nsec / 1000;
}

static void
test_out_of_descriptors(void)
{
	struct rlimit before;
	int fillers[FILLERS_MAX] = { 0 };
	int count = 0;

	getrlimit(RLIMIT_NOFILE, &before);
	const int highest = dup(STDOUT_FILENO);
	close(highest);
	const struct rlimit low = { .rlim_cur = (rlim_t)highest + FILLERS, .rlim_max = before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	while (count < FILLERS_MAX && (fillers[count] = dup(STDOUT_FILENO)) >= 0)
		count++;
	if (count == 0)
		bail("no descriptors to begin with");
	/* One descriptor for this end of a connection, none for the server's. */
	close(fillers[--count]);
	const int fd = fastcgi_connect(fixture.path);
	const int64_t used = processor_time();
	usleep(500000);
	ok(processor_time() - used < 250 * ES_MILLISECOND, "a server without descriptors does not spin");
	while (count > 0)
		close(fillers[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	struct fastcgi_reply reply = fastcgi_exchange(fd, true, "GET", "/echo/a", "", NULL);
	/* valgrind accepts by itself, and only then looks at the limit and closes. */
	const char *preloaded = getenv("LD_PRELOAD");
	if (preloaded == NULL || strstr(preloaded, "vgpreload") == NULL)
		is_int(reply.status, 200, "and serves who waited once it has some");
	fastcgi_reply_done(&reply);
	close(fd);
}

int
main(void)
{
	fixture_start(&fixture, 2, LONG_PATIENCE);
	test_answers();
	test_headers();
	test_problems();
	test_keeping();
	test_truncated();
	test_lengths();
	test_limits();
	test_malformed();
	test_crowd();
	test_kept();
	test_detached();
	test_out_of_descriptors();
	fixture_stop(&fixture);
	is_int(atomic_load(&fixture.started), 2, "each thread was started with something of its own");
	fixture_free(&fixture);
	is_int(atomic_load(&fixture.stopped), 2, "and gave it back");

	test_slow_reader();
	test_dead_reader();
	return done_testing();
}
