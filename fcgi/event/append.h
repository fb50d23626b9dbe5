/*
 * event/append.h - one caller's request: commands for one stream, applied all or none, and its answer.
 */
#ifndef ES_APPEND_H
#define ES_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "event/command.h"
#include "event/uuid.h"

enum {
	ES_LOG_SIZE = 9,         /* 8 hex digits and a NUL */
	ES_EXPECTED_MAX = 16,    /* versions in one expectation: a caller knows one, rarely two */
	ES_STREAM_NAME_MAX = 63, /* bytes: [a-z0-9][a-z0-9._-]{0,62} */
};

/* How long a request may wait for its outcome, in microseconds. */
#define ES_APPEND_TIME (20 * INT64_C(1000000))

struct es_store;

/* A version that the caller accepts; with a log, only of that log. */
struct es_expected {
	int64_t version;
	char log[ES_LOG_SIZE]; /* "" : any log */
};

/* A recorded event, as every reader sees it.  Strings are borrowed from whoever gave the row. */
struct es_event_row {
	int64_t version;
	int64_t position;
	const char *id;
	const char *type;
	const char *data; /* JSON text */
	int64_t base;
	const char *actor; /* NULL: nobody */
	const char *command_id;
	int64_t recorded_at; /* microseconds since 1970 */
	bool active;         /* only in pages of events */
};

struct es_append {
	/* --- the request; borrowed until done --- */
	const char *stream;
	struct es_command_list commands;
	const char *actor;         /* NULL: nobody */
	struct es_uuid command_id; /* kept in the events */
	bool keyed;                /* command_id is the caller's own: remembered, and a repeat gets the first answer */
	struct es_uuid request_hash; /* of stream, actor and body: what a repeat must match; only when keyed */
	struct es_expected expected[ES_EXPECTED_MAX];
	int expected_count; /* 0: any version */
	int64_t deadline;   /* monotonic: after it, ES_UNAVAILABLE or ES_OUTCOME_UNKNOWN; the library sets it */
	size_t size;        /* bytes of the request, for the bounds of queue and batch */

	/* --- the answer, complete when done is called; events live until done returns --- */
	enum es_result result;
	struct es_error error;
	char log[ES_LOG_SIZE];
	int64_t version; /* after the last event; where nothing was recorded, as it stood */
	const struct es_event_row *events;
	int event_count;
	bool replayed; /* an earlier request with the same key had this answer */

	/* Called once, on the thread that applied the batch. */
	void (*done)(struct es_append *append);
	void *context;

	struct es_append *next; /* the library's: its place in the queue */
};

/* A number for the name of a stream: FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo). */
uint64_t es_stream_hash(const char *name);

/* Sets request_hash from the stream, the actor and the body's bytes.  False: no memory. */
bool es_append_hash(struct es_append *append, const void *body, size_t size);

/* Ends a request without events: sets the result and calls done. */
void es_append_finish(struct es_append *append, enum es_result result, const struct es_error *error);

/*
 * For callers that have one request and want to wait: applies it and returns its result.  done may be NULL; a deadline
 * of 0 becomes ES_APPEND_TIME from now.
 */
enum es_result es_append_now(struct es_store *store, const struct es_decider *decider, struct es_append *append);

/* The shortest way: applies the commands of a JSON text, from nobody in particular, to stream. */
enum es_result es_append_text(struct es_store *store, const struct es_decider *decider, const char *stream,
                              const char *commands, int64_t *ret_version, struct es_error *error);

#endif
