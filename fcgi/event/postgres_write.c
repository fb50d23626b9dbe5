/*
 * The serializing transaction, in two round trips: locks and reads, then - decided in between - writes and the commit.
 * Each ends with a sync, so that the server's own timeouts run while it waits for us.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/postgres.h"

/* SQLSTATEs */
#define LOCK_NOT_AVAILABLE "55P03"
#define DEADLOCK_DETECTED "40P01"

/* Begins the arrays of a statement, one for each type. */
static void
begin_arrays(struct es_postgres *postgres, const enum es_array_type *types, int count)
{
	for (int i = 0; i < count; i++)
		es_array_begin(&postgres->arrays[i], types[i]);
}

#define BEGIN_ARRAYS(postgres, ...)                                         \
	begin_arrays(postgres, (const enum es_array_type[]){ __VA_ARGS__ }, \
	             (int)(sizeof((const enum es_array_type[]){ __VA_ARGS__ }) / sizeof(enum es_array_type)))

/* Sends a statement whose parameters are the first count arrays. */
static void
send_arrays(struct es_postgres *postgres, enum postgres_statement statement, int count, struct es_error *error)
{
	struct es_parameters parameters = { 0 };

	for (int i = 0; i < count; i++)
		if (postgres->result == ES_OK && !es_array_parameter(&postgres->arrays[i], &parameters))
			postgres->result = es_fail(error, ES_FAILED, NULL, "no memory for what is to be sent");
	es_postgres_send(postgres, statement, &parameters, error);
}

/* Ends what is left of a transaction.  A connection that does not answer is closed: that ends it as well. */
static void
roll_back(struct es_postgres *postgres)
{
	struct es_error ignored = ES_ERROR_INIT;
	const enum es_result result = postgres->result;
	const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;

	if (!es_database_connected(postgres->database))
		return;
	postgres->result = ES_OK;
	es_postgres_send(postgres, STATEMENT_ROLLBACK, NULL, &ignored);
	es_postgres_sync(postgres, &ignored);
	PQclear(es_postgres_receive(postgres, deadline, &ignored));
	es_postgres_synced(postgres, deadline, &ignored);
	postgres->result = result;
}

/* Somebody held a lock all through our patience: ends those who wait for nothing but their stopped client. */
static void
end_hung_holders(struct es_postgres *postgres)
{
	struct es_error ignored = ES_ERROR_INIT;
	PGresult *result = NULL;

	if (es_database_query(postgres->database, STATEMENT_END_HUNG_HOLDERS, NULL,
	                      es_clock_monotonic() + POSTGRES_ANSWER_TIME, &result, &ignored) == ES_OK)
		PQclear(result);
}

/* --- the first round trip --- */

/* The locks take the names alone; the heads come back in the order of the places. */
static void
send_stream_names(struct es_postgres *postgres, enum postgres_statement statement, const struct es_batch *batch,
                  struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_TEXT, ES_ARRAY_INT8);
	for (int i = 0; i < batch->stream_count; i++) {
		es_array_add_text(&postgres->arrays[0], batch->streams[i].name);
		es_array_add_int64(&postgres->arrays[1], i);
	}
	send_arrays(postgres, statement, statement == STATEMENT_HEADS ? 2 : 1, error);
}

/* The rows of the facts that one stream's commands named, while they are added. */
struct fact_request {
	struct es_array *arrays;
	const struct es_batch_stream *stream;
	int index;
};

static void
add_fact_request(const char *key, void *context)
{
	const struct fact_request *request = context;

	es_array_add_int64(&request->arrays[0], request->index);
	es_array_add_text(&request->arrays[1], request->stream->name);
	es_array_add_text(&request->arrays[2], key);
}

static bool
send_fact_requests(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_TEXT);
	for (int i = 0; i < batch->stream_count; i++) {
		struct fact_request request = { .arrays = postgres->arrays, .stream = &batch->streams[i], .index = i };
		es_facts_each_key(batch->streams[i].facts, add_fact_request, &request);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	send_arrays(postgres, STATEMENT_FETCH_FACTS, 3, error);
	return true;
}

static void
send_targets(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_TEXT, ES_ARRAY_INT8, ES_ARRAY_INT8);
	for (int i = 0; i < batch->target_count; i++) {
		es_array_add_text(&postgres->arrays[0], batch->streams[batch->targets[i].stream].name);
		es_array_add_int64(&postgres->arrays[1], batch->targets[i].version);
		es_array_add_int64(&postgres->arrays[2], i);
	}
	send_arrays(postgres, STATEMENT_TARGETS, 3, error);
}

