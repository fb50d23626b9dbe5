/*
 * event/batch.h - group append: many requests decided in order and committed in one transaction.
 *
 * One fsync for many commands, each with an answer of its own.  A refused request leaves the others untouched; a batch
 * that fails for a reason of its data is applied again request by request, so that only the guilty one is refused.
 */
#ifndef ES_BATCH_H
#define ES_BATCH_H

#include "event/store.h"

/* What a batch was and took, for statistics. */
struct es_batch_report {
	int appends;
	int events;
	int64_t begin_time;  /* microseconds: locks and reads */
	int64_t commit_time; /* microseconds: writes until durable */
};

struct es_batch_hooks {
	/* All optional.  committed: after each transaction that wrote, before its requests are answered. */
	void (*committed)(void *context, const struct es_batch_report *report);
	/* The store cannot be reached just now. */
	void (*away)(void *context, const struct es_error *error);
	/* Another transaction follows, for the requests of the list; those not in it have had their answers. */
	void (*goes_on)(void *context, const struct es_append *list);
	void *context;
};

/*
 * Applies the requests of the list (linked by next, in the order of arrival) and calls done for each, whatever happens.
 * Returns when all are done: at the latest at the latest deadline among them.
 */
void es_batch_apply(struct es_store *store, const struct es_decider *decider, struct es_append *list,
                    const struct es_batch_hooks *hooks);

#endif
