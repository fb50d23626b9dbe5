/*
 * tests/unit/sse/hub-fixture.h - a hub to test, with both of its neighbours: the tail that reads the log for it, and
 * the clients.  One at a time.
 */
#ifndef HUB_FIXTURE_H
#define HUB_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/clock.h"
#include "sse/hub.h"
#include "sse/letters.h"

#define FIXTURE_HEARTBEAT (15 * ES_SECOND) /* of every hub */

/* The hub between fixture_start and fixture_stop, which owns it. */
extern struct sse_hub *fixture_hub;

/* Makes a hub with metrics, a mailbox for orders and a poller of its own, and tells it the log "log". */
void fixture_start(void);
void fixture_stop(void);

/* --- the tail's part --- */

/*
 * The next order, as text: "fill main 3 0", "look main", "forget main"; "" if there is none.  The text stands until
 * the next call.
 */
const char *fixture_next_order(void);

/* The log is this one now. */
void fixture_tell_log(const char *log);

/* The events from ... to (either way) were read. */
void fixture_tell_events(const char *name, int64_t from, int64_t to);

/* The stream stood at head; the events from ... to (newest first; 0: none) were asked for up to until. */
void fixture_tell_filled(const char *name, int64_t head, int64_t from, int64_t to, int64_t until, bool exhausted);

/* News that are their kind and a stream's name alone. */
void fixture_tell(enum sse_news_kind kind, const char *name);

/* --- the client's part --- */

/* Subscribes to name after version; returns the client's end of the connection, which the caller closes. */
int fixture_join(const char *name, int64_t version);

/*
 * What came, in short: "s" the start, numbers for events, "h3" a head, "r3" a reset, ":" a comment, "e" the end.  The
 * text stands until the next call.
 */
const char *fixture_received(int client);

/* --- what is counted --- */

/* The metric as the hub counts it; from zero in every hub. */
int64_t fixture_value(enum sse_metric metric);

#endif