static void
send_keys(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_UUID, ES_ARRAY_INT8);
	for (int i = 0; i < batch->key_count; i++) {
		es_array_add_uuid(&postgres->arrays[0], &batch->keys[i].append->command_id);
		es_array_add_int64(&postgres->arrays[1], i);
	}
	send_arrays(postgres, STATEMENT_KEYS, 2, error);
}

static void
read_heads(struct es_batch *batch, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result) && i < batch->stream_count; i++) {
		struct es_batch_stream *stream = &batch->streams[i];
		strncpy(batch->log, PQgetvalue(result, i, 0), ES_LOG_SIZE - 1);
		stream->id = es_postgres_int64(result, i, 1);
		stream->fresh = PQgetvalue(result, i, 2)[0] == 't';
		stream->horizon = es_postgres_int64(result, i, 3);
		stream->version = es_postgres_int64(result, i, 4);
		es_facts_set_live(stream->facts, (int)es_postgres_int64(result, i, 5));
	}
}

static void
read_keys(struct es_batch *batch, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct es_batch_key *key = &batch->keys[es_postgres_int64(result, i, 0)];
		key->stream_id = es_postgres_int64(result, i, 1);
		key->first_version = es_postgres_int64(result, i, 2);
		key->last_version = es_postgres_int64(result, i, 3);
		key->known = es_uuid_parse(PQgetvalue(result, i, 4), &key->request_hash);
	}
}

static void
read_facts(const struct es_batch *batch, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++)
		es_facts_fetched(batch->streams[es_postgres_int64(result, i, 0)].facts, PQgetvalue(result, i, 1),
		                 PQgetvalue(result, i, 2));
}

static void
read_targets(struct es_batch *batch, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++)
		batch->targets[es_postgres_int64(result, i, 0)].live = (int)es_postgres_int64(result, i, 1);
}

/* One attempt of the first round trip. */
static void
lock_and_read(struct es_postgres *postgres, struct es_batch *batch, struct es_error *error)
{
	es_postgres_send(postgres, STATEMENT_BEGIN, NULL, error);
	send_stream_names(postgres, STATEMENT_LOCK_STREAMS, batch, error);
	send_stream_names(postgres, STATEMENT_HEADS, batch, error);
	const bool facts = send_fact_requests(postgres, batch, error);
	if (batch->target_count > 0)
		send_targets(postgres, batch, error);
	if (batch->key_count > 0)
		send_keys(postgres, batch, error);
	es_postgres_sync(postgres, error);

	/* nothing is written yet: who waits for a lock may give up when the time of the requests is over */
	const int64_t patience = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
	const int64_t deadline = patience < batch->deadline ? patience : batch->deadline;
	PQclear(es_postgres_receive(postgres, deadline, error)); /* begin */
	PQclear(es_postgres_receive(postgres, deadline, error)); /* locks */
	_cleanup_result_ PGresult *heads = es_postgres_receive(postgres, deadline, error);
	if (heads != NULL)
		read_heads(batch, heads);
	_cleanup_result_ PGresult *fetched = facts ? es_postgres_receive(postgres, deadline, error) : NULL;
	if (fetched != NULL)
		read_facts(batch, fetched);
	_cleanup_result_ PGresult *targets =
		batch->target_count > 0 ? es_postgres_receive(postgres, deadline, error) : NULL;
	if (targets != NULL)
		read_targets(batch, targets);
	_cleanup_result_ PGresult *keys = batch->key_count > 0 ? es_postgres_receive(postgres, deadline, error) : NULL;
	if (keys != NULL)
		read_keys(batch, keys);
	es_postgres_synced(postgres, deadline, error);
}

/* Whether an exchange that failed may succeed at once: it waited for a lock in vain, or was the victim of a deadlock.
 */
static bool
may_try_again(struct es_postgres *postgres, const struct es_batch *batch)
{
	if (strcmp(postgres->state, LOCK_NOT_AVAILABLE) == 0)
		end_hung_holders(postgres);
	else if (strcmp(postgres->state, DEADLOCK_DETECTED) != 0)
		return false;
	return es_clock_monotonic() < batch->deadline;
}

enum es_result
es_postgres_begin(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);

	for (;;) {
		if (es_postgres_start(postgres, batch->deadline, error) != ES_OK)
			return postgres->result;
		lock_and_read(postgres, batch, error);
		if (postgres->result == ES_OK)
			return ES_OK;
		roll_back(postgres);
		if (!may_try_again(postgres, batch))
			return postgres->result;
	}
}

/* --- the second round trip --- */

static bool
send_new_streams(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT);
	for (int i = 0; i < batch->stream_count; i++) {
		const struct es_batch_stream *stream = &batch->streams[i];
		if (!stream->fresh || stream->first_version == 0)
			continue;
		es_array_add_int64(&postgres->arrays[0], stream->id);
		es_array_add_text(&postgres->arrays[1], stream->name);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	send_arrays(postgres, STATEMENT_NEW_STREAMS, 2, error);
	return true;
}

