/* The second round trip of the transaction: what was decided is written and committed. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/postgres.h"

/* What es.append takes, in its order, after the log. */
enum {
	/* streams that get events; where the heads were remembered, all of them */
	NAMES,
	STREAM_IDS,
	HEADS,
	HEAD_EVENTS, /* where the heads were remembered */
	/* facts to close */
	CLOSED_STREAMS,
	CLOSED_KEYS,
	CLOSED_AT,
	/* facts to insert */
	FACT_STREAMS,
	FACT_KEYS,
	FACT_VALUES,
	FACT_SINCE,
	FACT_UNTIL,
	REWIND_STREAMS,
	REWIND_TARGETS,
	REWIND_VERSIONS,
	EVENT_STREAMS,
	EVENT_VERSIONS,
	EVENT_IDS,
	EVENT_TYPES,
	EVENT_DATA,
	EVENT_BASES,
	EVENT_ACTORS,
	EVENT_COMMANDS,
	EVENT_LIVES,
	ANSWER_COMMANDS,
	ANSWER_STREAMS,
	ANSWER_FIRSTS,
	ANSWER_LASTS,
	ANSWER_HASHES,
	ARRAYS_MAX,
};

static const enum es_array_type array_types[ARRAYS_MAX] = {
	[NAMES] = ES_ARRAY_TEXT,           [STREAM_IDS] = ES_ARRAY_INT8,     [HEADS] = ES_ARRAY_INT8,
	[HEAD_EVENTS] = ES_ARRAY_UUID,     [CLOSED_STREAMS] = ES_ARRAY_INT8, [CLOSED_KEYS] = ES_ARRAY_TEXT,
	[CLOSED_AT] = ES_ARRAY_INT8,       [FACT_STREAMS] = ES_ARRAY_INT8,   [FACT_KEYS] = ES_ARRAY_TEXT,
	[FACT_VALUES] = ES_ARRAY_TEXT,     [FACT_SINCE] = ES_ARRAY_INT8,     [FACT_UNTIL] = ES_ARRAY_INT8,
	[REWIND_STREAMS] = ES_ARRAY_INT8,  [REWIND_TARGETS] = ES_ARRAY_INT8, [REWIND_VERSIONS] = ES_ARRAY_INT8,
	[EVENT_STREAMS] = ES_ARRAY_INT8,   [EVENT_VERSIONS] = ES_ARRAY_INT8, [EVENT_IDS] = ES_ARRAY_UUID,
	[EVENT_TYPES] = ES_ARRAY_TEXT,     [EVENT_DATA] = ES_ARRAY_TEXT,     [EVENT_BASES] = ES_ARRAY_INT8,
	[EVENT_ACTORS] = ES_ARRAY_TEXT,    [EVENT_COMMANDS] = ES_ARRAY_UUID, [EVENT_LIVES] = ES_ARRAY_INT8,
	[ANSWER_COMMANDS] = ES_ARRAY_UUID, [ANSWER_STREAMS] = ES_ARRAY_INT8, [ANSWER_FIRSTS] = ES_ARRAY_INT8,
	[ANSWER_LASTS] = ES_ARRAY_INT8,    [ANSWER_HASHES] = ES_ARRAY_UUID,
};

_Static_assert((int)ARRAYS_MAX <= (int)POSTGRES_ARRAYS, "there is an array for each parameter");

static void
add_stream(struct es_array *arrays, const struct es_batch_stream *stream, bool remembered)
{
	const bool written = stream->first_version != 0;

	if (!written && !remembered)
		return;
	es_array_add_text(&arrays[NAMES], stream->name);
	es_array_add_int64(&arrays[STREAM_IDS], stream->id);
	es_array_add_int64(&arrays[HEADS], written ? stream->first_version - 1 : stream->version);
	if (remembered)
		es_array_add_uuid(&arrays[HEAD_EVENTS], &stream->head_event);
}

static void
add_facts(struct es_array *arrays, const struct es_batch_stream *stream)
{
	struct es_fact_close close;
	struct es_fact_write write;

	for (size_t at = 0; es_facts_next_close(stream->facts, &at, &close);) {
		es_array_add_int64(&arrays[CLOSED_STREAMS], stream->id);
		es_array_add_text(&arrays[CLOSED_KEYS], close.key);
		es_array_add_int64(&arrays[CLOSED_AT], close.until);
	}
	for (size_t at = 0; es_facts_next_write(stream->facts, &at, &write);) {
		es_array_add_int64(&arrays[FACT_STREAMS], stream->id);
		es_array_add_text(&arrays[FACT_KEYS], write.key);
		es_array_add_text(&arrays[FACT_VALUES],
		                  json_object_to_json_string_ext(write.value, JSON_C_TO_STRING_PLAIN));
		es_array_add_int64(&arrays[FACT_SINCE], write.since);
		if (write.until == 0)
			es_array_add_null(&arrays[FACT_UNTIL]);
		else
			es_array_add_int64(&arrays[FACT_UNTIL], write.until);
	}
}

