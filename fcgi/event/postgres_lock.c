/*
 * What begins with the locks of a batch's streams: the first round trip of the transaction, and the search for what a
 * lost connection may have committed.
 */
#include <stdio.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/postgres.h"

/* SQLSTATE */
#define DEADLOCK_DETECTED "40P01"

/* The locks take the names alone; the heads come back in the order of the places. */
static void
send_stream_names(struct es_postgres *postgres, enum postgres_statement statement, const struct es_batch *batch,
                  struct es_error *error)
{
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_TEXT, ES_ARRAY_INT8);
	for (int i = 0; i < batch->stream_count; i++) {
		es_array_add_text(&postgres->arrays[0], batch->streams[i].name);
		es_array_add_int64(&postgres->arrays[1], i);
	}
	es_postgres_send_arrays(postgres, statement, statement == STATEMENT_HEADS ? 2 : 1, error);
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
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_INT8, ES_ARRAY_TEXT, ES_ARRAY_TEXT);
	for (int i = 0; i < batch->stream_count; i++) {
		struct fact_request request = { .arrays = postgres->arrays, .stream = &batch->streams[i], .index = i };
		es_facts_each_key(batch->streams[i].facts, add_fact_request, &request);
	}
	if (postgres->arrays[0].count == 0)
		return false;
	es_postgres_send_arrays(postgres, STATEMENT_FETCH_FACTS, 3, error);
	return true;
}

static void
send_targets(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_TEXT, ES_ARRAY_INT8, ES_ARRAY_INT8);
	for (int i = 0; i < batch->target_count; i++) {
		es_array_add_text(&postgres->arrays[0], batch->streams[batch->targets[i].stream].name);
		es_array_add_int64(&postgres->arrays[1], batch->targets[i].version);
		es_array_add_int64(&postgres->arrays[2], i);
	}
	es_postgres_send_arrays(postgres, STATEMENT_TARGETS, 3, error);
}

static void
send_keys(struct es_postgres *postgres, const struct es_batch *batch, struct es_error *error)
{
	ES_POSTGRES_BEGIN_ARRAYS(postgres, ES_ARRAY_UUID, ES_ARRAY_INT8);
	for (int i = 0; i < batch->key_count; i++) {
		es_array_add_uuid(&postgres->arrays[0], &batch->keys[i].append->command_id);
		es_array_add_int64(&postgres->arrays[1], i);
	}
	es_postgres_send_arrays(postgres, STATEMENT_KEYS, 2, error);
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

/* One attempt of the first round trip; in a transaction of its own, unless find has left one open. */
static void
lock_and_read(struct es_postgres *postgres, struct es_batch *batch, struct es_error *error)
{
	const bool begins = !postgres->holding;

	if (begins)
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
	if (begins)
		PQclear(es_postgres_receive(postgres, deadline, error));
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
	if (!es_postgres_end_hung_holders(postgres) && strcmp(postgres->state, DEADLOCK_DETECTED) != 0)
		return false;
	return es_clock_monotonic() < batch->deadline;
}

enum es_result
es_postgres_begin(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);

	if (postgres->holding) {
		if (!es_database_connected(postgres->database)) {
			postgres->holding = false;
			return es_fail(error, ES_UNAVAILABLE, NULL, "the database went away; try again in a moment");
		}
		postgres->result = ES_OK;
		batch->remembered = false;
		lock_and_read(postgres, batch, error);
		postgres->holding = false;
		if (postgres->result != ES_OK)
			es_postgres_roll_back(postgres);
		return postgres->result;
	}
	for (;;) {
		if (es_postgres_start(postgres, batch->deadline, error) != ES_OK)
			return postgres->result;
		batch->remembered = !batch->certain && es_postgres_recall(postgres, batch);
		if (batch->remembered)
			return ES_OK;
		lock_and_read(postgres, batch, error);
		if (postgres->result == ES_OK)
			return ES_OK;
		es_postgres_roll_back(postgres);
		if (!may_try_again(postgres, batch))
			return postgres->result;
	}
}

void
es_postgres_abort(struct es_store *store)
{
	es_postgres_roll_back(es_postgres_of(store));
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
		es_postgres_sync(postgres, error);

		const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
		PQclear(es_postgres_receive(postgres, deadline, error));
		PQclear(es_postgres_receive(postgres, deadline, error));
		_cleanup_result_ PGresult *found = es_postgres_receive(postgres, deadline, error);
		es_postgres_synced(postgres, deadline, error);
		const bool told = postgres->result == ES_OK && found != NULL;
		if (told && PQntuples(found) == 0 && batch->remembered) {
			postgres->holding = true;
			return ES_NOT_FOUND;
		}
		es_postgres_roll_back(postgres);
		if (told && PQntuples(found) == 0)
			return ES_NOT_FOUND;
		if (told) {
			es_postgres_place_events(batch, es_postgres_int64(found, 0, 0), es_postgres_int64(found, 0, 1));
			return ES_OK;
		}
		if (!may_try_again(postgres, batch))
			return ES_UNAVAILABLE;
	}
}
