/* The server itself stops: in order, or as if the power had failed; and comes back. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/sample.h"
#include "event/writer.h"
#include "fixture.h"
#include "tap.h"

enum { REQUESTS_MAX = 4000, IN_FLIGHT = 8 };

#define PUT "{\"type\":\"put\",\"key\":\"a\",\"value\":1}"

static void
is_unavailable(struct es_store *store, const char *stream)
{
	const int64_t started = es_clock_monotonic();

	is_int(sample_do(store, stream, PUT, NULL), ES_UNAVAILABLE, "not applied");
	ok(es_clock_monotonic() - started < ES_SECOND, "within a second");
}

static void
test_stop(const char *stop, const char *stream, int64_t time)
{
	struct es_store *store = fixture_store();
	struct es_error error = ES_ERROR_INIT;
	struct es_head head;

	is_int(sample_do(store, stream, PUT, NULL), ES_OK, "before the server stops");
	fixture_run(stop);
	const int64_t stopped = es_clock_monotonic();
	is_unavailable(store, stream);
	is_unavailable(store, stream);
	is_int(store->operations->head(store, stream, &head, &error), ES_UNAVAILABLE, "nor can it be read");
	poll(NULL, 0, es_clock_poll_timeout(stopped + time));
	is_unavailable(store, stream);
	fixture_run("STORE_START");
	const int64_t started = es_clock_monotonic();
	while (sample_do(store, stream, PUT, NULL) != ES_OK && es_clock_monotonic() < started + 10 * ES_SECOND)
		poll(NULL, 0, 20);
	ok(es_clock_monotonic() - started < 5 * ES_SECOND, "it comes back by itself");
	is_int(sample_head(store, stream).version, 2, "with what was applied before and after, nothing else");
	es_store_free(store);
}

/* One client keeps a few requests under way while the server stops and starts again. */
struct load {
	struct es_writer *writer;
	struct sample_request *requests;
	int count;
};

static int
unanswered(const struct load *load)
{
	int count = 0;

	for (int i = 0; i < load->count; i++)
		count += load->requests[i].done == 0 ? 1 : 0;
	return count;
}

static void
keep_going(struct load *load, int64_t time)
{
	const int64_t until = es_clock_monotonic() + time;

	while (es_clock_monotonic() < until && load->count < REQUESTS_MAX) {
		poll(NULL, 0, 2);
		if (unanswered(load) >= IN_FLIGHT)
			continue;
		struct sample_request *request = &load->requests[load->count];
		sample_request_begin(request, load->count % 2 == 0 ? "load-1" : "load-2", PUT);
		load->count++;
		es_writer_submit(load->writer, &request->append);
	}
}

static struct es_store *
open_store(void *context)
{
	(void)context;
	return fixture_store();
}

static int
compare_texts(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Each answer against the log: what is told to be applied is there once, what is told not to be is not. */
static void
check_answers(const struct load *load)
{
	PGconn *connection = fixture_connect("postgres");
	PGresult *found =
		PQexec(connection, "SELECT command_id FROM es.events ORDER BY command_id::text COLLATE \"C\"");
	const int events = PQntuples(found);
	const char **ids = calloc((size_t)events + 1, sizeof *ids);
	int told[ES_RESULT_MAX] = { 0 };
	int lies = 0;
	int twice = 0;

	if (ids == NULL)
		bail("no memory");
	for (int i = 0; i < events; i++) {
		ids[i] = PQgetvalue(found, i, 0);
		twice += i > 0 && strcmp(ids[i - 1], ids[i]) == 0 ? 1 : 0;
	}
	for (int i = 0; i < load->count; i++) {
		const struct es_append *append = &load->requests[i].append;
		char text[ES_UUID_TEXT_SIZE];
		const char *id = es_uuid_format(&append->command_id, text);
		const bool there = bsearch(&id, ids, (size_t)events, sizeof *ids, compare_texts) != NULL;
		told[append->result]++;
		if (load->requests[i].done != 1 || (append->result == ES_OK && !there) ||
		    (append->result == ES_UNAVAILABLE && there))
			lies++;
	}
	printf("# %d requests: %d applied, %d unavailable, %d unknown\n", load->count, told[ES_OK],
	       told[ES_UNAVAILABLE], told[ES_OUTCOME_UNKNOWN]);
	is_int(lies, 0, "every answer is true");
	is_int(twice, 0, "nothing is applied twice");
	ok(told[ES_OK] > 100 && told[ES_UNAVAILABLE] > 10, "many were applied, some were not");
	is_int(told[ES_OK] + told[ES_UNAVAILABLE] + told[ES_OUTCOME_UNKNOWN], load->count, "no other answer was given");
	free(ids);
	PQclear(found);
	PQfinish(connection);
}

static void
test_load(void)
{
	const struct es_writer_options options = { .decider = &sample_decider, .threads = 2, .open_store = open_store };
	struct load load = { .requests = calloc(REQUESTS_MAX, sizeof *load.requests) };
	struct es_error error = ES_ERROR_INIT;

	if (load.requests == NULL || es_writer_new(&options, &load.writer, &error) != ES_OK)
		bail("no writer");
	for (int i = 0; i < 3; i++) {
		keep_going(&load, ES_SECOND);
		fixture_run(i == 0 ? "STORE_STOP" : "STORE_CRASH");
		keep_going(&load, ES_SECOND / 2);
		fixture_run("STORE_START");
	}
	keep_going(&load, 4 * ES_SECOND);
	es_writer_free(load.writer);
	is_int(load.requests[load.count - 1].append.result, ES_OK, "at the end all is well again");
	check_answers(&load);
	ok(fixture_becomes_true("SELECT max(position) = count(*) FROM es.events"), "positions are dense");
	for (int i = 0; i < load.count; i++)
		sample_request_done(&load.requests[i]);
	free(load.requests);
}

int
main(void)
{
	test_stop("STORE_STOP", "stopped", 10 * ES_SECOND);
	test_stop("STORE_CRASH", "crashed", ES_SECOND);
	test_load();
	return done_testing();
}
