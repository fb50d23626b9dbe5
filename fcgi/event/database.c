/* One connection that comes back by itself. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/clock.h"
#include "event/database-private.h"

#define BACK_OFF_LEAST (50 * ES_MILLISECOND)
#define BACK_OFF_MOST (3 * ES_SECOND) /* a database that is back is found within this time */

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

/* Decorrelated jitter (M. Brooker, "Exponential Backoff And Jitter"): between the least and three times the last. */
static void
back_off(struct es_database *database)
{
	const int64_t last = database->back_off == 0 ? BACK_OFF_LEAST : database->back_off;
	int64_t pause = BACK_OFF_LEAST + es_clock_jitter(3 * last - BACK_OFF_LEAST);

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

enum es_result
es_database_fail(struct es_error *error, enum es_result code, const char *message)
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

enum es_result
es_database_lose(struct es_database *database, const char *reason, struct es_error *error)
{
	const char *message = reason != NULL ? reason : PQerrorMessage(database->connection);
	const enum es_result result = es_database_fail(error, ES_UNAVAILABLE, message);

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

enum es_result
es_database_wait(struct es_database *database, int64_t deadline, struct es_error *error)
{
	while (PQisBusy(database->connection)) {
		const int unsent = PQflush(database->connection);
		if (unsent < 0)
			return es_database_lose(database, NULL, error);
		const short ready =
			wait_for_socket(database->connection, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline);
		if (ready == 0)
			return es_database_lose(database, "the database did not answer in time", error);
		if ((ready & ~POLLOUT) != 0 && !PQconsumeInput(database->connection))
			return es_database_lose(database, NULL, error);
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
		return es_database_lose(database, NULL, error);
	PQsetNoticeReceiver(database->connection, ignore_notice, NULL);
	while (polling != PGRES_POLLING_OK) {
		if (polling == PGRES_POLLING_FAILED)
			return es_database_lose(database, NULL, error);
		if (wait_for_socket(database->connection, polling == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		                    deadline) == 0)
			return es_database_lose(database, "the database did not accept the connection in time", error);
		polling = (int)PQconnectPoll(database->connection);
	}
	if (PQsetnonblocking(database->connection, 1) != 0)
		return es_database_lose(database, NULL, error);
	return ES_OK;
}

/* Runs the setup, before the pipeline begins: it may hold several statements. */
static enum es_result
set_up(struct es_database *database, int64_t deadline, struct es_error *error)
{
	if (database->setup[0] == '\0')
		return ES_OK;
	if (!PQsendQuery(database->connection, database->setup))
		return es_database_lose(database, NULL, error);
	for (;;) {
		const enum es_result waited = es_database_wait(database, deadline, error);
		if (waited != ES_OK)
			return waited;
		_cleanup_result_ PGresult *result = PQgetResult(database->connection);
		if (result == NULL)
			return ES_OK;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR)
			return es_database_lose(database, PQresultErrorMessage(result), error);
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
		return es_database_lose(database, NULL, error);
	for (int i = 0; i < database->statement_count; i++)
		database->prepared[i] = NOT_PREPARED;
	database->pending_first = 0;
	database->pending_count = 0;
	database->connections++;
	return ES_OK;
}
