/* What a connection remembers of streams: it spares a round trip, and is never believed where it is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/postgres.h"
#include "event/sample.h"
#include "fixture.h"
#include "proxy.h"
#include "tap.h"

/* Needs no facts; leaves one. */
#define OWN "{\"type\":\"script\",\"steps\":[[\"own\",\"/a\",1]]}"
#define PUT(key) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":1}"
#define REWIND(version) "{\"type\":\"rewind\",\"version\":" #version "}"

static struct proxy *proxy;

static void
is_version(struct es_store *store, const char *stream, const char *body, int64_t version, const char *name)
{
	struct sample_request request;

	const enum es_result result = sample_do(store, stream, body, &request);
	ok(result == ES_OK && request.append.version == version, "%s: version %lld", name, (long long)version);
	sample_request_done(&request);
}

static void
takes(int round_trips, const char *name)
{
	is_int(proxy_round_trips(proxy), round_trips, name);
}

static void
test_round_trips(struct es_store *store)
{
	struct sample_request requests[40];
	bool all = true;

	is_version(store, "trips", OWN, 1, "a connection is set up, a stream is made");
	proxy_round_trips(proxy);
	is_version(store, "trips", OWN, 2, "a stream that is remembered");
	takes(1, "takes one round trip");
	is_version(store, "trips", PUT("a"), 3, "one that needs facts");
	takes(2, "takes two");
	is_version(store, "trips", OWN, 4, "and leaves a memory");
	takes(1, "that is right");
	is_version(store, "trips", REWIND(2), 5, "a rewind");
	takes(2, "needs its target");
	is_version(store, "trips", OWN, 6, "after it");
	takes(1, "the stream is remembered as well");
	is_version(store, "trips-2", OWN, 1, "a new stream");
	takes(2, "has to be made");

	for (int i = 0; i < 40; i++) {
		sample_request_begin(&requests[i], i % 2 == 0 ? "trips" : "trips-2", OWN);
		sample_request_key(&requests[i], NULL);
	}
	sample_apply(store, requests, 40, NULL);
	for (int i = 0; i < 40; i++) {
		all = all && requests[i].append.result == ES_OK &&
		      requests[i].append.version == i / 2 + (i % 2 == 0 ? 7 : 2);
		sample_request_done(&requests[i]);
	}
	ok(all, "forty requests with keys for two streams");
	takes(1, "take one");
}

/* Somebody else writes in between. */
static void
test_stale(struct es_store *store, struct es_store *other)
{
	struct sample_request request;

	is_version(store, "stale", OWN, 1, "one store writes");
	is_version(other, "stale", OWN, 2, "then another");
	is_version(store, "stale", OWN, 3, "the first one's memory is out of date");
	is_version(store, "stale-2", OWN, 1, "which is doubted no longer");
	is_version(other, "stale", PUT("a"), 4, "the other again");

	proxy_round_trips(proxy);
	sample_request_begin(&request, "stale", OWN);
	request.append.expected[request.append.expected_count++].version = 3;
	sample_apply(store, &request, 1, NULL);
	takes(3, "a memory is wrong");
	is_int(request.append.result, ES_CONFLICT, "who expects what is out of date hears so");
	is_int(request.append.error.version, 4, "with the version that is true");
	sample_request_done(&request);

	is_version(other, "stale", OWN, 5, "the other again");
	sample_request_begin(&request, "stale", OWN);
	request.append.expected[request.append.expected_count++].version = 5;
	sample_apply(store, &request, 1, NULL);
	is_int(request.append.result, ES_OK, "who expects what is true is served, whatever is remembered");
	is_int(request.append.version, 6, "at the next version");
	sample_request_done(&request);

	is_version(other, "stale", "{\"type\":\"nothing\"}", 6, "who writes nothing hears the version that is true");
	is_int(fixture_number("SELECT count(*) FROM es.events JOIN es.streams USING (stream_id) WHERE name = 'stale'"),
	       6, "each is written once");
}

