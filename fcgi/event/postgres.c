#include "event/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLSTATE */
#define LOCK_NOT_AVAILABLE "55P03"

/*
 * What each connection is set to.  The waits are bounded by the server itself: a lock that is not had within 5 s is
 * held by a hung session, which is then ended.
 */
static const char setup[] = ES_DATABASE_PLANS
	"SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '9s';"
	"SET search_path = es, public; SET timezone = 'UTC'";

static enum es_result
connect_store(struct es_store *store, int64_t deadline, struct es_error *error)
{
	return es_postgres_start(es_postgres_of(store), deadline, error);
}

static int64_t
next_attempt(struct es_store *store)
{
	return es_database_next_attempt(es_postgres_of(store)->database);
}

static int64_t
reconnects(struct es_store *store)
{
	return es_database_reconnects(es_postgres_of(store)->database);
}

static void
free_store(struct es_store *store)
{
	struct es_postgres *postgres = es_postgres_of(store);

	for (int i = 0; i < POSTGRES_ARRAYS; i++)
		es_array_done(&postgres->arrays[i]);
	es_heads_free(postgres->heads);
	es_database_free(postgres->database);
	free(postgres);
}

static const struct es_store_operations operations = {
	.begin = es_postgres_begin,
	.commit = es_postgres_commit,
	.abort = es_postgres_abort,
	.find = es_postgres_find,
	.connect = connect_store,
	.next_attempt = next_attempt,
	.reconnects = reconnects,
	.head = es_postgres_head,
	.facts = es_postgres_facts,
	.events = es_postgres_events,
	.differences = es_postgres_differences,
	.version_at = es_postgres_version_at,
	.streams = es_postgres_streams,
	.free = free_store,
};

struct es_store *
es_store_postgres_new(const char *conninfo, const char *application_name)
{
	struct es_postgres *postgres = calloc(1, sizeof *postgres);

	if (postgres == NULL)
		return NULL;
	postgres->store.operations = &operations;
	postgres->database = es_database_new(&(struct es_database_options){
		.conninfo = conninfo,
		.application_name = application_name,
		.statements = es_postgres_statements,
		.setup = setup,
	});
	postgres->heads = es_heads_new();
	if (postgres->database == NULL || postgres->heads == NULL) {
		free_store(&postgres->store);
		return NULL;
	}
	return &postgres->store;
}

enum es_result
es_postgres_start(struct es_postgres *postgres, int64_t deadline, struct es_error *error)
{
	const int64_t soon = es_clock_monotonic() + POSTGRES_CONNECT_TIME;

	postgres->state[0] = '\0';
	postgres->result = es_database_connect(postgres->database, deadline < soon ? deadline : soon, error);
	return postgres->result;
}

void
es_postgres_send(struct es_postgres *postgres, enum postgres_statement statement,
                 const struct es_parameters *parameters, struct es_error *error)
{
	if (postgres->result == ES_OK)
		postgres->result = es_database_send(postgres->database, (int)statement, parameters, error);
}

void
es_postgres_begin_arrays(struct es_postgres *postgres, const enum es_array_type *types, int count)
{
	for (int i = 0; i < count; i++)
		es_array_begin(&postgres->arrays[i], types[i]);
}

void
es_postgres_add_arrays(struct es_postgres *postgres, struct es_parameters *parameters, int count,
                       struct es_error *error)
{
	for (int i = 0; i < count; i++)
		if (postgres->result == ES_OK && !es_array_parameter(&postgres->arrays[i], parameters))
			postgres->result = es_fail(error, ES_FAILED, NULL, "no memory for what is to be sent");
}

void
es_postgres_send_arrays(struct es_postgres *postgres, enum postgres_statement statement, int count,
                        struct es_error *error)
{
	struct es_parameters parameters = { 0 };

	es_postgres_add_arrays(postgres, &parameters, count, error);
	es_postgres_send(postgres, statement, &parameters, error);
}

void
es_postgres_sync(struct es_postgres *postgres, struct es_error *error)
{
	if (postgres->result == ES_OK)
		postgres->result = es_database_sync(postgres->database, error);
}

/* What a failed statement means to the caller of the store, by the class of its SQLSTATE. */
static enum es_result
classify(const char *state)
{
	static const struct {
		const char *prefix;
		enum es_result result;
	} classes[] = {
		{ "22", ES_REFUSED },     /* data exception */
		{ "23", ES_REFUSED },     /* integrity constraint violation */
		{ "54", ES_REFUSED },     /* program limit exceeded */
		{ "ES", ES_REFUSED },     /* our own */
		{ "25", ES_UNAVAILABLE }, /* invalid transaction state: a server that became read-only */
		{ "40", ES_UNAVAILABLE }, /* serialization failure, deadlock */
		{ "55", ES_UNAVAILABLE }, /* lock not available */
	};

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strncmp(state, classes[i].prefix, 2) == 0)
			return classes[i].result;
	return es_database_passes(state) ? ES_UNAVAILABLE : ES_FAILED;
}

PGresult *
es_postgres_receive(struct es_postgres *postgres, int64_t deadline, struct es_error *error)
{
	PGresult *result = NULL;
	struct es_error ignored = ES_ERROR_INIT;

	if (!es_database_connected(postgres->database))
		return NULL;
	const enum es_result got =
		es_database_result(postgres->database, deadline, &result, postgres->result == ES_OK ? error : &ignored);
	if (got != ES_OK) {
		/* a connection that does not hold outweighs what a statement said before */
		postgres->result = got;
		postgres->state[0] = '\0';
		return NULL;
	}
	const ExecStatusType status = PQresultStatus(result);
	if (postgres->result == ES_OK && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
		return result;
	if (postgres->result == ES_OK && status != PGRES_PIPELINE_ABORTED) {
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		(void)!es_database_result_error(result, error);
		snprintf(postgres->state, sizeof postgres->state, "%s", state == NULL ? "XX000" : state);
		postgres->result = classify(postgres->state);
	}
	PQclear(result);
	return NULL;
}

void
es_postgres_synced(struct es_postgres *postgres, int64_t deadline, struct es_error *error)
{
	PGresult *result = NULL;

	if (!es_database_connected(postgres->database))
		return;
	const enum es_result got = es_database_result(postgres->database, deadline, &result, error);
	if (got != ES_OK) {
		postgres->result = got;
		postgres->state[0] = '\0';
	}
	PQclear(result);
}

void
es_postgres_roll_back(struct es_postgres *postgres)
{
	struct es_error ignored = ES_ERROR_INIT;
	const enum es_result result = postgres->result;
	const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;

	postgres->holding = false;
	if (!es_database_connected(postgres->database))
		return;
	postgres->result = ES_OK;
	es_postgres_send(postgres, STATEMENT_ROLLBACK, NULL, &ignored);
	es_postgres_sync(postgres, &ignored);
	PQclear(es_postgres_receive(postgres, deadline, &ignored));
	es_postgres_synced(postgres, deadline, &ignored);
	postgres->result = result;
}

bool
es_postgres_end_hung_holders(struct es_postgres *postgres)
{
	struct es_error ignored = ES_ERROR_INIT;
	PGresult *result = NULL;

	if (strcmp(postgres->state, LOCK_NOT_AVAILABLE) != 0)
		return false;
	if (es_database_query(postgres->database, STATEMENT_END_HUNG_HOLDERS, NULL,
	                      es_clock_monotonic() + POSTGRES_ANSWER_TIME, &result, &ignored) == ES_OK)
		PQclear(result);
	return true;
}

int64_t
es_postgres_int64(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

const char *
es_postgres_text(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}
