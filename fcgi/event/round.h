/*
 * event/round.h - one transaction of a batch: its requests, and what the store sees of them.
 *
 * batch.c runs it; round.c prepares and decides, answer.c tells the callers what came of it.
 */
#ifndef ES_ROUND_H
#define ES_ROUND_H

#include "event/batch.h"

/* Where one request of a round stands. */
enum es_entry_state {
	ES_ENTRY_OPEN,     /* to be decided */
	ES_ENTRY_DECIDED,  /* accepted: its events are in the batch */
	ES_ENTRY_REFUSED,  /* the error says why */
	ES_ENTRY_REPEATED, /* has the answer of an earlier request */
	ES_ENTRY_DEFERRED, /* a great rewind, or behind a rewind of its stream: the next round's */
};

struct es_entry {
	struct es_append *append;
	int stream; /* index */
	int key;    /* index, or -1 */
	enum es_entry_state state;
	enum es_result result;
	struct es_error error;
	int first_event; /* in the batch: those of the request, or of the one in this batch that it repeats */
	int event_count;
	int64_t version;
	int64_t repeated_first; /* ES_ENTRY_REPEATED from the store: the versions of the answer */
	int64_t repeated_stream;
};

/* One transaction: its requests and what the store sees of them. */
struct es_round {
	struct es_store *store;
	const struct es_decider *decider;
	const struct es_batch_hooks *hooks;
	struct es_entry *entries;
	int count;
	struct es_batch batch;
	struct es_error error; /* of the store */
	bool lingers; /* what was only remembered, and not found after a lost commit, may still be on its way */
};

/* Makes the batch anew from the round's requests, and sets all of them open.  False: no memory. */
bool es_round_prepare(struct es_round *round);

/* Decides each request in its order: adds to the batch, refuses, finds the answer of a repeat, or defers. */
void es_round_decide(struct es_round *round);

/* Whether every request has something to be written, or repeats one of this batch that has. */
bool es_round_accepts_all(const struct es_round *round);

/* The batch is durable, or had nothing to write: tells every caller but the deferred. */
void es_round_answer(struct es_round *round);

/* The same bad news, round->error, for every caller. */
void es_round_fail(struct es_round *round, enum es_result result);

/* Frees the batch.  The entries are the caller's. */
void es_round_forget(struct es_round *round);

#endif
