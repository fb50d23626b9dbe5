/*
 * tests/unit/event/sample.h - an application for the tests: keyed values, and events that change several at once.
 *
 * Commands: put {key, value} · drop {key} · script {steps} · several {count} · nothing · refuse · careless {key} ·
 * pause.  A step of a script is ["put", key, value], ["remove", key], ["own", suffix, value] or ["disown", suffix],
 * where the key of the last two is the event's id and the suffix.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "event/batch.h"
#include "event/clock.h"

extern const struct es_decider sample_decider;

/* What deciding a "pause" runs, once each time; NULL: nothing. */
extern void (*sample_pause)(void);

/* An event of an answer, kept. */
struct sample_event {
	int64_t version;
	int64_t position;
	int64_t base;
	int64_t recorded_at;
	char id[ES_UUID_TEXT_SIZE];
	char command_id[ES_UUID_TEXT_SIZE];
	char type[32];
	char data[256]; /* cut short */
};

/* A request, and what came of it: append's own answer, its events kept.  done counts the calls of its callback. */
struct sample_request {
	struct es_append append;
	struct sample_event *events; /* owned */
	_Atomic int done;
	int order;       /* among all requests that were done: 1, 2 ... */
	int64_t done_at; /* monotonic */
	char *body;      /* owned */
};

/* Makes a request of body (JSON text) for stream (borrowed) that may take 20 s.  Bails out where body does not parse.
 */
void sample_request_begin(struct sample_request *request, const char *stream, const char *body);

/* Gives it a key of its own (NULL: a new one) and the hash of its body. */
void sample_request_key(struct sample_request *request, const char *key);
void sample_request_done(struct sample_request *request);

/* Applies the requests as one list. */
void sample_apply(struct es_store *store, struct sample_request *requests, int count,
                  const struct es_batch_hooks *hooks);

/* One request applied alone; returns its result and leaves the rest in *ret_request where that is not NULL. */
enum es_result sample_do(struct es_store *store, const char *stream, const char *body,
                         struct sample_request *ret_request);

/* The head of stream.  Bails out where the store fails. */
struct es_head sample_head(struct es_store *store, const char *stream);

/* The whole state at version as one line "key=value@origin key=...", by place, read in pages of limit rows.  New. */
char *sample_state(struct es_store *store, const char *stream, int64_t version, int limit);

#endif
