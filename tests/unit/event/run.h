/*
 * tests/unit/event/run.h - one run of random logs: what was written so far, and what was found not to hold.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "event/store.h"
#include "event/uuid.h"
#include "model.h"

enum {
	STREAMS = 3,
	KEYED_MAX = 16, /* keys that are remembered, to be sent again */
};

enum property { ANSWERS, POSITIONS, REPEATS, STATES, LIVE, ACTIVE, TYPES, DIFFERENCES, CHANGES, PROPERTIES };

extern const char *const property_names[PROPERTIES];

/* A request whose key was remembered. */
struct keyed {
	int stream;
	char *body; /* owned */
	char key[ES_UUID_TEXT_SIZE];
	int64_t version;
	int events;
};

struct run {
	struct es_store *store;
	uint64_t random;
	int faults[PROPERTIES];
	long checks[PROPERTIES];
	int log;
	struct model models[STREAMS];
	char names[STREAMS][32];
	int64_t position;
	struct keyed keyed[KEYED_MAX];
	int keyed_count;
	long events;
	long rewinds;
};

/* A random number from 0 to most - 1; the same ones for the same seed everywhere. */
int run_below(struct run *run, int most);

/* Counts a look at property; the first one at which it does not hold is printed, with what was got and expected. */
void run_expect(struct run *run, enum property property, bool holds, const char *got, const char *expected);
void run_expect_int(struct run *run, enum property property, int64_t got, int64_t expected);
void run_expect_text(struct run *run, enum property property, const char *got, const char *expected);

/* Writes one batch of random requests, and compares the answers with what the model makes of them. */
void run_batch(struct run *run);

/* Compares the differences of random states of a stream, and the changes of each of its events, with the model's. */
void run_check_differences(struct run *run, int stream);

#endif
