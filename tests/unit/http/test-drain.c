/* Stopping: what is in hand is finished, the rest is closed, and it ends. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/clock.h"
#include "fastcgi-client.h"
#include "http/request.h"
#include "server-fixture.h"
#include "tap.h"

#define PATIENCE (500 * ES_MILLISECOND)
#define LONG_PATIENCE (20 * ES_SECOND) /* where the test must not depend on how fast it runs */
#define PROMPTLY (5 * ES_SECOND)

enum {
	BIG = 4 * 1024 * 1024, /* bytes: more than the socket holds */
};

static bool
is_refused(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	const bool refused =
		connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

enum {
	IDLE = 20, /* connections */
};

/* Makes connections, each kept after a request; so many of them, the first, ask nothing. */
static void
keep_idle(const struct fixture *fixture, int idle[static IDLE], int silent)
{
	for (int at = 0; at < IDLE; at++) {
		idle[at] = fastcgi_connect(fixture->path);
		if (at < silent)
			continue;
		struct fastcgi_reply reply = fastcgi_exchange(idle[at], true, "GET", "/echo/a", "", NULL);
		fastcgi_reply_done(&reply);
	}
}

static void
test_idle(void)
{
	struct fixture fixture;
	int idle[IDLE];

	fixture_start(&fixture, 2, LONG_PATIENCE);
	keep_idle(&fixture, idle, /* silent= */ 0);
	const int64_t start = es_clock_monotonic();
	http_server_stop(fixture.server);
	int asked = 0;
	for (int at = 0; at < IDLE; at++) {
		asked += fastcgi_is_asked_to_close(idle[at]);
		close(idle[at]);
	}
	is_int(asked, IDLE, "whoever keeps an idle connection is asked to close it");
	fixture_stop(&fixture);
	ok(es_clock_monotonic() - start < PROMPTLY, "with idle connections alone it ends at once");
	ok(is_refused(fixture.path), "nobody listens any more");
	ok(fixture.all_answered, "it says that all were answered");
	is_int(atomic_load(&fixture.stopped), 2, "the threads gave back what they had");
	fixture_free(&fixture);
}

/* Peers that do not do as they are asked, and one that has never asked anything. */
static void
test_stubborn(void)
{
	struct fixture fixture;
	int idle[IDLE];

	fixture_start(&fixture, 2, LONG_PATIENCE);
	keep_idle(&fixture, idle, /* silent= */ 1);
	const int64_t start = es_clock_monotonic();
	fixture_stop(&fixture);
	ok(es_clock_monotonic() - start < PROMPTLY, "with idle connections alone it ends soon");
	int closed = 0;
	for (int at = 0; at < IDLE; at++) {
		closed += (at == 0 || fastcgi_is_asked_to_close(idle[at])) && fastcgi_is_closed(idle[at]);
		close(idle[at]);
	}
	is_int(closed, IDLE, "and they are closed");
	fixture_free(&fixture);
}

/* Everything that may be in hand when the server is told to stop. */
static void
test_in_hand(void)
{
	struct fixture fixture;
	struct es_text keep = ES_TEXT_INIT;
	struct es_text echo = ES_TEXT_INIT;
	struct es_text big = ES_TEXT_INIT;
	char uri[64];

	fixture_start(&fixture, 2, LONG_PATIENCE);
	const int kept = fastcgi_connect(fixture.path);
	const int half = fastcgi_connect(fixture.path);
	const int reading = fastcgi_connect(fixture.path);
	const int late = fastcgi_connect(fixture.path);

	fastcgi_add_request(&keep, 1, true, "POST", "/keep", "{}", 2, NULL);
	fastcgi_send(kept, keep.bytes, keep.size);
	struct http_request *request = fixture_kept(&fixture);
	fastcgi_add_request(&echo, 1, true, "POST", "/echo/a", "{}", 2, NULL);
	fastcgi_send(half, echo.bytes, echo.size / 2);
	ok(fastcgi_is_taken(half), "half a request is in hand");
	snprintf(uri, sizeof uri, "/big?size=%d", BIG);
	fastcgi_add_request(&big, 1, true, "GET", uri, "", 0, NULL);
	fastcgi_send(reading, big.bytes, big.size);
	struct fastcgi_reply reply = fastcgi_exchange(late, true, "GET", "/echo/a", "", NULL);
	fastcgi_reply_done(&reply);

	http_server_stop(fixture.server);
	ok(fastcgi_is_asked_to_close(late), "whoever keeps an idle connection is asked to close it");
	fastcgi_send(late, echo.bytes, echo.size);
	reply = fastcgi_receive(late, 1);
	is_int(reply.status, 201, "a request that crosses this is answered");
	ok(fastcgi_is_asked_to_close(late), "and followed by being asked again");
	fastcgi_reply_done(&reply);
	close(late);

	fastcgi_send(half, echo.bytes + echo.size / 2, echo.size - echo.size / 2);
	reply = fastcgi_receive(half, 1);
	is_int(reply.status, 201, "the other half of a request is waited for");
	ok(fastcgi_is_asked_to_close(half), "and its connection is to be closed");
	fastcgi_reply_done(&reply);

	reply = fastcgi_receive(reading, 1);
	is_int((long long)reply.body_size, BIG, "a reply on its way is finished");
	ok(fastcgi_is_asked_to_close(reading), "and its connection is to be closed");
	fastcgi_reply_done(&reply);

	es_text_add_string(http_reply_body(request), "later");
	http_reply_send(request);
	reply = fastcgi_receive(kept, 1);
	is_string(reply.body, "later", "a kept request is waited for");
	ok(fastcgi_is_asked_to_close(kept), "and its connection is to be closed");
	fastcgi_reply_done(&reply);
	close(kept);
	close(half);
	close(reading);

	const int64_t start = es_clock_monotonic();
	fixture_stop(&fixture);
	ok(es_clock_monotonic() - start < PROMPTLY, "then it ends");
	fixture_free(&fixture);
	es_text_done(&keep);
	es_text_done(&echo);
	es_text_done(&big);
}

static void
test_patience(void)
{
	struct fixture fixture;
	struct es_text keep = ES_TEXT_INIT;

	fixture_start(&fixture, 2, PATIENCE);
	const int kept = fastcgi_connect(fixture.path);
	fastcgi_add_request(&keep, 1, true, "POST", "/keep", "{}", 2, NULL);
	fastcgi_send(kept, keep.bytes, keep.size);
	struct http_request *request = fixture_kept(&fixture);
	const int64_t start = es_clock_monotonic();
	fixture_stop(&fixture);
	const int64_t took = es_clock_monotonic() - start;
	ok(took >= PATIENCE && took < PATIENCE + PROMPTLY,
	   "a request that nobody answers does not hold it up for ever");
	ok(!fixture.all_answered, "it says that not all were answered");
	http_reply_send(request);
	struct fastcgi_reply reply = fastcgi_receive(kept, 1);
	is_int(reply.status, 200, "answered before the server is freed, its reply still goes out");
	fastcgi_reply_done(&reply);
	fixture_free(&fixture);
	close(kept);
	es_text_done(&keep);
}

static void
test_stop_first(void)
{
	struct fixture fixture;

	fixture_start(&fixture, 1, LONG_PATIENCE);
	fixture_stop(&fixture);
	ok(true, "a server stopped before its first request ends");
	http_server_stop(fixture.server);
	fixture_free(&fixture);
	http_server_free(NULL);
}

int
main(void)
{
	test_idle();
	test_stubborn();
	test_in_hand();
	test_patience();
	test_stop_first();
	return done_testing();
}