/* A key that came through somebody else, and one that comes again. */
static void
test_keys(struct es_store *store, struct es_store *other)
{
	struct sample_request first;
	struct sample_request again;
	char key[ES_UUID_TEXT_SIZE];
	const struct es_uuid uuid = es_uuid_new();

	is_version(store, "keys", OWN, 1, "a store remembers a stream");
	is_version(other, "keys-2", OWN, 1, "another one another stream");
	sample_request_begin(&first, "keys", OWN);
	sample_request_key(&first, es_uuid_format(&uuid, key));
	sample_apply(store, &first, 1, NULL);
	is_int(first.append.version, 2, "a key comes");
	for (int i = 0; i < 2; i++) {
		sample_request_begin(&again, "keys", OWN);
		sample_request_key(&again, key);
		sample_apply(i == 0 ? store : other, &again, 1, NULL);
		is_int(again.append.result, ES_OK, "the same key again");
		ok(again.append.replayed && again.append.version == 2, "has the first answer");
		is_string(again.events[0].id, first.events[0].id, "with the same event");
		sample_request_done(&again);
	}
	sample_request_begin(&again, "keys-2", OWN);
	sample_request_key(&again, key);
	sample_apply(other, &again, 1, NULL);
	is_int(again.append.result, ES_REFUSED, "with another request it is refused");
	sample_request_done(&again);
	sample_request_done(&first);
	is_int(fixture_number(
		       "SELECT count(*) FROM es.events JOIN es.streams USING (stream_id) WHERE name LIKE 'keys%'"),
	       3, "nothing is written twice");
}

/* The log gets another name while connections are open, as after a restore. */
static void
test_other_log(struct es_store *store)
{
	struct sample_request request;

	is_version(store, "renewed", OWN, 1, "a stream is remembered");
	_cleanup_free_ char *before = fixture_query("SELECT log FROM es.log");
	_cleanup_free_ char *renewed = fixture_query("SELECT es.renew_log()");
	_cleanup_free_ char *after = fixture_query("SELECT log FROM es.log");
	ok(strcmp(before, after) != 0, "the log is renamed");
	for (int i = 0; i < 2; i++) {
		is_int(sample_do(store, "renewed", OWN, &request), ES_OK, "the next request is applied");
		is_string(request.append.log, after, "and names the log that it is in");
		sample_request_done(&request);
	}
}

/* The log is restored beneath an open connection: it has its name still, and fewer events, or others. */
static void
test_restored(struct es_store *store)
{
	static const char *const restores[] = {
		"DELETE FROM es.events e USING es.streams s WHERE s.stream_id = e.stream_id AND s.name = 'restored' "
		"AND version > 2",
		"UPDATE es.events e SET id = gen_random_uuid() FROM es.streams s"
		" WHERE s.stream_id = e.stream_id AND s.name = 'restored'",
	};

	for (int i = 0; i < 4; i++)
		is_int(sample_do(store, "restored", OWN, NULL), ES_OK, "events before the restore");
	for (int i = 0; i < 2; i++) {
		PGconn *superuser = fixture_connect("postgres");
		PQclear(PQexec(superuser, "SET session_replication_role = replica")); /* without triggers */
		PGresult *result = PQexec(superuser, restores[i]);
		ok(strcmp(PQcmdTuples(result), "0") > 0, "%s", i == 0 ? "some are gone" : "the others are other ones");
		PQclear(result);
		PQfinish(superuser);
		proxy_round_trips(proxy);
		is_version(store, "restored", OWN, i + 3, "what follows, follows what is there");
		takes(3, "a memory is wrong");
		is_version(store, "restored-2", OWN, i + 1, "which is doubted no longer");
	}
}

