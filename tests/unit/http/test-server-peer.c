/* The server from outside, over its socket: what peers that misbehave, or a lack of descriptors, cannot do to it. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "event/clock.h"
#include "fastcgi-client.h"
#include "http/metrics.h"
#include "server-fixture.h"
#include "tap.h"

#define PATIENCE (300 * ES_MILLISECOND) /* of a server whose patience is to run out */
#define LONG_PATIENCE (20 * ES_SECOND)  /* where a slow machine must not look like a slow peer */
#define PROMPTLY (2 * ES_SECOND)        /* what "not delayed" means on a busy machine with sanitizers */

static struct fixture fixture;

/* --- peers that misbehave --- */

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
	test_truncated();
	test_malformed();
	test_crowd();
	test_out_of_descriptors();
	fixture_stop(&fixture);
	fixture_free(&fixture);

	test_slow_reader();
	test_dead_reader();
	return done_testing();
}