static bool
send_closings(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_INT8);
	for (int i = 0; i < batch->stream_count; i++) {
		struct es_fact_close close;
		for (size_t at = 0; es_facts_next_close(batch->streams[i].facts, &at, &close);) {
			es_array_add_int64(&postgres->arrays[0], batch->streams[i].id);
			es_array_add_text(&postgres->arrays[1], close.key);
			es_array_add_int64(&postgres->arrays[2], close.until);
		}
	}
	if (postgres->arrays[0].count == 0)
		return false;
	send_arrays(postgres, STATEMENT_CLOSE_FACTS, 3, error);
	return true;
}

static void
add_write(struct es_array *arrays, int64_t stream_id, const struct es_fact_write *write)
{
	es_array_add_int64(&arrays[0], stream_id);
	es_array_add_text(&arrays[1], write->key);
	es_array_add_text(&arrays[2], json_object_to_json_string_ext(write->value, JSON_C_TO_STRING_PLAIN));
	es_array_add_int64(&arrays[3], write->since);
	if (write->until == 0)
		es_array_add_null(&arrays[4]);
	else
		es_array_add_int64(&arrays[4], write->until);
}

static bool
send_writes(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_TEXT, ES_ARRAY_INT8, ES_ARRAY_INT8);
	for (int i = 0; i < batch->stream_count; i++) {
		struct es_fact_write write;
		for (size_t at = 0; es_facts_next_write(batch->streams[i].facts, &at, &write);)
			add_write(postgres->arrays, batch->streams[i].id, &write);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	send_arrays(postgres, STATEMENT_INSERT_FACTS, 5, error);
	return true;
}

/* After the facts of the events before it: a rewind works on the stream as the batch leaves it. */
static int
send_rewinds(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	int sent = 0;

	for (int i = 0; i < batch->stream_count; i++) {
		const struct es_batch_stream *stream = &batch->streams[i];
		if (stream->rewind_version == 0)
			continue;
		char numbers[3][24];
		struct es_parameters parameters = { 0 };
		const int64_t values[3] = { stream->id, stream->rewind_target, stream->rewind_version };
		for (int n = 0; n < 3; n++) {
			snprintf(numbers[n], sizeof numbers[n], "%lld", (long long)values[n]);
			es_parameters_add(&parameters, numbers[n]);
		}
		es_postgres_send(postgres, STATEMENT_REWIND_FACTS, &parameters, error);
		sent++;
	}
	return sent;
}

static void
send_events(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	struct es_array *arrays = postgres->arrays;

	BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_UUID, ES_ARRAY_TEXT, ES_ARRAY_TEXT, ES_ARRAY_INT8,
	             ES_ARRAY_TEXT, ES_ARRAY_UUID, ES_ARRAY_INT8, ES_ARRAY_INT8);
	for (int i = 0; i < batch->event_count; i++) {
		const struct es_batch_event *event = &batch->events[i];
		es_array_add_int64(&arrays[0], batch->streams[event->stream].id);
		es_array_add_int64(&arrays[1], event->version);
		es_array_add_uuid(&arrays[2], &event->id);
		es_array_add_text(&arrays[3], event->type);
		es_array_add_text(&arrays[4], event->data);
		es_array_add_int64(&arrays[5], event->base);
		es_array_add_text(&arrays[6], event->actor);
		es_array_add_uuid(&arrays[7], event->command_id);
		es_array_add_int64(&arrays[8], event->live);
		es_array_add_int64(&arrays[9], i + 1);
	}
	send_arrays(postgres, STATEMENT_INSERT_EVENTS, 10, error);
}

static void
send_answers(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	struct es_array *arrays = postgres->arrays;

	BEGIN_ARRAYS(postgres, ES_ARRAY_UUID, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_UUID);
	for (int i = 0; i < batch->answer_count; i++) {
		const struct es_batch_answer *answer = &batch->answers[i];
		es_array_add_uuid(&arrays[0], &answer->append->command_id);
		es_array_add_int64(&arrays[1], batch->streams[answer->stream].id);
		es_array_add_int64(&arrays[2], answer->first_version);
		es_array_add_int64(&arrays[3], answer->last_version);
		es_array_add_uuid(&arrays[4], &answer->append->request_hash);
	}
	send_arrays(postgres, STATEMENT_INSERT_ANSWERS, 5, error);
}

/* Positions are dense and in the order of the batch: the first one says them all. */
static void
place_events(struct es_batch *batch, const PGresult *result)
{
	for (int i = 0; i < batch->event_count; i++) {
		batch->events[i].position = es_postgres_int64(result, 0, 0) + i;
		batch->events[i].recorded_at = es_postgres_int64(result, 0, 1);
	}
}

