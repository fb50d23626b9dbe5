#include "server-fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/number.h"
#include "http/request.h"
#include "tap.h"

enum {
	BIG_PERIOD = 89, /* bytes after which a big reply repeats itself */
};

static void
answer_echo(struct http_request *request, void *application, void *local)
{
	struct fixture *fixture = application;
	struct es_text *reply = http_reply_body(request);
	const char *query = http_request_parameter(request, "q");
	const char *actor = http_request_variable(request, "EVENTLEDGER_ACTOR");
	size_t size;
	const char *body = http_request_body(request, &size);

	if (local != fixture)
		bail("a handler without its thread's own");
	atomic_fetch_add(&fixture->handled, 1);
	es_text_add_string(reply, http_request_argument(request, "name"));
	es_text_add_string(reply, "|");
	es_text_add_string(reply, query == NULL ? "(none)" : query);
	es_text_add_string(reply, "|");
	es_text_add_string(reply, actor == NULL ? "(nobody)" : actor);
	es_text_add_string(reply, "|");
	es_text_add(reply, body, size);
	if (http_request_has_tag(request, "\"1-log\"")) {
		http_reply_status(request, 304);
	} else if (strcmp(http_request_method(request), "POST") == 0) {
		http_reply_status(request, 201);
		http_reply_header(request, "Content-Type", "text/plain");
	}
	http_reply_header(request, "ETag", "\"%d-log\"", 1);
	http_reply_send(request);
}

char
big_byte(size_t offset)
{
	return (char)('!' + offset % BIG_PERIOD);
}

static void
answer_big(struct http_request *request, void *application, void *local)
{
	struct fixture *fixture = application;
	int64_t size = 0;

	(void)local;
	atomic_fetch_add(&fixture->handled, 1);
	if (!http_parse_int64(http_request_parameter(request, "size"), 0, 1 << 28, &size))
		bail("a size is needed");
	/* Whole periods of what big_byte gives, so that it is quick with sanitizers too. */
	char block[BIG_PERIOD * 100];
	for (size_t at = 0; at < sizeof block; at++)
		block[at] = big_byte(at);
	for (size_t left = (size_t)size; left > 0;) {
		const size_t step = left < sizeof block ? left : sizeof block;
		es_text_add(http_reply_body(request), block, step);
		left -= step;
	}
	http_reply_send(request);
}

static void
keep(struct http_request *request, void *application, void *local)
{
	struct fixture *fixture = application;

	(void)local;
	atomic_fetch_add(&fixture->handled, 1);
	pthread_mutex_lock(&fixture->lock);
	while (fixture->kept != NULL)
		pthread_cond_wait(&fixture->changed, &fixture->lock);
	fixture->kept = request;
	pthread_cond_broadcast(&fixture->changed);
	pthread_mutex_unlock(&fixture->lock);
}

struct http_request *
fixture_kept(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->lock);
	while (fixture->kept == NULL)
		pthread_cond_wait(&fixture->changed, &fixture->lock);
	struct http_request *request = fixture->kept;
	fixture->kept = NULL;
	pthread_cond_broadcast(&fixture->changed);
	pthread_mutex_unlock(&fixture->lock);
	return request;
}

static void
answer_bad_header(struct http_request *request, void *application, void *local)
{
	(void)application;
	(void)local;
	http_reply_header(request, "Location", "%s", "/a\r\nSet-Cookie: b=c");
	http_reply_send(request);
}

static const struct http_route routes[] = {
	{ "/echo/{name}", "echo", "q", answer_echo, answer_echo },
	{ "/big", "big", "size", answer_big, NULL },
	{ "/keep", "keep", NULL, NULL, keep },
	{ "/bad-header", "bad-header", NULL, answer_bad_header, NULL },
	{ 0 },
};

static void *
start_thread(void *application)
{
	struct fixture *fixture = application;

	atomic_fetch_add(&fixture->started, 1);
	return fixture;
}

static void
stop_thread(void *local)
{
	struct fixture *fixture = local;

	atomic_fetch_add(&fixture->stopped, 1);
}

static void *
run(void *argument)
{
	struct fixture *fixture = argument;

	fixture->all_answered = http_server_run(fixture->server);
	return NULL;
}

void
fixture_start(struct fixture *fixture, int threads, int64_t patience)
{
	struct http_options options = {
		.routes = routes,
		.threads = threads,
		.body_max = FIXTURE_BODY_MAX,
		.application = fixture,
		.patience = patience,
		.thread_start = start_thread,
		.thread_stop = stop_thread,
	};
	char directory[] = "/tmp/test-http-XXXXXX";
	struct es_error error = ES_ERROR_INIT;

	memset(fixture, 0, sizeof *fixture);
	pthread_mutex_init(&fixture->lock, NULL);
	pthread_cond_init(&fixture->changed, NULL);
	if (mkdtemp(directory) == NULL)
		bail("no directory");
	snprintf(fixture->path, sizeof fixture->path, "%s/socket", directory);
	if (http_socket_open(fixture->path, &options.socket, &error) != ES_OK)
		bail("%s", error.detail);
	if (http_server_new(&options, &fixture->server, &error) != ES_OK)
		bail("%s", error.detail);
	if (pthread_create(&fixture->runner, NULL, run, fixture) != 0)
		bail("no thread");
}

void
fixture_stop(struct fixture *fixture)
{
	http_server_stop(fixture->server);
	pthread_join(fixture->runner, NULL);
}

void
fixture_free(struct fixture *fixture)
{
	http_server_free(fixture->server);
	unlink(fixture->path);
	*strrchr(fixture->path, '/') = '\0';
	rmdir(fixture->path);
	pthread_cond_destroy(&fixture->changed);
	pthread_mutex_destroy(&fixture->lock);
}
