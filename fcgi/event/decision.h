/*
 * event/decision.h - one request decided against the facts of a batch.
 *
 * Adds the request's events to the batch and their changes to its stream's facts, or refuses and leaves both as they
 * were.  Needs no store: everything it reads was fetched by begin.
 */
#ifndef ES_DECISION_H
#define ES_DECISION_H

#include "event/store.h"

/*
 * append's stream is the batch's stream number.  The batch's events must have room for what append can add:
 * es_decide grows them.  ES_OK, or why it is refused in error.
 */
ES_MUST_CHECK enum es_result es_decide(const struct es_decider *decider, const struct es_append *append, int stream,
                                       struct es_batch *batch, struct es_error *error);

#endif
