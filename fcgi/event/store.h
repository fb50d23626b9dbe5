/*
 * event/store.h - where a log lives: a table of functions with two implementations, PostgreSQL and memory.
 *
 * Writing is in two steps around the decision: begin locks the streams of a batch and fetches what its commands need,
 * commit writes what was decided.  Reading is by version, so every page of a walk shows one moment.
 * A store is used by one thread at a time.
 */
#ifndef ES_STORE_H
#define ES_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/append.h"
#include "event/facts.h"

struct es_store;

/* --- writing --- */

/* One stream of a batch.  The batch owns it; begin fills the second part. */
struct es_batch_stream {
	const char *name;
	struct es_facts *facts;

	int64_t id; /* the store's own */
	bool fresh; /* has no event yet */
	int64_t horizon;
	int64_t version;
	struct es_uuid head_event; /* only where the head is remembered */

	/* --- decided --- */
	int64_t first_version; /* of the batch; 0: none */
	int64_t rewind_target; /* the rewind that ends this stream's batch; 0: none */
	int64_t rewind_version;
	bool deferred; /* a great rewind, and all behind it, to the next round */
};

/* A target that a rewind in the batch names: begin fetches how many facts were alive right before it. */
struct es_batch_target {
	int stream; /* index */
	int64_t version;
	int live; /* -1: no such version */
};

/* A key that came with a request: begin says what is known of it. */
struct es_batch_key {
	const struct es_append *append;
	bool known;
	int64_t stream_id;
	int64_t first_version;
	int64_t last_version;
	struct es_uuid request_hash;
};

/* An event to record.  data and the rest are the batch's. */
struct es_batch_event {
	int stream; /* index */
	int64_t version;
	struct es_uuid id;
	char id_text[ES_UUID_TEXT_SIZE];
	const char *type;
	char *data; /* JSON text, owned */
	int64_t base;
	const char *actor;
	const struct es_uuid *command_id;
	int live; /* after it */

	int64_t position; /* commit fills these two */
	int64_t recorded_at;
};

/* A keyed request that was accepted: to be remembered. */
struct es_batch_answer {
	const struct es_append *append;
	int stream;
	int64_t first_version;
	int64_t last_version; /* first_version - 1 where nothing was recorded */
};

struct es_batch {
	struct es_batch_stream *streams; /* by name, rising: the order of the locks */
	int stream_count;
	struct es_batch_target *targets;
	int target_count;
	struct es_batch_key *keys;
	int key_count;
	char log[ES_LOG_SIZE]; /* begin fills it */
	bool certain;          /* begin must lock and look: what it remembers is not enough */
	bool remembered;       /* begin says: the heads are from memory, and nothing is locked */

	struct es_batch_event *events;
	int event_count;
	struct es_batch_answer *answers;
	int answer_count;
	int64_t deadline; /* monotonic */
};

/* --- reading --- */

enum {
	ES_PAGE_BYTES = 4 << 20, /* of JSON values in one page: a reader's memory stays bounded */
	ES_SEARCH_MAX = 20000,   /* events that one filtered page examines: bounds its time */
};

struct es_head {
	char log[ES_LOG_SIZE];
	int64_t stream_id; /* the store's own; 0: no such stream */
	int64_t version;   /* 0: no event yet */
	int64_t horizon;
};

struct es_fact_row {
	const char *key;
	const char *value; /* JSON text */
	int64_t origin;
};

/* What differs between two states: origin 0 and a NULL value on the side that lacks the key. */
struct es_difference_row {
	const char *key;
	const char *from_value;
	int64_t from_origin;
	const char *to_value;
	int64_t to_origin;
};

struct es_stream_row {
	const char *name;
	int64_t version;
	int64_t live;
	int64_t changed_at; /* microseconds since 1970 */
};

/* One page of rows.  Start from { 0 }; free with es_page_done.  Strings live as long as the page. */
struct es_page {
	int count;
	bool more; /* there are rows after these */
	union {
		struct es_fact_row *facts;
		struct es_event_row *events;
		struct es_difference_row *differences;
		struct es_stream_row *streams;
	};
	int64_t examined; /* events: the last version looked at; a filtered page may end before it found enough */
	int64_t added, removed, changed; /* differences: on all pages together */

