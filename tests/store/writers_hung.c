/* Those that hang while they hold a lock: whoever needs it waits about as long as a lock is waited for, and no more. */
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#include "event/sample.h"
#include "fixture.h"
#include "tap.h"
#include "writers_fixture.h"

/* Whether the result came after about as long as a lock is waited for, in two rounds at most. */
static void
took(int64_t started, const char *name)
{
	const int64_t time = es_clock_monotonic() - started;

	ok(time > 4 * ES_SECOND && time < 13 * ES_SECOND, "%s: %lld ms", name, (long long)time / 1000);
}

static void
test_stopped(struct es_store *store)
{
	struct told *told = share();
	const pid_t child = start_stopping((const char *[]){ "stopped" }, (const char *[]){ PAUSE }, NULL, 1, told);
	const int64_t started = es_clock_monotonic();

	is_int(sample_do(store, "elsewhere", PUT("a"), NULL), ES_OK, "a stopped writer holds up its own stream only");
	ok(es_clock_monotonic() - started < 2 * ES_SECOND, "not the others");
	is_int(sample_do(store, "stopped", PUT("a"), NULL), ES_OK, "and its own not for ever");
	took(started, "about 5 s");
	is_log("stopped", 1);
	continue_child(child);
	is_int(told->results[0], ES_OK, "with a true answer: applied");
	is_int(told->versions[0], 2, "as the second event");
	is_log("stopped", 2);
	munmap(told, sizeof *told);
}

/* A request waits for a lock no longer than it may take in all. */
static void
test_out_of_time(struct es_store *store)
{
	PGconn *holder = fixture_connect("eventledger_worker");
	struct sample_request request;

	PQclear(PQexec(holder, "BEGIN"));
	PQclear(PQexec(holder, "SELECT es.lock_streams('{late}')"));
	sample_request_begin(&request, "late", PUT("a"));
	const int64_t started = es_clock_monotonic();
	request.append.deadline = started + ES_SECOND / 2;
	sample_apply(store, &request, 1, NULL);
	is_int(request.append.result, ES_UNAVAILABLE, "who runs out of time while waiting for a lock hears so");
	ok(es_clock_monotonic() - started < 4 * ES_SECOND, "before the wait for the lock would end");
	sample_request_done(&request);
	PQfinish(holder);
	is_log("late", 0);
}

/* No timeout of the server covers a client that does not read. */
static void
test_never_reading(struct es_store *store)
{
	PGconn *mute = fixture_connect("eventledger_worker");

	PQclear(PQexec(mute, "BEGIN"));
	PQclear(PQexec(mute, "SELECT es.lock_streams('{mute}')"));
	if (!PQsendQuery(mute, "SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
		bail("cannot send");
	ok(fixture_becomes_true("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"),
	   "a session writes to a client that does not read");
	const int64_t started = es_clock_monotonic();
	is_int(sample_do(store, "mute", PUT("a"), NULL), ES_OK, "whoever needs its lock gets it");
	took(started, "after about 5 s");
	PQfinish(mute);
	is_log("mute", 1);
}

/* Stopped in the middle of sending its second half: the log itself is locked, for everybody. */
static void
test_log_holder(struct es_store *store)
{
	PGconn *holder = fixture_connect("eventledger_worker");

	if (!PQenterPipelineMode(holder) || !PQsendQueryParams(holder, "BEGIN", 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQsendQueryParams(holder, "SELECT es.lock_log()", 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQsendFlushRequest(holder) || PQflush(holder) != 0)
		bail("cannot send");
	ok(fixture_becomes_true(
		   "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
		   " AND classid = 17747 AND objid = 1"),
	   "a session holds the lock of the log and sends no more");
	const int64_t started = es_clock_monotonic();
	is_int(sample_do(store, "log-holder", PUT("a"), NULL), ES_OK, "whoever needs it gets it");
	took(started, "after about 5 s");
	PQfinish(holder);
	is_log("log-holder", 1);
}

static int pauses;

static void
sleep_once(void)
{
	if (pauses++ == 0)
		poll(NULL, 0, 6000);
}

/* Six seconds of thinking: the server ends our own session, because we ended the first half with Sync. */
static void
test_slow_decision(struct es_store *store)
{
	const int64_t reconnects = store->operations->reconnects(store);
	struct sample_request request;

	pauses = 0;
	sample_pause = sleep_once;
	is_int(sample_do(store, "slow", PAUSE, &request), ES_OK, "a decision of 6 s is answered truthfully");
	is_int(request.append.version, 1, "with its version");
	sample_request_done(&request);
	is_int(pauses, 2, "it was decided twice");
	is_int(store->operations->reconnects(store), reconnects + 1, "because the server had ended the session");
	is_log("slow", 1);
	sample_pause = NULL;
}

void
writers_hung(struct es_store *store)
{
	test_stopped(store);
	test_out_of_time(store);
	test_never_reading(store);
	test_log_holder(store);
	test_slow_decision(store);
}
