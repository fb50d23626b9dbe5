/*
 * A connection that dies, round trips, and a database that is away: through a proxy that cuts on order.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/database.h"
#include "event/sample.h"
#include "event/writer.h"
#include "fixture.h"
#include "proxy.h"
#include "tap.h"

#define PUT(key) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":1}"

static struct proxy *proxy;

static void
is_log(const char *stream, const char *expected, const char *name)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	         "SELECT coalesce(string_agg(data ->> 'key', ' ' ORDER BY version), '') FROM es.events"
	         " JOIN es.streams USING (stream_id) WHERE name = '%s'",
	         stream);
	_cleanup_free_ char *keys = fixture_query(sql);
	is_string(keys, expected, name);
}

static void
test_round_trips(struct es_store *store)
{
	is_int(sample_do(store, "trips", PUT("a"), NULL), ES_OK, "a connection is set up");
	proxy_round_trips(proxy);
	is_int(sample_do(store, "trips", PUT("b"), NULL), ES_OK, "one request");
	is_int(proxy_round_trips(proxy), 2, "takes two round trips");

	struct sample_request requests[40];
	for (int i = 0; i < 40; i++) {
		static const char *const streams[] = { "trips", "trips-2", "trips-3", "trips-4" };
		sample_request_begin(&requests[i], streams[i % 4], "[" PUT("a") "," PUT("b") "]");
		sample_request_key(&requests[i], NULL);
	}
	sample_apply(store, requests, 40, NULL);
	bool all = true;
	for (int i = 0; i < 40; i++) {
		all = all && requests[i].append.result == ES_OK;
		sample_request_done(&requests[i]);
	}
	ok(all, "forty requests with keys for four streams");
	is_int(proxy_round_trips(proxy), 2, "take two round trips, statements prepared on the way");
}

/* Both cuts, for one request and for a batch, with and without keys. */
static void
test_cuts(struct es_store *store, enum proxy_cut cut, bool keyed, const char *stream)
{
	struct sample_request requests[3];
	const long long before = fixture_number("SELECT coalesce(max(position), 0) FROM es.events");

	is_int(sample_do(store, stream, PUT("a"), NULL), ES_OK, "something before");
	proxy_cut(proxy, cut);
	sample_request_begin(&requests[0], stream, PUT("b"));
	sample_request_begin(&requests[1], stream, "{\"type\":\"refuse\"}");
	sample_request_begin(&requests[2], stream, "[" PUT("c") "," PUT("d") "]");
	for (int i = 0; i < 3 && keyed; i++)
		sample_request_key(&requests[i], NULL);
	sample_apply(store, requests, 3, NULL);
	ok(proxy_has_cut(proxy), "the connection was cut %s",
	   cut == PROXY_CUT_BEFORE_COMMIT ? "before COMMIT" : "after it");
	is_int(requests[0].append.result, ES_OK, "the first is applied");
	is_int(requests[1].append.result, ES_REFUSED, "the refused is refused");
	is_int(requests[2].append.result, ES_OK, "the third is applied");
	is_int(requests[0].append.version, 2, "with its version");
	is_int(requests[2].append.version, 4, "the third as well");
	is_int(requests[2].append.event_count == 2 ? requests[2].events[1].position : 0, before + 4,
	       "and its position");
	char sql[256];
	snprintf(sql, sizeof sql,
	         "SELECT count(*) FROM es.events WHERE position = %lld AND id = '%s'"
	         " AND recorded_at = 'epoch'::timestamptz + %lld * interval '1 microsecond'",
	         (long long)requests[2].events[1].position, requests[2].events[1].id,
	         (long long)requests[2].events[1].recorded_at);
	is_int(fixture_number(sql), 1, "id, position and time of the answer are those of the log");
	is_log(stream, "a b c d", "the log has each exactly once");
	for (int i = 0; i < 3; i++)
		sample_request_done(&requests[i]);
}

