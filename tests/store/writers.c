/*
 * Writers side by side: those that hang while they hold a lock, poisoned requests, one key in two processes, the order
 * of locks, positions and times, and the bounds of a batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/cleanup.h"
#include "event/sample.h"
#include "event/writer.h"
#include "fixture.h"
#include "tap.h"
#include "writers_fixture.h"

/* --- data that the database refuses --- */

static void
test_poison(struct es_store *store)
{
	static const char *const bodies[] = { PUT("a"), "{\"type\":\"put\",\"key\":\"b\",\"value\":\"\\u0000\"}",
		                              PUT("c"), "{\"type\":\"put\",\"key\":\"d\",\"value\":1e200000}",
		                              "[" PUT("e") "," PUT("f") "]" };
	static const enum es_result results[] = { ES_OK, ES_REFUSED, ES_OK, ES_REFUSED, ES_OK };
	struct sample_request requests[5];

	for (int i = 0; i < 5; i++)
		sample_request_begin(&requests[i], i == 2 ? "poison-2" : "poison", bodies[i]);
	sample_apply(store, requests, 5, NULL);
	for (int i = 0; i < 5; i++) {
		is_int(requests[i].append.result, results[i], "only the guilty one is refused");
		is_int(requests[i].done, 1, "each is answered once");
	}
	is_int(requests[4].append.version, 3, "the versions are dense");
	for (int i = 0; i < 5; i++)
		sample_request_done(&requests[i]);
	is_log("poison", 3);
	is_log("poison-2", 1);
}

/* --- one key, two processes --- */

static void
test_same_key(struct es_store *store)
{
	static const char *const streams[] = { "same-1", "same-1", "same-1" };
	static const char *const bodies[] = { PUT("a"), PAUSE, PUT("b") };
	struct told *told = share();

	for (int count = 1; count <= 3; count += 2) {
		char key[ES_UUID_TEXT_SIZE];
		const struct es_uuid uuid = es_uuid_new();
		const int pause = count == 3 ? 1 : 0;
		const pid_t child = start_stopping(streams, count == 3 ? bodies : &bodies[1],
		                                   es_uuid_format(&uuid, key), count, told);
		struct sample_request request;
		sample_request_begin(&request, "same-2", PUT("a"));
		sample_request_key(&request, key);
		sample_apply(store, &request, 1, NULL);
		is_int(request.append.result, ES_OK, "the same key was faster in another process");
		sample_request_done(&request);
		continue_child(child);
		is_int(told->results[pause], ES_REFUSED, "the slower one is refused");
		is_string(told->field, "Idempotency-Key", "for its key");
		for (int i = 0; i < count; i++)
			if (i != pause)
				is_int(told->results[i], ES_OK, "the others of its batch are applied");
	}
	is_log("same-1", 2);
	is_log("same-2", 2);
	munmap(told, sizeof *told);
}

/* --- order --- */

enum { WRITER_BATCHES = 60, WRITER_REQUESTS = 10 };

/* Streams in rising or falling order of arrival. */
static void
write_much(bool falling, struct told *told)
{
	static const char *const names[] = { "order-1", "order-2", "order-3", "order-4", "order-5" };
	struct es_store *store = fixture_store();
	int64_t last[5] = { 0 };

	for (int batch = 0; batch < WRITER_BATCHES; batch++) {
		struct sample_request requests[WRITER_REQUESTS];
		for (int i = 0; i < WRITER_REQUESTS; i++) {
			const int at = falling ? 4 - i % 5 : i % 5;
			sample_request_begin(&requests[i], names[at],
			                     i == 9 ? "{\"type\":\"rewind\",\"version\":1}" : PUT("a"));
		}
		sample_apply(store, requests, WRITER_REQUESTS, NULL);
		for (int i = 0; i < WRITER_REQUESTS; i++) {
			const int at = falling ? 4 - i % 5 : i % 5;
			if (requests[i].append.result != ES_OK || requests[i].append.version <= last[at])
				told->faults++;
			last[at] = requests[i].append.version;
			sample_request_done(&requests[i]);
		}
	}
	es_store_free(store);
}

static void
test_two_writers(void)
{
	struct told *told = share();
	pid_t children[2];
	int status;

	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			write_much(i == 1, told);
			_exit(0);
		}
	}
	for (int i = 0; i < 2; i++) {
		waitpid(children[i], &status, 0);
		is_int(status, 0, "a writer ends");
	}
	is_int(told->faults, 0, "two writers in opposite orders: all is applied, in the order of each");
	char *dense = fixture_query("SELECT min(position) = 1 AND max(position) = count(*) FROM es.events");
	is_string(dense, "t", "positions are dense");
	free(dense);
	is_int(fixture_number(
		       "SELECT count(*) FROM (SELECT version - lag(version, 1, 0::bigint) OVER w AS step,"
		       " position - lag(position, 1, 0::bigint) OVER w AS places FROM es.events"
		       " WINDOW w AS (PARTITION BY stream_id ORDER BY version)) s WHERE step <> 1 OR places < 1"),
	       0, "versions are dense, and rise with the positions");
	is_int(fixture_number(
		       "SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back"
		       " FROM es.events) s WHERE back"),
	       0, "time never goes back");
	is_int(fixture_number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0,
	       "and nobody met a deadlock");
	munmap(told, sizeof *told);
}