enum es_result
es_postgres_commit(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);
	int before_events = 0; /* results that say nothing but whether the statement worked */

	before_events += send_new_streams(postgres, batch, error);
	before_events += send_closings(postgres, batch, error);
	before_events += send_writes(postgres, batch, error);
	before_events += send_rewinds(postgres, batch, error);
	if (batch->event_count > 0) {
		es_postgres_send(postgres, STATEMENT_LOCK_LOG, NULL, error);
		before_events++;
		send_events(postgres, batch, error);
	}
	if (batch->answer_count > 0)
		send_answers(postgres, batch, error);
	if (batch->event_count > 0)
		es_postgres_send(postgres, STATEMENT_NOTIFY, NULL, error);
	es_postgres_send(postgres, STATEMENT_COMMIT, NULL, error);
	es_postgres_sync(postgres, error);
	if (postgres->result == ES_FAILED) {
		/* not even all sent: nothing was committed */
		es_database_close(postgres->database, false);
		return ES_FAILED;
	}

	const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
	for (int i = 0; i < before_events; i++)
		PQclear(es_postgres_receive(postgres, deadline, error));
	if (batch->event_count > 0) {
		_cleanup_result_ PGresult *placed = es_postgres_receive(postgres, deadline, error);
		if (placed != NULL)
			place_events(batch, placed);
	}
	if (batch->answer_count > 0)
		PQclear(es_postgres_receive(postgres, deadline, error));
	if (batch->event_count > 0)
		PQclear(es_postgres_receive(postgres, deadline, error));
	PQclear(es_postgres_receive(postgres, deadline, error));
	es_postgres_synced(postgres, deadline, error);
	if (postgres->result != ES_OK && !es_database_connected(postgres->database))
		return ES_OUTCOME_UNKNOWN;
	if (postgres->result != ES_OK) {
		roll_back(postgres);
		/* somebody holds the lock of the log: the batch is tried again when they are gone */
		if (strcmp(postgres->state, LOCK_NOT_AVAILABLE) == 0)
			end_hung_holders(postgres);
	}
	return postgres->result;
}

void
es_postgres_abort(struct es_store *store)
{
	roll_back(es_postgres_of(store));
}

/* --- after a lost commit --- */

/* Looks for the batch's first event, or its first answer where it has no event: it is there whole or not at all. */
static void
send_find(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	const struct es_batch_event *event = batch->event_count > 0 ? &batch->events[0] : NULL;
	const struct es_batch_answer *answer = event == NULL ? &batch->answers[0] : NULL;
	struct es_parameters parameters = { 0 };
	char command_id[ES_UUID_TEXT_SIZE];
	char stream_id[24];
	char version[24];

	snprintf(stream_id, sizeof stream_id, "%lld",
	         (long long)batch->streams[event != NULL ? event->stream : answer->stream].id);
	if (event != NULL) {
		snprintf(version, sizeof version, "%lld", (long long)event->version);
		es_parameters_add(&parameters, stream_id);
		es_parameters_add(&parameters, version);
		es_parameters_add(&parameters, event->id_text);
		es_postgres_send(postgres, STATEMENT_FIND_EVENT, &parameters, error);
	} else {
		es_parameters_add(&parameters, es_uuid_format(&answer->append->command_id, command_id));
		es_parameters_add(&parameters, stream_id);
		es_postgres_send(postgres, STATEMENT_FIND_ANSWER, &parameters, error);
	}
}

enum es_result
es_postgres_find(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);

	for (;;) {
		if (es_postgres_start(postgres, batch->deadline, error) != ES_OK)
			return ES_UNAVAILABLE;
		es_postgres_send(postgres, STATEMENT_BEGIN, NULL, error);
		send_stream_names(postgres, STATEMENT_LOCK_STREAMS, batch, error);
		send_find(postgres, batch, error);
		es_postgres_send(postgres, STATEMENT_COMMIT, NULL, error);
		es_postgres_sync(postgres, error);

		const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
		PQclear(es_postgres_receive(postgres, deadline, error));
		PQclear(es_postgres_receive(postgres, deadline, error));
		_cleanup_result_ PGresult *found = es_postgres_receive(postgres, deadline, error);
		PQclear(es_postgres_receive(postgres, deadline, error));
		es_postgres_synced(postgres, deadline, error);
		if (postgres->result == ES_OK && found != NULL) {
			if (PQntuples(found) == 0)
				return ES_NOT_FOUND;
			place_events(batch, found);
			return ES_OK;
		}
		roll_back(postgres);
		if (!may_try_again(postgres, batch))
			return ES_UNAVAILABLE;
	}
}