/* A keyed request that records nothing has no event to be found by. */
static void
test_cut_without_events(struct es_store *store)
{
	struct sample_request request;

	is_int(sample_do(store, "nothing", PUT("a"), NULL), ES_OK, "something before");
	for (int i = 0; i < 2; i++) {
		proxy_cut(proxy, i == 0 ? PROXY_CUT_AFTER_COMMIT : PROXY_CUT_BEFORE_COMMIT);
		sample_request_begin(&request, "nothing", "{\"type\":\"nothing\"}");
		sample_request_key(&request, NULL);
		sample_apply(store, &request, 1, NULL);
		ok(proxy_has_cut(proxy), "a request that records nothing but its key is cut");
		is_int(request.append.result, ES_OK, "and answered");
		char sql[128];
		char key[ES_UUID_TEXT_SIZE];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM es.commands WHERE command_id = '%s'",
		         es_uuid_format(&request.append.command_id, key));
		is_int(fixture_number(sql), 1, "its key is remembered once");
		sample_request_done(&request);
	}
}

static void
test_outcome_unknown(struct es_store *store)
{
	struct sample_request requests[3];

	is_int(sample_do(store, "unknown", PUT("a"), NULL), ES_OK, "something before");
	proxy_cut(proxy, PROXY_CUT_AFTER_COMMIT);
	proxy_refuse_after_cut(proxy);
	sample_request_begin(&requests[0], "unknown", PUT("b"));
	sample_request_key(&requests[0], NULL);
	sample_request_begin(&requests[1], "unknown", "{\"type\":\"refuse\"}");
	sample_request_begin(&requests[2], "unknown", "{\"type\":\"rewind\",\"version\":1}");
	struct sample_request behind;
	sample_request_begin(&behind, "unknown", PUT("c"));
	const int64_t started = es_clock_monotonic();
	for (int i = 0; i < 3; i++) {
		requests[i].append.deadline = started + 3 * ES_SECOND;
		requests[i].append.next = i < 2 ? &requests[i + 1].append : &behind.append;
	}
	es_batch_apply(store, &sample_decider, &requests[0].append, NULL);
	const int64_t took = es_clock_monotonic() - started;
	is_int(requests[0].append.result, ES_OUTCOME_UNKNOWN, "nobody can tell whether it was applied: unknown");
	is_int(requests[2].append.result, ES_OUTCOME_UNKNOWN, "the same for the rest of its batch");
	is_int(requests[1].append.result, ES_UNAVAILABLE, "what was refused was surely not applied");
	is_int(behind.append.result, ES_UNAVAILABLE, "nor what was not decided yet");
	ok(took > ES_SECOND && took < 4 * ES_SECOND, "the answer comes with the deadline of 3 s: %lld ms",
	   (long long)took / 1000);

	proxy_refuse(proxy, false);
	struct sample_request again;
	sample_request_begin(&again, "unknown", PUT("b"));
	char key[ES_UUID_TEXT_SIZE];
	sample_request_key(&again, es_uuid_format(&requests[0].append.command_id, key));
	struct es_error error = ES_ERROR_INIT;
	while (store->operations->connect(store, es_clock_monotonic() + ES_SECOND, &error) != ES_OK &&
	       es_clock_monotonic() < started + 30 * ES_SECOND)
		poll(NULL, 0, 20);
	sample_apply(store, &again, 1, NULL);
	is_int(again.append.result, ES_OK, "the same key sent again has the answer");
	ok(again.append.replayed, "of the first time");
	is_int(again.append.version, 2, "with its version");
	for (int i = 0; i < 3; i++)
		sample_request_done(&requests[i]);
	sample_request_done(&behind);
	sample_request_done(&again);
}

static void
test_away(void)
{
	struct es_store *store = fixture_store_at(proxy_port(proxy));
	struct sample_request request;

	proxy_refuse(proxy, true);
	for (int i = 0; i < 3; i++) {
		const int64_t started = es_clock_monotonic();
		is_int(sample_do(store, "away", PUT("a"), &request), ES_UNAVAILABLE,
		       "the database is away: unavailable");
		ok(es_clock_monotonic() - started < ES_SECOND, "within a second");
		ok(request.append.error.detail[0] != '\0', "with a reason: %s", request.append.error.detail);
		sample_request_done(&request);
	}
	proxy_refuse(proxy, false);
	const int64_t started = es_clock_monotonic();
	enum es_result result = ES_UNAVAILABLE;
	while (result == ES_UNAVAILABLE && es_clock_monotonic() < started + 10 * ES_SECOND) {
		poll(NULL, 0, 20);
		result = sample_do(store, "away", PUT("b"), NULL);
	}
	is_int(result, ES_OK, "it comes back by itself");
	ok(es_clock_monotonic() - started < 4 * ES_SECOND, "within the longest back-off");
	is_log("away", "b", "what was unavailable was not applied");
	es_store_free(store);
}

