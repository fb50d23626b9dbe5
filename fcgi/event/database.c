#include "event/database.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "event/cleanup.h"
#include "event/clock.h"

enum {
	PENDING_MAX = 64, /* results not read yet: a round trip has some ten statements, each perhaps prepared before */
};

#define BACK_OFF_LEAST (50 * ES_MILLISECOND)
#define BACK_OFF_MOST (3 * ES_SECOND) /* a database that is back is found within this time */

/* What a result that is still to come belongs to. */
enum pending_kind { PENDING_PREPARE, PENDING_STATEMENT, PENDING_SYNC };

struct pending {
	enum pending_kind kind;
	int statement;
};

/* Whether the server knows a statement on this connection. */
enum prepared { NOT_PREPARED, PREPARE_SENT, PREPARED };

struct es_database {
	char *conninfo;
	char *application_name;
	char *setup;
	const struct es_statement *statements;
	enum prepared *prepared; /* one for each statement */
	int statement_count;

	PGconn *connection; /* NULL while there is none; always in pipeline mode and non-blocking */
	struct pending pending[PENDING_MAX];
	int pending_first;
	int pending_count;

	bool proved;            /* the connection has answered a round trip */
	int64_t next_attempt;   /* monotonic */
	int64_t back_off;       /* the last pause */
	int64_t connections;    /* made so far */
	struct es_error reason; /* of the last failure to connect */
};

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

struct es_database *
es_database_new(const struct es_database_options *options)
{
	struct es_database *database = calloc(1, sizeof *database);

	if (database == NULL)
		return NULL;
	while (options->statements[database->statement_count].name != NULL)
		database->statement_count++;
	database->statements = options->statements;
	database->prepared = calloc((size_t)database->statement_count + 1, sizeof *database->prepared);
	database->conninfo = strdup(options->conninfo);
	database->application_name = strdup(options->application_name);
	database->setup = strdup(options->setup == NULL ? "" : options->setup);
	database->reason = ES_ERROR_INIT;
	if (database->prepared == NULL || database->conninfo == NULL || database->application_name == NULL ||
	    database->setup == NULL) {
		es_database_free(database);
		return NULL;
	}
	return database;
}

void
es_database_free(struct es_database *database)
{
	if (database == NULL)
		return;
	PQfinish(database->connection);
	free(database->prepared);
	free(database->conninfo);
	free(database->application_name);
	free(database->setup);
	free(database);
}

bool
es_database_connected(const struct es_database *database)
{
	return database->connection != NULL;
}

int64_t
es_database_next_attempt(const struct es_database *database)
{
	return database->next_attempt;
}

int64_t
es_database_reconnects(const struct es_database *database)
{
	return database->connections > 0 ? database->connections - 1 : 0;
}

PGconn *
es_database_connection(struct es_database *database)
{
	return database->connection;
}

/* A random number in [0, most]: of identifier quality is more than a pause needs, but it needs no seed and no state. */
static int64_t
random_up_to(int64_t most)
{
	uuid_t random;
	uint32_t number;

	uuid_generate_random(random);
	memcpy(&number, random + 9, sizeof number);
	return (int64_t)number * (most + 1) / ((int64_t)UINT32_MAX + 1);
}

/* Decorrelated jitter (M. Brooker, "Exponential Backoff And Jitter"): between the least and three times the last. */
static void
back_off(struct es_database *database)
{
	const int64_t last = database->back_off == 0 ? BACK_OFF_LEAST : database->back_off;
	int64_t pause = BACK_OFF_LEAST + random_up_to(3 * last - BACK_OFF_LEAST);

	if (pause > BACK_OFF_MOST)
		pause = BACK_OFF_MOST;
	database->back_off = pause;
	database->next_attempt = es_clock_monotonic() + pause;
}

void
es_database_close(struct es_database *database, bool failed)
{
	if (database->connection != NULL) {
		PQfinish(database->connection);
		database->connection = NULL;
		database->pending_count = 0;
	}
	if (failed)
		back_off(database);
}

/* With the first line of libpq's message, without the line's end, as the reason: whoever asked must not see it. */
static enum es_result
fail_with_message(struct es_error *error, enum es_result code, const char *message)
{
	size_t length = strcspn(message, "\n");

	while (length > 0 && (message[length - 1] == ' ' || message[length - 1] == '.'))
		length--;
	es_fail(error, code, NULL, "%s",
	        code == ES_UNAVAILABLE ? "the database is away; try again in a moment"
	                               : "the database refused what was asked of it");
	snprintf(error->reason, sizeof error->reason, "%.*s", (int)(length > 200 ? 200 : length),
	         length == 0 ? "the connection was lost" : message);
	return code;
}

/* The connection is of no use any more: remembers why, closes it, answers ES_UNAVAILABLE. */
static enum es_result
lose(struct es_database *database, const char *reason, struct es_error *error)
{
	const char *message = reason != NULL ? reason : PQerrorMessage(database->connection);
	const enum es_result result = fail_with_message(error, ES_UNAVAILABLE, message);

	database->reason = *error;
	/* one that worked may have died with a server that is back already: only then is the next tried at once */
	es_database_close(database, !database->proved);
	return result;
}

/* Waits for the socket.  0: the deadline passed. */
static short
wait_for_socket(const PGconn *connection, short events, int64_t deadline)
{
	struct pollfd poller = { .fd = PQsocket(connection), .events = events };

	for (;;) {
		const int ready = poll(&poller, 1, es_clock_poll_timeout(deadline));
		if (ready > 0)
			return poller.revents;
		if (ready == 0 || errno != EINTR)
			return 0;
	}
}

