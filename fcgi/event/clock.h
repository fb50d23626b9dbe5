/*
 * event/clock.h - time in microseconds.
 */
#ifndef ES_CLOCK_H
#define ES_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "event/result.h"

#define ES_SECOND INT64_C(1000000) /* in microseconds, the unit of every time and duration here */
#define ES_MILLISECOND INT64_C(1000)

enum {
	ES_TIME_TEXT_SIZE = 32, /* "2026-11-24T06:47:56.123456Z" and its NUL, with room */
};

/* Since some fixed moment; never goes back.  For deadlines and durations. */
int64_t es_clock_monotonic(void);

/* Since 1970-01-01T00:00:00Z. */
int64_t es_clock_wall(void);

/* time (since 1970) as RFC 3339 in UTC with microseconds and Z.  Returns text. */
char *es_time_format(int64_t time, char text[static ES_TIME_TEXT_SIZE]);

/* Milliseconds from now until deadline (monotonic), rounded up, for poll(2); 0 when it has passed. */
int es_clock_poll_timeout(int64_t deadline);

/* A random time from 0 to most (not negative), in whatever unit most has: it spreads what would come back together. */
int64_t es_clock_jitter(int64_t most);

#endif