/* The connection dies while it lies idle: nobody needs to know. */
static void
test_idle(struct es_store *store)
{
	struct es_error error = ES_ERROR_INIT;
	struct es_head head;

	is_int(sample_do(store, "idle", PUT("a"), NULL), ES_OK, "something before");
	const char *const kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
				 " WHERE application_name = 'store-test' AND datname = current_database()";
	ok(fixture_number(kill) >= 1, "the idle connection is ended");
	const int64_t reconnects = store->operations->reconnects(store);
	is_int(sample_do(store, "idle", PUT("b"), NULL), ES_OK, "the next request does not notice");
	is_int(store->operations->reconnects(store), reconnects + 1, "but the count of reconnects does");
	ok(fixture_number(kill) >= 1, "again");
	is_int(store->operations->head(store, "idle", &head, &error), ES_OK, "nor does a reader");
	is_int(head.version, 2, "which sees both");
}

/* --- those who wait behind a batch that is in doubt --- */

static struct es_store *
open_through_proxy(void *context)
{
	(void)context;
	return fixture_store_at(proxy_port(proxy));
}

static void
test_waiting_behind(void)
{
	const struct es_writer_options options = { .decider = &sample_decider,
		                                   .threads = 1,
		                                   .open_store = open_through_proxy };
	struct es_writer *writer = NULL;
	struct es_error error = ES_ERROR_INIT;
	struct sample_request first;
	struct sample_request later[8];
	int64_t longest = 0;

	if (es_writer_new(&options, &writer, &error) != ES_OK)
		bail("no writer: %s", error.detail);
	proxy_cut(proxy, PROXY_CUT_AFTER_COMMIT);
	proxy_refuse_after_cut(proxy);
	sample_request_begin(&first, "behind", PUT("a"));
	es_writer_submit(writer, &first.append);
	while (!proxy_has_cut(proxy))
		poll(NULL, 0, 5);
	for (int i = 0; i < 8; i++) {
		sample_request_begin(&later[i], "behind", PUT("b"));
		const int64_t submitted = es_clock_monotonic();
		es_writer_submit(writer, &later[i].append);
		while (later[i].done == 0 && es_clock_monotonic() < submitted + 10 * ES_SECOND)
			poll(NULL, 0, 5);
		const int64_t waited = es_clock_monotonic() - submitted;
		longest = waited > longest ? waited : longest;
	}
	ok(longest < ES_SECOND, "whoever waits behind a batch in doubt hears within a second: %lld ms",
	   (long long)longest / 1000);
	bool unavailable = true;
	for (int i = 0; i < 8; i++)
		unavailable = unavailable && later[i].append.result == ES_UNAVAILABLE;
	ok(unavailable, "that nothing was applied");
	is_int(first.done, 0, "the batch itself still waits");
	proxy_refuse(proxy, false);
	es_writer_free(writer);
	is_int(first.append.result, ES_OK, "and is answered when the database is back");
	is_log("behind", "a", "applied once, and nothing else");
	sample_request_done(&first);
	for (int i = 0; i < 8; i++)
		sample_request_done(&later[i]);
}

