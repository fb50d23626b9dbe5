#include "fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "event/text.h"
#include "tap.h"

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		bail("%s is not set: tests/store/run does", name);
	return value;
}

struct es_store *
fixture_store_at(int port)
{
	struct es_text conninfo = ES_TEXT_INIT;

	es_text_add_format(&conninfo, "dbname=%s user=eventledger_worker", variable("STORE_DATABASE"));
	if (port != 0)
		es_text_add_format(&conninfo, " host=127.0.0.1 port=%d", port);
	struct es_store *store = es_store_postgres_new(conninfo.bytes, "store-test");
	es_text_done(&conninfo);
	if (store == NULL)
		bail("no memory");
	return store;
}

struct es_store *
fixture_store(void)
{
	return fixture_store_at(0);
}

const char *
fixture_socket(void)
{
	static char path[108];

	snprintf(path, sizeof path, "%s/.s.PGSQL.%s", variable("PGHOST"), variable("PGPORT"));
	return path;
}

PGconn *
fixture_connect(const char *user)
{
	const char *const names[] = { "dbname", "user", NULL };
	const char *const values[] = { variable("STORE_DATABASE"), user, NULL };
	PGconn *connection = PQconnectdbParams(names, values, 0);

	if (PQstatus(connection) != CONNECTION_OK)
		bail("no connection: %s", PQerrorMessage(connection));
	return connection;
}

char *
fixture_query(const char *sql)
{
	PGconn *connection = fixture_connect("postgres");
	PGresult *result = PQexec(connection, sql);

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		bail("%s: %s", sql, PQerrorMessage(connection));
	char *value = strdup(PQgetvalue(result, 0, 0));
	if (value == NULL)
		bail("no memory");
	PQclear(result);
	PQfinish(connection);
	return value;
}

long long
fixture_number(const char *sql)
{
	char *value = fixture_query(sql);
	const long long number = strtoll(value, NULL, 10);

	free(value);
	return number;
}

bool
fixture_becomes_true(const char *sql)
{
	const int64_t deadline = es_clock_monotonic() + 30 * ES_SECOND;

	for (;;) {
		char *value = fixture_query(sql);
		const bool holds = strcmp(value, "t") == 0;
		free(value);
		if (holds || es_clock_monotonic() > deadline)
			return holds;
		poll(NULL, 0, 20);
	}
}

void
fixture_run(const char *name)
{
	if (system(variable(name)) != 0) /* NOLINT(cert-env33-c): the test's own command */
		bail("%s failed", name);
}