bool
es_database_is_quiet(const struct es_database *database)
{
	return database->connection != NULL && wait_for_socket(database->connection, POLLIN, 0) == 0;
}

/* Waits until a result can be had without blocking; writes what is still to be sent meanwhile. */
static enum es_result
wait_for_result(struct es_database *database, int64_t deadline, struct es_error *error)
{
	while (PQisBusy(database->connection)) {
		const int unsent = PQflush(database->connection);
		if (unsent < 0)
			return lose(database, NULL, error);
		const short ready =
			wait_for_socket(database->connection, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline);
		if (ready == 0)
			return lose(database, "the database did not answer in time", error);
		if ((ready & ~POLLOUT) != 0 && !PQconsumeInput(database->connection))
			return lose(database, NULL, error);
	}
	return ES_OK;
}

/* libpq would print what the server remarks; what matters of it comes as an error anyway. */
static void
ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static enum es_result
connect_to_server(struct es_database *database, int64_t deadline, struct es_error *error)
{
	/* ours first: what the connection string says comes later and wins */
	const char *const names[] = { "application_name", "client_encoding",  "keepalives_idle", "keepalives_interval",
		                      "keepalives_count", "tcp_user_timeout", "dbname",          NULL };
	const char *const values[] = { database->application_name, "UTF8", "10", "5", "3", "15000",
		                       database->conninfo,         NULL };
	int polling = PGRES_POLLING_WRITING;

	database->connection = PQconnectStartParams(names, values, 1);
	if (database->connection == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for a database connection");
	if (PQstatus(database->connection) == CONNECTION_BAD)
		return lose(database, NULL, error);
	PQsetNoticeReceiver(database->connection, ignore_notice, NULL);
	while (polling != PGRES_POLLING_OK) {
		if (polling == PGRES_POLLING_FAILED)
			return lose(database, NULL, error);
		if (wait_for_socket(database->connection, polling == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		                    deadline) == 0)
			return lose(database, "the database did not accept the connection in time", error);
		polling = (int)PQconnectPoll(database->connection);
	}
	if (PQsetnonblocking(database->connection, 1) != 0)
		return lose(database, NULL, error);
	return ES_OK;
}

/* Runs the setup, before the pipeline begins: it may hold several statements. */
static enum es_result
set_up(struct es_database *database, int64_t deadline, struct es_error *error)
{
	if (database->setup[0] == '\0')
		return ES_OK;
	if (!PQsendQuery(database->connection, database->setup))
		return lose(database, NULL, error);
	for (;;) {
		const enum es_result waited = wait_for_result(database, deadline, error);
		if (waited != ES_OK)
			return waited;
		_cleanup_result_ PGresult *result = PQgetResult(database->connection);
		if (result == NULL)
			return ES_OK;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR)
			return lose(database, PQresultErrorMessage(result), error);
	}
}

enum es_result
es_database_connect(struct es_database *database, int64_t deadline, struct es_error *error)
{
	if (database->connection != NULL && PQstatus(database->connection) == CONNECTION_OK)
		return ES_OK;
	if (es_clock_monotonic() < database->next_attempt) {
		*error = database->reason;
		return ES_UNAVAILABLE;
	}
	es_database_close(database, false);
	database->proved = false;

	enum es_result result = connect_to_server(database, deadline, error);
	if (result == ES_OK)
		result = set_up(database, deadline, error);
	if (result != ES_OK)
		return result;
	if (!PQenterPipelineMode(database->connection))
		return lose(database, NULL, error);
	for (int i = 0; i < database->statement_count; i++)
		database->prepared[i] = NOT_PREPARED;
	database->pending_first = 0;
	database->pending_count = 0;
	database->connections++;
	return ES_OK;
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
			return lose(database, NULL, error);
		push_pending(database, PENDING_PREPARE, statement);
		database->prepared[statement] = PREPARE_SENT;
	}
	if (!PQsendQueryPrepared(database->connection, text->name, parameters->count, parameters->values,
	                         parameters->lengths, parameters->formats, 0))
		return lose(database, NULL, error);
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
		return lose(database, NULL, error);
	return ES_OK;
}

/* The next result of the server, whoever it is for.  In pipeline mode a NULL follows each statement's result. */
static enum es_result
next_result(struct es_database *database, enum pending_kind kind, int64_t deadline, PGresult **ret_result,
            struct es_error *error)
{
	enum es_result waited = wait_for_result(database, deadline, error);

	if (waited != ES_OK)
		return waited;
	PGresult *result = PQgetResult(database->connection);
	if (result == NULL)
		return lose(database, NULL, error);
	if (kind != PENDING_SYNC) {
		waited = wait_for_result(database, deadline, error);
		if (waited != ES_OK) {
			PQclear(result);
			return waited;
		}
		PQclear(PQgetResult(database->connection));
	}
	/* a server that goes away says so in a last result: FATAL; the connection is dead after it */
	if (PQresultStatus(result) == PGRES_FATAL_ERROR && PQstatus(database->connection) == CONNECTION_BAD) {
		const enum es_result lost = lose(database, PQresultErrorMessage(result), error);
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
			const enum es_result lost = lose(database, PQresultErrorMessage(result), error);
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

enum es_result
es_database_result_error(const PGresult *result, struct es_error *error)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	enum es_result code = ES_FAILED;

	/* connection exception, insufficient resources, operator intervention, system error */
	if (state == NULL || strncmp(state, "08", 2) == 0 || strncmp(state, "53", 2) == 0 ||
	    strncmp(state, "57", 2) == 0 || strncmp(state, "58", 2) == 0)
		code = ES_UNAVAILABLE;
	return fail_with_message(error, code, message == NULL ? "the statement was skipped" : message);
}
