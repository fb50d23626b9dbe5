/*
 * tests/store/writers_fixture.h - what the tests of writers share: a writer in another process that stops, and a look
 * at the log of a stream.
 */
#ifndef WRITERS_FIXTURE_H
#define WRITERS_FIXTURE_H

#include <stdint.h>
#include <sys/types.h>

#include "event/result.h"
#include "event/store.h"

#define PUT(key) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":1}"
#define PAUSE "{\"type\":\"pause\"}"

enum { CHILD_REQUESTS = 3 };

/* What a child tells its parent. */
struct told {
	enum es_result results[CHILD_REQUESTS];
	int64_t versions[CHILD_REQUESTS];
	char field[64];
	int faults;
};

/* Memory of parent and child; munmap gives it back. */
struct told *share(void);

/* Asserts that the log of stream has that many events. */
void is_log(const char *stream, int events);

/*
 * A child that applies requests and stops in the decision of its first pause.  key (NULL: none) is the key of the
 * pauses.  Returns when it has stopped.
 */
pid_t start_stopping(const char *const *streams, const char *const *bodies, const char *key, int count,
                     struct told *told);

/* Lets it go on, and asserts that it ends well. */
void continue_child(pid_t child);

/* The part about those who hang while they hold a lock. */
void writers_hung(struct es_store *store);

#endif