/* PostgreSQL refuses at the commit itself, after every statement was answered. */
static void
test_failing_commit(struct es_store *store)
{
	struct sample_request request;

	is_version(store, "failing", OWN, 1, "a stream is remembered");
	PGconn *superuser = fixture_connect("postgres");
	PQclear(PQexec(superuser, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
	                          " 'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100''; END'"));
	PQclear(PQexec(superuser,
	               "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON es.events DEFERRABLE INITIALLY DEFERRED"
	               " FOR EACH ROW EXECUTE FUNCTION fail()"));
	is_int(sample_do(store, "failing", OWN, &request), ES_UNAVAILABLE, "a commit that fails is not applied");
	sample_request_done(&request);
	PQclear(PQexec(superuser, "DROP TRIGGER fail ON es.events"));
	PQfinish(superuser);
	for (int i = 0; i < 3; i++)
		is_version(store, "failing", OWN, i + 2, "nothing of it is remembered");
}

/* The connection is cut around the commit of what was only remembered. */
static void
test_cut(struct es_store *store, enum proxy_cut cut, bool keyed, int64_t version)
{
	struct sample_request requests[3];

	is_version(store, "cut", OWN, version, "a stream is remembered");
	proxy_round_trips(proxy);
	proxy_cut(proxy, cut);
	for (int i = 0; i < 3; i++) {
		sample_request_begin(&requests[i], "cut", OWN);
		if (keyed)
			sample_request_key(&requests[i], NULL);
	}
	sample_apply(store, requests, 3, NULL);
	ok(proxy_has_cut(proxy), "the connection is cut");
	for (int i = 0; i < 3; i++) {
		ok(requests[i].append.result == ES_OK && requests[i].append.version == version + i + 1,
		   "each is applied, with its version");
		sample_request_done(&requests[i]);
	}
	is_int(sample_head(store, "cut").version, version + 3, "once");
}

/* The connection is lost, but what it had sent arrives: later, when it was looked for already. */
static void
test_late(struct es_store *store)
{
	struct sample_request request;

	is_version(store, "late", OWN, 1, "a stream is remembered");
	proxy_cut(proxy, PROXY_DELAY_COMMIT);
	is_int(sample_do(store, "late", OWN, &request), ES_OK, "a request whose first attempt comes late");
	ok(proxy_has_cut(proxy), "the connection is lost");
	is_int(request.append.version, 2, "has its version");
	sample_request_done(&request);
	ok(fixture_becomes_true("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'eventledger_worker'"
	                        " AND state = 'active'"),
	   "the first attempt has come to its end");
	is_int(sample_head(store, "late").version, 2, "and is not applied once more");
	is_version(store, "late", OWN, 3, "the stream goes on");
}

/* A connection of its own remembers nothing of the one before. */
static void
test_other_connection(struct es_store *store)
{
	is_version(store, "again", OWN, 1, "a stream is remembered");
	_cleanup_free_ char *ended = fixture_query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
	                                           " WHERE usename = 'eventledger_worker'");
	ok(fixture_becomes_true("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'eventledger_worker'"),
	   "the connection is ended");
	proxy_round_trips(proxy);
	is_version(store, "again", OWN, 2, "the next request does not notice");
	proxy_round_trips(proxy);
	is_version(store, "again", OWN, 3, "and is remembered");
	takes(1, "by the new connection");
}

/* Two hosts write to one stream in turns: memories that are always wrong soon cost next to nothing. */
static void
test_doubt(struct es_store *store, struct es_store *other)
{
	enum { TURNS = 400 };
	bool dense = true;

	proxy_round_trips(proxy);
	for (int i = 0; i < TURNS; i++) {
		struct sample_request request;
		sample_do(i % 2 == 0 ? store : other, "turns", OWN, &request);
		dense = dense && request.append.result == ES_OK && request.append.version == i + 1;
		sample_request_done(&request);
	}
	ok(dense, "%d requests, in turns through two stores, get dense versions", TURNS);
	/* only store goes through the proxy: 2 each, and one more for each memory tried */
	const int trips = proxy_round_trips(proxy);
	ok(trips >= TURNS && trips < TURNS + TURNS / 10, "with %d round trips for %d of them", trips, TURNS / 2);
	for (int i = 0; i < 3 * POSTGRES_DOUBT_MAX; i++)
		(void)!sample_do(store, "turns", OWN, NULL);
	proxy_round_trips(proxy);
	(void)!sample_do(store, "turns", OWN, NULL);
	takes(1, "alone again, it trusts its memory");
}

