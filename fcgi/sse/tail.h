/*
 * sse/tail.h - the thread that follows the log.
 *
 * It listens for notifications, reads all events after the last position it has seen, and asks again at least once a
 * second, for ever: a notification is a hint, the log the truth.  What it finds for the streams it was told to watch
 * goes to the loop as news, in the order of the log; what the loop wants to know comes as orders.  Everything is read
 * by this one thread, so news never overtake each other.
 */
#ifndef SSE_TAIL_H
#define SSE_TAIL_H

#include <stdbool.h>

#include "event/result.h"
#include "sse/mailbox.h"
#include "sse/metrics.h"

struct sse_tail;

/* Borrows all, also conninfo, until sse_tail_stop. */
struct sse_tail_options {
	const char *conninfo;
	struct sse_mailbox *orders;
	struct sse_mailbox *news;
	struct sse_metrics *metrics;
};

/* Starts the thread; the database need not be there. */
ES_MUST_CHECK enum es_result sse_tail_start(const struct sse_tail_options *options, struct sse_tail **ret_tail,
                                            struct es_error *error);

/*
 * Closes both mailboxes, waits for the thread a few seconds and frees.  False: it hangs in the network, still uses what
 * it was given, and the process had better end.  NULL is fine.
 */
ES_MUST_CHECK bool sse_tail_stop(struct sse_tail *tail);

#endif
