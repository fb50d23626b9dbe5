/*
 * event/postgres.h - what the parts of the PostgreSQL store share.
 *
 * postgres.c opens it and speaks to the server.  postgres_lock.c and postgres_write.c are the two round trips of the
 * serializing transaction: locks and reads, then - decided in between - writes and the commit.  Each ends with a sync,
 * so that the server's own timeouts run while it waits for us.  The first is spared where the heads are remembered:
 * then the second takes the locks, and looks whether they still are the heads.  postgres_read.c reads pages;
 * postgres_statements.c has every statement that any of them sends.
 */
#ifndef ES_POSTGRES_H
#define ES_POSTGRES_H

#include "event/array.h"
#include "event/clock.h"
#include "event/database.h"
#include "event/heads.h"
#include "event/store.h"

enum postgres_statement {
	/* the serializing transaction, in the order of sending */
	STATEMENT_BEGIN,
	STATEMENT_LOCK_STREAMS,
	STATEMENT_HEADS,
	STATEMENT_KEYS,
	STATEMENT_FETCH_FACTS,
	STATEMENT_TARGETS,
	STATEMENT_APPEND,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_FIND_EVENT,
	STATEMENT_FIND_ANSWER,
	STATEMENT_END_HUNG_HOLDERS,
	/* reading */
	STATEMENT_HEAD,
	STATEMENT_FACTS,
	STATEMENT_EVENTS_NEWEST_FIRST,
	STATEMENT_EVENTS_OLDEST_FIRST,
	STATEMENT_DIFFERENCES,
	STATEMENT_VERSION_AT,
	STATEMENT_STREAMS,
	STATEMENT_MAX,
};

extern const struct es_statement es_postgres_statements[STATEMENT_MAX + 1];

enum {
	POSTGRES_ARRAYS = 29,    /* the most that one statement takes */
	POSTGRES_DOUBT_MAX = 64, /* batches that lock and look, after a memory was wrong several times */
};

/* An attempt to connect must leave time to answer within a second. */
#define POSTGRES_CONNECT_TIME (800 * ES_MILLISECOND)
/* What one round trip may take: longer than the server's own limits, which then speak first. */
#define POSTGRES_ANSWER_TIME (10 * ES_SECOND)

struct es_postgres {
	struct es_store store; /* first: see struct es_store */
	struct es_database *database;
	struct es_array arrays[POSTGRES_ARRAYS]; /* reused by each statement */

	/* What this connection remembers: heads of the log, as of its own last writing. */
	struct es_heads *heads;
	char log[ES_LOG_SIZE]; /* "": nothing is remembered */
	int64_t reconnects;    /* of the database, then: another connection remembers nothing */
	int doubt;             /* how long it is in doubt after a wrong memory, in batches: doubles each time */
	int doubted;           /* batches for which it still is */

	bool holding; /* find has left its transaction open, with the locks: for the next begin */

	/* The first failure of the exchange under way: sends and results after it do nothing. */
	enum es_result result;
	char state[6]; /* its SQLSTATE, where the server refused a statement; "" where the connection did not hold */
};

static inline struct es_postgres *
es_postgres_of(struct es_store *store)
{
	return (struct es_postgres *)(void *)store;
}

/* Connects where needed; the start of every exchange. */
ES_MUST_CHECK enum es_result es_postgres_start(struct es_postgres *postgres, int64_t deadline, struct es_error *error);

/* Sends a statement; failures are remembered in postgres->result. */
void es_postgres_send(struct es_postgres *postgres, enum postgres_statement statement,
                      const struct es_parameters *parameters, struct es_error *error);

/* Begins the arrays of a statement, one for each of the types named. */
#define ES_POSTGRES_BEGIN_ARRAYS(postgres, ...)                                              \
	es_postgres_begin_arrays(postgres, (const enum es_array_type[]){ __VA_ARGS__ },      \
	                         (int)(sizeof((const enum es_array_type[]){ __VA_ARGS__ }) / \
	                               sizeof(enum es_array_type)))

void es_postgres_begin_arrays(struct es_postgres *postgres, const enum es_array_type *types, int count);

/* Adds the first count arrays to parameters. */
void es_postgres_add_arrays(struct es_postgres *postgres, struct es_parameters *parameters, int count,
                            struct es_error *error);

/* Sends a statement whose parameters are the first count arrays. */
void es_postgres_send_arrays(struct es_postgres *postgres, enum postgres_statement statement, int count,
                             struct es_error *error);

/* The next result (new), or NULL after a failure, which is remembered.  Keeps reading when a statement failed. */
PGresult *es_postgres_receive(struct es_postgres *postgres, int64_t deadline, struct es_error *error);

/* Ends a round trip: sync before reading, and the sync's own result after it. */
void es_postgres_sync(struct es_postgres *postgres, struct es_error *error);
void es_postgres_synced(struct es_postgres *postgres, int64_t deadline, struct es_error *error);

/* Fills in the batch's heads from memory.  False: it needs more, or not all are remembered, or memory is in doubt. */
bool es_postgres_recall(struct es_postgres *postgres, struct es_batch *batch);

/* After the commit: remembers the heads that the batch leaves. */
void es_postgres_remember(struct es_postgres *postgres, const struct es_batch *batch);

/* What was recalled does not hold, or may not: forgets it, and doubts the rest for a while. */
void es_postgres_forget(struct es_postgres *postgres, const struct es_batch *batch);

/* Ends what is left of a transaction.  A connection that does not answer is closed: that ends it as well. */
void es_postgres_roll_back(struct es_postgres *postgres);

/*
 * Where the exchange failed because somebody held a lock all through our patience: ends those who wait for nothing but
 * their stopped client.  False: that was not the reason.
 */
bool es_postgres_end_hung_holders(struct es_postgres *postgres);

/* Gives the batch's events their positions and time (microseconds since 1970). */
void es_postgres_place_events(struct es_batch *batch, int64_t first_position, int64_t recorded_at);

int64_t es_postgres_int64(const PGresult *result, int row, int column);

/* NULL where the database has a null. */
const char *es_postgres_text(const PGresult *result, int row, int column);

enum es_result es_postgres_begin(struct es_store *store, struct es_batch *batch, struct es_error *error);
enum es_result es_postgres_commit(struct es_store *store, struct es_batch *batch, struct es_error *error);
void es_postgres_abort(struct es_store *store);
enum es_result es_postgres_find(struct es_store *store, struct es_batch *batch, struct es_error *error);

enum es_result es_postgres_head(struct es_store *store, const char *stream, struct es_head *ret_head,
                                struct es_error *error);
enum es_result es_postgres_facts(struct es_store *store, const struct es_head *head, int64_t version,
                                 struct es_place after, int limit, struct es_page *ret_page, struct es_error *error);
enum es_result es_postgres_events(struct es_store *store, const struct es_head *head,
                                  const struct es_events_query *query, struct es_page *ret_page,
                                  struct es_error *error);
enum es_result es_postgres_differences(struct es_store *store, const struct es_head *head, int64_t from, int64_t to,
                                       struct es_place after, int limit, struct es_page *ret_page,
                                       struct es_error *error);
enum es_result es_postgres_version_at(struct es_store *store, const struct es_head *head, int64_t time,
                                      int64_t *ret_version, struct es_error *error);
enum es_result es_postgres_streams(struct es_store *store, const char *after, int limit, struct es_page *ret_page,
                                   struct es_error *error);

#endif