static int
count_notifications(PGconn *listener)
{
	int count = 0;

	/* they come before the answer to what is asked after them */
	PQclear(PQexec(listener, "SELECT 1"));
	for (PGnotify *notification; (notification = PQnotifies(listener)) != NULL; count++) {
		if (strcmp(notification->relname, "es_events") != 0)
			count += 1000;
		PQfreemem(notification);
	}
	return count;
}

static void
test_notify(struct es_store *store)
{
	PGconn *listener = fixture_connect("postgres");
	struct sample_request requests[10];

	PQclear(PQexec(listener, "LISTEN es_events"));
	for (int i = 0; i < 10; i++)
		sample_request_begin(&requests[i], i % 2 == 0 ? "notify-1" : "notify-2", "[" PUT("a") "," PUT("b") "]");
	sample_apply(store, requests, 10, NULL);
	for (int i = 0; i < 10; i++)
		sample_request_done(&requests[i]);
	is_int(count_notifications(listener), 1, "a batch notifies once");
	is_int(sample_do(store, "notify-1", "{\"type\":\"refuse\"}", NULL), ES_REFUSED, "what is refused");
	is_int(count_notifications(listener), 0, "does not notify");
	PQfinish(listener);
}

/* A clock that went back: the last event was recorded in what is the future now. */
static void
test_time(struct es_store *store)
{
	struct sample_request request;
	PGconn *owner = fixture_connect("postgres");
	PGresult *result =
		PQexec(owner, "INSERT INTO es.events (position, stream_id, version, id, type, data, base,"
	                      " command_id, live, recorded_at)"
	                      " SELECT position + 1, stream_id, version + 1, gen_random_uuid(), 'counted', '{}',"
	                      " version, gen_random_uuid(), live, clock_timestamp() + interval '1 hour'"
	                      " FROM es.events ORDER BY position DESC LIMIT 1");

	is_int(PQresultStatus(result), PGRES_COMMAND_OK, "an event of an hour later");
	PQclear(result);
	PQfinish(owner);
	const long long latest = fixture_number("SELECT extract(epoch FROM max(recorded_at)) * 1000000 FROM es.events");
	is_int(sample_do(store, "time", PUT("a"), &request), ES_OK, "the one after it");
	is_int(request.events[0].recorded_at, latest, "was recorded no earlier");
	sample_request_done(&request);
}

/* --- bounds --- */

enum { MANY = 3000 };

struct seen {
	int batches;
	int appends;
	int largest;
	int events;
	int most_events;
};

static void
see(void *context, const struct es_batch_report *report)
{
	struct seen *seen = context;

	seen->batches++;
	seen->appends += report->appends;
	seen->events += report->events;
	if (report->appends > seen->largest)
		seen->largest = report->appends;
	if (report->events > seen->most_events)
		seen->most_events = report->events;
}

static struct es_store *
open_store(void *context)
{
	(void)context;
	return fixture_store();
}

static void
test_bounds(const char *body, int count, struct seen *seen)
{
	const struct es_writer_options options = { .decider = &sample_decider,
		                                   .threads = 1,
		                                   .open_store = open_store,
		                                   .hooks = { .committed = see, .context = seen } };
	struct sample_request *requests = calloc((size_t)count, sizeof *requests);
	struct es_writer *writer = NULL;
	struct es_error error = ES_ERROR_INIT;
	int applied = 0;

	*seen = (struct seen){ 0 };
	if (requests == NULL || es_writer_new(&options, &writer, &error) != ES_OK)
		bail("no writer");
	for (int i = 0; i < count; i++)
		sample_request_begin(&requests[i], "bounds", body);
	for (int i = 0; i < count; i++)
		es_writer_submit(writer, &requests[i].append);
	es_writer_free(writer);
	for (int i = 0; i < count; i++) {
		applied += requests[i].done == 1 && requests[i].append.result == ES_OK ? 1 : 0;
		sample_request_done(&requests[i]);
	}
	is_int(applied, count, "all that was queued is applied when the writer ends");
	is_int(seen->appends, count, "in batches that hold them all");
	free(requests);
}

int
main(void)
{
	struct es_store *store = fixture_store();
	struct seen seen;

	test_two_writers();
	test_poison(store);
	test_same_key(store);
	test_notify(store);
	test_bounds(PUT("a"), MANY, &seen);
	ok(seen.largest <= ES_BATCH_APPENDS_MAX && seen.largest > 1, "of at most %d requests: %d in %d batches",
	   ES_BATCH_APPENDS_MAX, seen.largest, seen.batches);
	struct es_text array = ES_TEXT_INIT;
	es_text_add_string(&array, "[");
	for (int i = 0; i < 900; i++)
		es_text_add_string(&array, i == 0 ? PUT("a") : "," PUT("a"));
	es_text_add_string(&array, "]");
	test_bounds(array.bytes, 9, &seen);
	es_text_done(&array);
	ok(seen.most_events <= ES_BATCH_COMMANDS_MAX && seen.batches >= 5,
	   "and of at most %d commands: %d in %d batches", ES_BATCH_COMMANDS_MAX, seen.most_events, seen.batches);
	writers_hung(store);
	test_time(store);
	es_store_free(store);
	return done_testing();
}