/* At random, through both: facts are counted as they are, and versions are dense. */
static void
test_at_random(struct es_store *stores[2], unsigned seed)
{
	char names[3][16];
	int64_t versions[3] = { 0 };
	bool right = true;

	srandom(seed);
	for (int i = 0; i < 3; i++)
		snprintf(names[i], sizeof names[i], "random-%u-%d", seed, i);
	for (int batch = 0; batch < 300; batch++) {
		struct sample_request requests[6];
		int streams[6];
		const int count = 1 + (int)(random() % 6);
		for (int i = 0; i < count; i++) {
			char body[128];
			streams[i] = (int)(random() % (random() % 3 == 0 ? 3 : 1));
			const int64_t version = versions[streams[i]];
			switch (random() % 8) {
			case 0:
				snprintf(body, sizeof body, "{\"type\":\"rewind\",\"version\":%lld}",
				         (long long)(version == 0 ? 1 : 1 + random() % version));
				break;
			case 1:
				snprintf(body, sizeof body, "%s", PUT("a"));
				break;
			case 2:
				snprintf(body, sizeof body, "{\"type\":\"several\",\"count\":%ld}", random() % 4);
				break;
			default:
				snprintf(body, sizeof body, "[%s,%s]", OWN, OWN);
			}
			sample_request_begin(&requests[i], names[streams[i]], body);
			if (random() % 2 == 0)
				sample_request_key(&requests[i], NULL);
		}
		sample_apply(stores[random() % 4 == 0], requests, count, NULL);
		for (int i = 0; i < count; i++) {
			const struct sample_request *request = &requests[i];
			if (request->append.result == ES_OK && request->append.event_count > 0) {
				right = right && request->events[0].version == versions[streams[i]] + 1;
				versions[streams[i]] = request->append.version;
			}
			right = right && (request->append.result == ES_OK || request->append.result == ES_NOT_FOUND);
			sample_request_done(&requests[i]);
		}
	}
	ok(right, "300 batches at random through two stores (seed %u): versions are dense", seed);
	is_int(fixture_number("SELECT count(*) FROM es.events e JOIN es.streams s USING (stream_id)"
	                      " WHERE s.name LIKE 'random-%'"
	                      " AND e.live <> (SELECT count(*) FROM es.facts_at(e.stream_id, e.version))"),
	       0, "each event says how many facts stand after it");
	for (int i = 0; i < 3; i++)
		is_int(sample_head(stores[1], names[i]).version, versions[i], "and each was recorded once");
}

int
main(void)
{
	proxy = proxy_new(fixture_socket());
	struct es_store *store = fixture_store_at(proxy_port(proxy));
	struct es_store *other = fixture_store();

	test_round_trips(store);
	test_stale(store, other);
	test_keys(store, other);
	test_other_log(store);
	test_restored(store);
	test_failing_commit(store);
	test_cut(store, PROXY_CUT_BEFORE_COMMIT, false, 1);
	test_cut(store, PROXY_CUT_AFTER_COMMIT, false, 5);
	test_cut(store, PROXY_CUT_BEFORE_COMMIT, true, 9);
	test_cut(store, PROXY_CUT_AFTER_COMMIT, true, 13);
	test_late(store);
	test_other_connection(store);
	test_doubt(store, other);
	test_at_random((struct es_store *[]){ store, other }, 1);
	test_at_random((struct es_store *[]){ store, other }, 2);
	es_store_free(other);
	es_store_free(store);
	proxy_free(proxy);
	return done_testing();
}
