/*
 * sse/loop.h - the thread that all subscribers live on: one epoll for their sockets, the tail's news and the newcomers.
 */
#ifndef SSE_LOOP_H
#define SSE_LOOP_H

#include <stdint.h>

#include "event/result.h"
#include "sse/mailbox.h"
#include "sse/metrics.h"

struct sse_loop;

/* Borrows all. */
struct sse_loop_options {
	struct sse_mailbox *orders; /* to the tail */
	struct sse_mailbox *news;   /* from the tail */
	struct sse_metrics *metrics;
	int64_t heartbeat; /* microseconds */
};

ES_MUST_CHECK enum es_result sse_loop_start(const struct sse_loop_options *options, struct sse_loop **ret_loop,
                                            struct es_error *error);

/*
 * Hands a subscriber to the loop, from any thread: takes fd, which does not block, with its request read and nothing
 * written.  version: as for sse_hub_join.
 */
void sse_loop_subscribe(struct sse_loop *loop, int fd, const char *name, int64_t version);

/* Ends all streams, spread over some seconds so that not all clients come back at once; waits for that, and frees. */
void sse_loop_stop(struct sse_loop *loop);

#endif