/* Where the server would rather start other processes, for one row as for a million. */
static void
test_plans(void)
{
	static const struct es_statement statements[] = {
		{ "count", "EXPLAIN (COSTS OFF) SELECT count(*) FROM es.events" },
		{ NULL, NULL },
	};
	char conninfo[512];
	struct es_error error = ES_ERROR_INIT;
	_cleanup_result_ PGresult *result = NULL;

	snprintf(conninfo, sizeof conninfo,
	         "dbname=%s user=eventledger_worker options='-c parallel_setup_cost=0 -c parallel_tuple_cost=0"
	         " -c min_parallel_table_scan_size=0 -c min_parallel_index_scan_size=0'",
	         getenv("STORE_DATABASE"));
	const struct es_database_options options = {
		.conninfo = conninfo, .application_name = "plans", .statements = statements, .setup = ES_DATABASE_PLANS
	};
	struct es_database *database = es_database_new(&options);
	const int64_t deadline = es_clock_monotonic() + 10 * ES_SECOND;
	if (es_database_connect(database, deadline, &error) != ES_OK ||
	    es_database_query(database, 0, NULL, deadline, &result, &error) != ES_OK)
		bail("no plan: %s", error.detail);
	bool is_parallel = PQntuples(result) == 0;
	for (int i = 0; i < PQntuples(result); i++)
		is_parallel = is_parallel || strstr(PQgetvalue(result, i, 0), "Gather") != NULL;
	ok(!is_parallel, "no statement starts other processes");
	es_database_free(database);
}

/* Without a COMMIT of its own a statement is committed by the sync: an error of that comes with no statement's result.
 */
static void
test_sync_fails(void)
{
	static const struct es_statement statements[] = {
		{ "one", "SELECT 1" },
		{ "twice", "INSERT INTO late VALUES (1), (1)" },
		{ "missing", "SELECT es.of_another_release()" },
		{ "wrong", "SELECT 1 / 0" },
		{ NULL, NULL },
	};
	enum { ONE, TWICE, MISSING, WRONG };
	struct es_error error = ES_ERROR_INIT;
	char conninfo[64];

	snprintf(conninfo, sizeof conninfo, "dbname=%s user=postgres", getenv("STORE_DATABASE"));
	const struct es_database_options options = {
		.conninfo = conninfo,
		.application_name = "sync",
		.statements = statements,
		.setup = "CREATE TEMP TABLE late (key integer UNIQUE DEFERRABLE INITIALLY DEFERRED)",
	};
	struct es_database *database = es_database_new(&options);
	const int64_t deadline = es_clock_monotonic() + 10 * ES_SECOND;
	for (int round = 1; round <= 2; round++) {
		_cleanup_result_ PGresult *one = NULL;
		PGresult *none = NULL;
		if (es_database_connect(database, deadline, &error) != ES_OK)
			bail("no connection: %s", error.reason);
		is_int(es_database_query(database, ONE, NULL, deadline, &one, &error), ES_OK,
		       "a statement is answered");
		is_int(es_database_query(database, TWICE, NULL, deadline, &none, &error), ES_UNAVAILABLE,
		       "one that fails when it is committed");
		ok(strstr(error.reason, "duplicate key") != NULL, "with the server's reason");
		ok(none == NULL && !es_database_connected(database), "without a result; the connection is closed");
	}
	is_int(es_database_reconnects(database), 1, "the next one was made at once");

	PGresult *none = NULL;
	if (es_database_connect(database, deadline, &error) != ES_OK)
		bail("no connection: %s", error.reason);
	is_int(es_database_query(database, MISSING, NULL, deadline, &none, &error), ES_UNAVAILABLE,
	       "a function that another release has is there in a moment");
	is_int(es_database_query(database, WRONG, NULL, deadline, &none, &error), ES_FAILED,
	       "what is wrong stays wrong");
	ok(es_database_connected(database), "neither costs the connection");
	es_database_free(database);
}

int
main(void)
{
	proxy = proxy_new(fixture_socket());
	struct es_store *store = fixture_store_at(proxy_port(proxy));

	test_round_trips(store);
	test_cuts(store, PROXY_CUT_BEFORE_COMMIT, false, "cut-1");
	test_cuts(store, PROXY_CUT_AFTER_COMMIT, false, "cut-2");
	test_cuts(store, PROXY_CUT_BEFORE_COMMIT, true, "cut-3");
	test_cuts(store, PROXY_CUT_AFTER_COMMIT, true, "cut-4");
	test_cut_without_events(store);
	test_idle(store);
	test_outcome_unknown(store);
	test_away();
	test_waiting_behind();
	test_plans();
	test_sync_fails();
	es_store_free(store);
	proxy_free(proxy);
	return done_testing();
}
