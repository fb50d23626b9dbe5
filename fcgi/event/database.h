/*
 * event/database.h - one connection to PostgreSQL that never hangs.
 *
 * Every wait has a deadline, a lost connection comes back by itself (exponential back-off with decorrelated jitter),
 * statements are prepared on first use, and several can travel in one round trip (libpq's pipeline mode).
 * A database is used by one thread at a time.
 */
#ifndef ES_DATABASE_H
#define ES_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "event/result.h"

struct es_database;

/* One SQL statement with $1 ... parameters, prepared under its name on first use of each connection. */
struct es_statement {
	const char *name;
	const char *sql;
};

enum {
	ES_PARAMETERS_MAX = 32, /* more than any statement of ours takes */
};

/* The values of one execution; borrowed until sent.  Start from { 0 }; a value never added is a bug. */
struct es_parameters {
	int count;
	const char *values[ES_PARAMETERS_MAX];
	int lengths[ES_PARAMETERS_MAX]; /* bytes, where the format is binary */
	int formats[ES_PARAMETERS_MAX]; /* 0 text, 1 binary */
};

void es_parameters_add(struct es_parameters *parameters, const char *text_or_null);
void es_parameters_add_binary(struct es_parameters *parameters, const void *bytes, size_t size);

/*
 * For a setup: plans are generic and by index from the start.  A plan made while the tables were empty would scan them
 * whole for ever after, and planning anew each time costs more than most of these statements.  Not in parallel: a
 * generic plan takes "after this position" for a third of the log, and starting processes for one row of a log of two
 * million events took 60 ms, where the query takes 0.3 ms without.
 */
#define ES_DATABASE_PLANS                                                                                    \
	"SET plan_cache_mode = force_generic_plan; SET jit = off; SET max_parallel_workers_per_gather = 0; " \
	"SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "

struct es_database_options {
	const char *conninfo;                  /* a libpq connection string; "" takes all from the PG* environment */
	const char *application_name;          /* what pg_stat_activity shows */
	const struct es_statement *statements; /* indexed by the caller's enum; ends with a NULL name; borrowed */
	const char *setup;                     /* SQL run on each new connection (SET ...; LISTEN ...), or NULL */
};

/* Takes options by copy (the statements are borrowed).  Does not connect yet.  NULL: no memory. */
struct es_database *es_database_new(const struct es_database_options *options);
void es_database_free(struct es_database *database);

/*
 * Makes sure there is a working connection, connecting until deadline (monotonic microseconds) where there is none.
 * While a back-off runs it answers ES_UNAVAILABLE at once, with the reason of the last failure in error.
 */
ES_MUST_CHECK enum es_result es_database_connect(struct es_database *database, int64_t deadline,
                                                 struct es_error *error);

bool es_database_connected(const struct es_database *database);

/*
 * Whether the connection seems to be in order, without waiting: nothing came unasked.  A server that ended it has said
 * so, and what follows would be sent in vain.
 */
bool es_database_is_quiet(const struct es_database *database);

/* When the next attempt to connect may be made, in monotonic microseconds; 0: at once. */
int64_t es_database_next_attempt(const struct es_database *database);

/* How many connections were made so far, less the first: the reconnects. */
int64_t es_database_reconnects(const struct es_database *database);

/* The connection for what this interface lacks (PQsocket, PQnotifies, PQconsumeInput); NULL while there is none. */
PGconn *es_database_connection(struct es_database *database);

/* Closes the connection; the next es_database_connect opens a new one (with back-off if failed is true). */
void es_database_close(struct es_database *database, bool failed);

/*
 * Pipeline: send any number of statements, then one sync, then read one result for each, in order, and the sync's own.
 * After a failed send or a failed wait the connection is closed and everything answers ES_UNAVAILABLE.
 */
ES_MUST_CHECK enum es_result es_database_send(struct es_database *database, int statement,
                                              const struct es_parameters *parameters, struct es_error *error);
ES_MUST_CHECK enum es_result es_database_sync(struct es_database *database, struct es_error *error);

/*
 * Waits until deadline for the next statement's result: new, freed with PQclear, whatever its status; a statement
 * skipped because an earlier one failed has PGRES_PIPELINE_ABORTED.  For the sync it is PGRES_PIPELINE_SYNC.
 */
ES_MUST_CHECK enum es_result es_database_result(struct es_database *database, int64_t deadline, PGresult **ret_result,
                                                struct es_error *error);

/*
 * One statement, one round trip: send, sync, result, sync's result.  A statement that fails is ES_FAILED with the
 * database's message in error (ES_UNAVAILABLE for what passes: try again), and the connection stays usable.
 */
ES_MUST_CHECK enum es_result es_database_query(struct es_database *database, int statement,
                                               const struct es_parameters *parameters, int64_t deadline,
                                               PGresult **ret_result, struct es_error *error);

/* Whether what a server refused with this SQLSTATE may succeed in a moment, whatever was asked of it. */
bool es_database_passes(const char *state);

/* What a failed result means (by SQLSTATE, never by message), with its message in error. */
enum es_result es_database_result_error(const PGresult *result, struct es_error *error);

#endif
