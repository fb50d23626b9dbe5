/* The second round trip of the transaction: what was decided is written and committed. */
#include <json-c/json.h>
#include <stdio.h>

#include "event/cleanup.h"
#include "event/postgres.h"

static bool
send_new_streams(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT);
	for (int i = 0; i < batch->stream_count; i++) {
		const struct es_batch_stream *stream = &batch->streams[i];
		if (!stream->fresh || stream->first_version == 0)
			continue;
		es_array_add_int64(&postgres->arrays[0], stream->id);
		es_array_add_text(&postgres->arrays[1], stream->name);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	es_postgres_send_arrays(postgres, STATEMENT_NEW_STREAMS, 2, error);
	return true;
}

static bool
send_closings(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_INT8);
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
	es_postgres_send_arrays(postgres, STATEMENT_CLOSE_FACTS, 3, error);
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
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_TEXT, ES_ARRAY_INT8, ES_ARRAY_INT8);
	for (int i = 0; i < batch->stream_count; i++) {
		struct es_fact_write write;
		for (size_t at = 0; es_facts_next_write(batch->streams[i].facts, &at, &write);)
			add_write(postgres->arrays, batch->streams[i].id, &write);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	es_postgres_send_arrays(postgres, STATEMENT_INSERT_FACTS, 5, error);
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

	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_UUID, ES_ARRAY_TEXT, ES_ARRAY_TEXT,
	                         ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_UUID, ES_ARRAY_INT8, ES_ARRAY_INT8);
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
	es_postgres_send_arrays(postgres, STATEMENT_INSERT_EVENTS, 10, error);
}

static void
send_answers(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	struct es_array *arrays = postgres->arrays;

	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_UUID, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_INT8, ES_ARRAY_UUID);
	for (int i = 0; i < batch->answer_count; i++) {
		const struct es_batch_answer *answer = &batch->answers[i];
		es_array_add_uuid(&arrays[0], &answer->append->command_id);
		es_array_add_int64(&arrays[1], batch->streams[answer->stream].id);
		es_array_add_int64(&arrays[2], answer->first_version);
		es_array_add_int64(&arrays[3], answer->last_version);
		es_array_add_uuid(&arrays[4], &answer->append->request_hash);
	}
	es_postgres_send_arrays(postgres, STATEMENT_INSERT_ANSWERS, 5, error);
}

/* Positions are dense and in the order of the batch: the first one says them all. */
void
es_postgres_place_events(struct es_batch *batch, const PGresult *result)
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
			es_postgres_place_events(batch, placed);
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
		es_postgres_roll_back(postgres);
		/* somebody may hold the lock of the log and hang: they are ended, and the batch is tried again */
		es_postgres_end_hung_holders(postgres);
	}
	return postgres->result;
}
