/* Statements and their results, several to a round trip: libpq's pipeline mode. */
#include <string.h>

#include "event/cleanup.h"
#include "event/database-private.h"

void
es_parameters_add(struct es_parameters *parameters, const char *text_or_null)
{
	parameters->values[parameters->count] = text_or_null;
	parameters->lengths[parameters->count] = 0;
	parameters->formats[parameters->count] = 0;
	parameters->count++;
}

void
es_parameters_add_binary(struct es_parameters *parameters, const void *bytes, size_t size)
{
	parameters->values[parameters->count] = bytes;
	parameters->lengths[parameters->count] = (int)size;
	parameters->formats[parameters->count] = 1;
	parameters->count++;
}

static bool
push_pending(struct es_database *database, enum pending_kind kind, int statement)
{
	if (database->pending_count == PENDING_MAX)
		return false;
	const int at = (database->pending_first + database->pending_count++) % PENDING_MAX;
	database->pending[at] = (struct pending){ .kind = kind, .statement = statement };
	return true;
}

static struct pending
pop_pending(struct es_database *database)
{
	const struct pending pending = database->pending[database->pending_first];

	database->pending_first = (database->pending_first + 1) % PENDING_MAX;
	database->pending_count--;
	return pending;
}

enum es_result
es_database_send(struct es_database *database, int statement, const struct es_parameters *parameters,
                 struct es_error *error)
{
	static const struct es_parameters none;
	const struct es_statement *text = &database->statements[statement];

	if (database->connection == NULL)
		return es_fail(error, ES_UNAVAILABLE, NULL, "there is no connection to the database");
	if (parameters == NULL)
		parameters = &none;
	if (database->pending_count + 2 > PENDING_MAX)
		return es_fail(error, ES_FAILED, NULL, "too many statements in one round trip");
	if (database->prepared[statement] == NOT_PREPARED) {
		if (!PQsendPrepare(database->connection, text->name, text->sql, 0, NULL))
			return es_database_lose(database, NULL, error);
		push_pending(database, PENDING_PREPARE, statement);
		database->prepared[statement] = PREPARE_SENT;
	}
	if (!PQsendQueryPrepared(database->connection, text->name, parameters->count, parameters->values,
	                         parameters->lengths, parameters->formats, 0))
		return es_database_lose(database, NULL, error);
	push_pending(database, PENDING_STATEMENT, statement);
	return ES_OK;
}

enum es_result
es_database_sync(struct es_database *database, struct es_error *error)
{
	if (database->connection == NULL)
		return es_fail(error, ES_UNAVAILABLE, NULL, "there is no connection to the database");
	if (!push_pending(database, PENDING_SYNC, -1))
		return es_fail(error, ES_FAILED, NULL, "too many statements in one round trip");
	if (!PQpipelineSync(database->connection) || PQflush(database->connection) < 0)
		return es_database_lose(database, NULL, error);
	return ES_OK;
}

/* The next result of the server, whoever it is for.  In pipeline mode a NULL follows each statement's result. */
static enum es_result
next_result(struct es_database *database, enum pending_kind kind, int64_t deadline, PGresult **ret_result,
            struct es_error *error)
{
	enum es_result waited = es_database_wait(database, deadline, error);

	if (waited != ES_OK)
		return waited;
	PGresult *result = PQgetResult(database->connection);
	if (result == NULL)
		return es_database_lose(database, NULL, error);
	if (kind != PENDING_SYNC) {
		waited = es_database_wait(database, deadline, error);
		if (waited != ES_OK) {
			PQclear(result);
			return waited;
		}
		PQclear(PQgetResult(database->connection));
	}
	/* a server that goes away says so in a last result: FATAL; the connection is dead after it */
	if (PQresultStatus(result) == PGRES_FATAL_ERROR && PQstatus(database->connection) == CONNECTION_BAD) {
		const enum es_result lost = es_database_lose(database, PQresultErrorMessage(result), error);
		PQclear(result);
		return lost;
	}
	*ret_result = result;
	return ES_OK;
}

enum es_result
es_database_result(struct es_database *database, int64_t deadline, PGresult **ret_result, struct es_error *error)
{
	PGresult *failed_prepare = NULL;

	if (database->connection == NULL)
		return es_fail(error, ES_UNAVAILABLE, NULL, "there is no connection to the database");
	for (;;) {
		if (database->pending_count == 0) {
			PQclear(failed_prepare);
			return es_fail(error, ES_FAILED, NULL, "no statement is waiting for a result");
		}
		const struct pending pending = pop_pending(database);
		PGresult *result = NULL;
		const enum es_result got = next_result(database, pending.kind, deadline, &result, error);
		if (got != ES_OK) {
			PQclear(failed_prepare);
			return got;
		}
		if (pending.kind == PENDING_PREPARE) {
			const bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
			database->prepared[pending.statement] = prepared ? PREPARED : NOT_PREPARED;
			if (PQresultStatus(result) == PGRES_FATAL_ERROR)
				failed_prepare = result; /* why the statement that follows was skipped */
			else
				PQclear(result);
			continue;
		}
		if (pending.kind == PENDING_SYNC && PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
			/* an error that no statement made: what comes after it would be taken for something else */
			const enum es_result lost = es_database_lose(database, PQresultErrorMessage(result), error);
			PQclear(failed_prepare);
			PQclear(result);
			return lost;
		}
		if (pending.kind == PENDING_SYNC) {
			database->back_off = 0;
			database->proved = true;
		}
		if (failed_prepare != NULL) {
			PQclear(result);
			result = failed_prepare;
		}
		*ret_result = result;
		return ES_OK;
	}
}

enum es_result
es_database_query(struct es_database *database, int statement, const struct es_parameters *parameters, int64_t deadline,
                  PGresult **ret_result, struct es_error *error)
{
	_cleanup_result_ PGresult *answer = NULL;
	_cleanup_result_ PGresult *sync = NULL;
	enum es_result result = es_database_send(database, statement, parameters, error);

	if (result == ES_OK)
		result = es_database_sync(database, error);
	if (result == ES_OK)
		result = es_database_result(database, deadline, &answer, error);
	if (result == ES_OK)
		result = es_database_result(database, deadline, &sync, error);
	if (result != ES_OK)
		return result;
	if (PQresultStatus(answer) != PGRES_TUPLES_OK && PQresultStatus(answer) != PGRES_COMMAND_OK)
		return es_database_result_error(answer, error);
	*ret_result = es_steal(answer);
	return ES_OK;
}

bool
es_database_passes(const char *state)
{
	static const char *const passing[] = {
		"08", /* connection exception */
		"53", /* insufficient resources: disk full, too many connections */
		"57", /* operator intervention: shutdown, timeout */
		"58", /* system error */
		/* the log is of another release than this program, for as long as an upgrade takes: no such function,
		 * table, column, prepared statement; another result type */
		"42883",
		"42P01",
		"42703",
		"26000",
		"0A000",
	};

	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
		if (strncmp(state, passing[i], strlen(passing[i])) == 0)
			return true;
	return false;
}

enum es_result
es_database_result_error(const PGresult *result, struct es_error *error)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const enum es_result code = state == NULL || es_database_passes(state) ? ES_UNAVAILABLE : ES_FAILED;

	return es_database_fail(error, code, message == NULL ? "the statement was skipped" : message);
}