static void
add_rewind(struct es_array *arrays, const struct es_batch_stream *stream)
{
	if (stream->rewind_version == 0)
		return;
	es_array_add_int64(&arrays[REWIND_STREAMS], stream->id);
	es_array_add_int64(&arrays[REWIND_TARGETS], stream->rewind_target);
	es_array_add_int64(&arrays[REWIND_VERSIONS], stream->rewind_version);
}

static void
add_event(struct es_array *arrays, const struct es_batch *batch, const struct es_batch_event *event)
{
	es_array_add_int64(&arrays[EVENT_STREAMS], batch->streams[event->stream].id);
	es_array_add_int64(&arrays[EVENT_VERSIONS], event->version);
	es_array_add_uuid(&arrays[EVENT_IDS], &event->id);
	es_array_add_text(&arrays[EVENT_TYPES], event->type);
	es_array_add_text(&arrays[EVENT_DATA], event->data);
	es_array_add_int64(&arrays[EVENT_BASES], event->base);
	es_array_add_text(&arrays[EVENT_ACTORS], event->actor);
	es_array_add_uuid(&arrays[EVENT_COMMANDS], event->command_id);
	es_array_add_int64(&arrays[EVENT_LIVES], event->live);
}

static void
add_answer(struct es_array *arrays, const struct es_batch *batch, const struct es_batch_answer *answer)
{
	es_array_add_uuid(&arrays[ANSWER_COMMANDS], &answer->append->command_id);
	es_array_add_int64(&arrays[ANSWER_STREAMS], batch->streams[answer->stream].id);
	es_array_add_int64(&arrays[ANSWER_FIRSTS], answer->first_version);
	es_array_add_int64(&arrays[ANSWER_LASTS], answer->last_version);
	es_array_add_uuid(&arrays[ANSWER_HASHES], &answer->append->request_hash);
}

static void
send_append(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	struct es_array *arrays = postgres->arrays;
	struct es_parameters parameters = { 0 };

	es_postgres_begin_arrays(postgres, array_types, ARRAYS_MAX);
	for (int i = 0; i < batch->stream_count; i++) {
		add_stream(arrays, &batch->streams[i], batch->remembered);
		add_facts(arrays, &batch->streams[i]);
		add_rewind(arrays, &batch->streams[i]);
	}
	for (int i = 0; i < batch->event_count; i++)
		add_event(arrays, batch, &batch->events[i]);
	for (int i = 0; i < batch->answer_count; i++)
		add_answer(arrays, batch, &batch->answers[i]);
	es_parameters_add(&parameters, batch->remembered ? batch->log : NULL);
	es_postgres_add_arrays(postgres, &parameters, ARRAYS_MAX, error);
	es_postgres_send(postgres, STATEMENT_APPEND, &parameters, error);
}

/* Positions are dense and in the order of the batch: the first one says them all. */
void
es_postgres_place_events(struct es_batch *batch, int64_t first_position, int64_t recorded_at)
{
	for (int i = 0; i < batch->event_count; i++) {
		batch->events[i].position = first_position + i;
		batch->events[i].recorded_at = recorded_at;
	}
}

/* Reads what es.append answers.  False: nothing was written, because what was remembered does not hold. */
static bool
read_append(struct es_batch *batch, const PGresult *result)
{
	char *end = NULL;

	if (PQgetisnull(result, 0, 0))
		return false;
	/* an array of two numbers: {1,2} */
	const int64_t first_position = strtoll(PQgetvalue(result, 0, 0) + 1, &end, 10);
	es_postgres_place_events(batch, first_position, *end == ',' ? strtoll(end + 1, NULL, 10) : 0);
	return true;
}

enum es_result
es_postgres_commit(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);
	bool holds = true;

	/* what was only remembered has opened no transaction yet; without one, an error of the commit would come with
	 * none of the statements */
	if (batch->remembered)
		es_postgres_send(postgres, STATEMENT_BEGIN, NULL, error);
	send_append(postgres, batch, error);
	es_postgres_send(postgres, STATEMENT_COMMIT, NULL, error);
	es_postgres_sync(postgres, error);
	if (postgres->result == ES_FAILED) {
		/* not even all sent: nothing was committed */
		es_database_close(postgres->database, false);
		return ES_FAILED;
	}

	const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
	if (batch->remembered)
		PQclear(es_postgres_receive(postgres, deadline, error));
	_cleanup_result_ PGresult *appended = es_postgres_receive(postgres, deadline, error);
	if (appended != NULL)
		holds = read_append(batch, appended);
	PQclear(es_postgres_receive(postgres, deadline, error)); /* commit */
	es_postgres_synced(postgres, deadline, error);
	if (postgres->result != ES_OK && !es_database_connected(postgres->database))
		return ES_OUTCOME_UNKNOWN;
	if (postgres->result == ES_OK && holds) {
		es_postgres_remember(postgres, batch);
		return ES_OK;
	}
	if (postgres->result != ES_OK) {
		es_postgres_roll_back(postgres);
		/* somebody may hold a lock and hang: they are ended, and the batch is tried again */
		es_postgres_end_hung_holders(postgres);
	}
	if (!batch->remembered)
		return postgres->result;
	es_postgres_forget(postgres, batch);
	return ES_CONFLICT;
}