	void *rows;  /* owned: what the union points to */
	void *owner; /* owned: what the strings live in */
	void (*release)(void *owner);
};

void es_page_done(struct es_page *page);

/* A place in a list sorted by origin, then key: the last row of the page before. */
struct es_place {
	int64_t origin;
	const char *key;
};

#define ES_START ((struct es_place){ .origin = 0, .key = "" })

struct es_events_query {
	int64_t version; /* events above it do not exist; active as of it */
	int64_t cursor;  /* newest first: this version and older; oldest first: newer than this */
	bool oldest_first;
	const char *type; /* NULL: all */
	const char *text; /* NULL: all; else only events with it in a string of data, whatever the case */
	int limit;
};

struct es_store_operations {
	/*
	 * Locks the batch's streams in their order and fills in heads, declared facts, targets and keys.  Or, where no
	 * facts or targets are needed, fills in what it remembers (batch->remembered): then no key is known, and what
	 * refuses a request may be out of date.  ES_UNAVAILABLE: not possible by the deadline, or what find had locked
	 * was lost; nothing is locked.
	 */
	enum es_result (*begin)(struct es_store *store, struct es_batch *batch, struct es_error *error);

	/*
	 * Writes and ends the transaction that begin opened.  ES_OK: durable.  ES_REFUSED: the data is at fault.
	 * ES_UNAVAILABLE, ES_FAILED: not applied.  ES_OUTCOME_UNKNOWN: the connection died around the commit.
	 * ES_CONFLICT: not applied, and what was remembered does not hold: begin anew, to be certain.
	 */
	enum es_result (*commit)(struct es_store *store, struct es_batch *batch, struct es_error *error);

	/* Ends the transaction that begin opened without writing; one that only remembered has opened none. */
	void (*abort)(struct es_store *store);

	/*
	 * After ES_OUTCOME_UNKNOWN: takes the same locks, then looks for the batch's events.  ES_OK: they are there,
	 * positions and times filled in.  ES_NOT_FOUND: they are not, and never will be; but what was remembered, and
	 * so held no locks, may be on its way still, and can come to be until the streams are written to again: so the
	 * locks are kept, for the begin or the abort that must follow.  ES_UNAVAILABLE: cannot tell yet.
	 */
	enum es_result (*find)(struct es_store *store, struct es_batch *batch, struct es_error *error);

	/* Makes sure the store can be reached, trying until deadline. */
	enum es_result (*connect)(struct es_store *store, int64_t deadline, struct es_error *error);

	/* When a store that could not be reached may be tried again (monotonic; 0: at once). */
	int64_t (*next_attempt)(struct es_store *store);

	/* Connections that were made after the first. */
	int64_t (*reconnects)(struct es_store *store);

	enum es_result (*head)(struct es_store *store, const char *stream, struct es_head *ret_head,
	                       struct es_error *error);
	enum es_result (*facts)(struct es_store *store, const struct es_head *head, int64_t version,
	                        struct es_place after, int limit, struct es_page *ret_page, struct es_error *error);
	enum es_result (*events)(struct es_store *store, const struct es_head *head,
	                         const struct es_events_query *query, struct es_page *ret_page, struct es_error *error);
	enum es_result (*differences)(struct es_store *store, const struct es_head *head, int64_t from, int64_t to,
	                              struct es_place after, int limit, struct es_page *ret_page,
	                              struct es_error *error);

	/* The last version recorded at or before time (microseconds since 1970), 0 before the first. */
	enum es_result (*version_at)(struct es_store *store, const struct es_head *head, int64_t time,
	                             int64_t *ret_version, struct es_error *error);
	enum es_result (*streams)(struct es_store *store, const char *after, int limit, struct es_page *ret_page,
	                          struct es_error *error);

	void (*free)(struct es_store *store);
};

/* The first member of every implementation. */
struct es_store {
	const struct es_store_operations *operations;
};

/* A store in the memory of this process: for tests and examples.  NULL: no memory. */
struct es_store *es_store_memory_new(void);

/*
 * A store in PostgreSQL, on a connection of its own that is made on first use.  conninfo as for libpq ("" takes the
 * PG* environment); copied.  NULL: no memory.
 */
struct es_store *es_store_postgres_new(const char *conninfo, const char *application_name);

void es_store_free(struct es_store *store);

#endif
