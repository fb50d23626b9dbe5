/*
 * tests/unit/event/property.h - random logs, written through the store and compared with the model.
 */
#ifndef PROPERTY_H
#define PROPERTY_H

#include "event/store.h"

/* What else holds of a store when all is written; answers how often it does not. */
struct property_check {
	const char *name;
	long (*faults)(void);
};

/*
 * Writes logs random logs of three streams each, in batches of several requests (single commands, arrays, rewinds of
 * anything, repeats of earlier keys), and compares answers, states, flags and differences with the model; then runs the
 * checks (ending with a NULL name; NULL: none).  The store must be nobody else's meanwhile.  One line of TAP for each
 * property; returns what main should.
 */
int property_run(struct es_store *(*open_store)(void), int logs, uint64_t seed, const struct property_check *checks);

#endif
