/*
 * event/facts.h - the facts of one stream while a batch is decided.
 *
 * It holds what the store fetched for the keys the commands named, and what the batch has put and removed since, as
 * the rows and closings that the store will write.  What a refused request did can be taken back (savepoints).
 * decide and evolve see it through the functions of event/decider.h.
 */
#ifndef ES_FACTS_H
#define ES_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/decider.h"

struct es_facts;

/* A row to insert.  Borrowed from the facts. */
struct es_fact_write {
	const char *key;
	struct json_object *value;
	int64_t since; /* its origin too: what a decider puts is new */
	int64_t until; /* 0: still open */
};

/* A stored row to close at version until.  Borrowed from the facts. */
struct es_fact_close {
	const char *key;
	int64_t until;
};

/* What es_facts_rollback goes back to. */
struct es_facts_savepoint {
	size_t changes;
	int live;
};

/* NULL: no memory. */
struct es_facts *es_facts_new(void);
void es_facts_free(struct es_facts *facts);

/* Says that key may be touched; nothing is under it until es_facts_fetched says otherwise. */
void es_facts_declare(struct es_facts *facts, const char *key);

/* The store found value (JSON text, copied) under the declared key. */
void es_facts_fetched(struct es_facts *facts, const char *key, const char *value);

/* The store says how many facts are alive in the stream. */
void es_facts_set_live(struct es_facts *facts, int live);

/* Calls fn for each declared key. */
void es_facts_each_key(const struct es_facts *facts, void (*fn)(const char *key, void *context), void *context);

/* All puts and removes until the next call belong to this event.  id is copied. */
void es_facts_begin_event(struct es_facts *facts, int64_t version, const char *id);

int es_facts_live(const struct es_facts *facts);

struct es_facts_savepoint es_facts_save(const struct es_facts *facts);
void es_facts_rollback(struct es_facts *facts, struct es_facts_savepoint savepoint);

/* ES_FAILED where memory ran out, or a decider touched a key that it had not named: a bug of the application. */
ES_MUST_CHECK enum es_result es_facts_check(const struct es_facts *facts, struct es_error *error);

/* What is to be written, in no particular order: all closings belong before all rows.  Returns false at the end. */
bool es_facts_next_write(const struct es_facts *facts, size_t *at, struct es_fact_write *ret_write);
bool es_facts_next_close(const struct es_facts *facts, size_t *at, struct es_fact_close *ret_close);

#endif
