/*
 * event/database-private.h - the inside of a database, for database.c (its connection) and database_pipeline.c (what
 * travels over it).
 */
#ifndef ES_DATABASE_PRIVATE_H
#define ES_DATABASE_PRIVATE_H

#include "event/database.h"

enum {
	PENDING_MAX = 64, /* results not read yet: a round trip has some ten statements, each perhaps prepared before */
};

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

/* Puts code in error with the first line of libpq's message as the reason: whoever asked must not see it.  Returns
 * code. */
enum es_result es_database_fail(struct es_error *error, enum es_result code, const char *message);

/*
 * The connection is of no use any more: remembers why (NULL: what libpq says), closes it, answers ES_UNAVAILABLE.
 * reason may lie within a result of the connection.
 */
enum es_result es_database_lose(struct es_database *database, const char *reason, struct es_error *error);

/* Waits until a result can be had without blocking; writes what is still to be sent meanwhile. */
ES_MUST_CHECK enum es_result es_database_wait(struct es_database *database, int64_t deadline, struct es_error *error);

#endif
