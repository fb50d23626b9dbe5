/*
 * http/metrics.h - counters, gauges and histograms that any thread may touch, written as Prometheus text.
 *
 * A program declares its metrics as one static table; the values live in the table and are atomic.
 */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "event/text.h"

enum {
	HTTP_BUCKETS_MAX = 20, /* finite bounds of one histogram */
};

/* Bounds and sum in the unit of the observations; counts are not cumulative here, only in the text. */
struct http_histogram {
	const int64_t *bounds; /* rising, ends with 0; at most HTTP_BUCKETS_MAX */
	double scale;          /* what one unit is in the metric's unit: 1e-6 for microseconds shown as seconds */
	_Atomic int64_t counts[HTTP_BUCKETS_MAX + 1];
	_Atomic int64_t sum;
};

/* From 100 us to 30 s, and from 1 to 5000, for use as bounds. */
extern const int64_t http_microsecond_bounds[];
extern const int64_t http_size_bounds[];

void http_histogram_observe(struct http_histogram *histogram, int64_t value);

/* "# HELP", "# TYPE" once per name, then samples.  labels as in the text format ('route="state"') or NULL. */
void http_metrics_head(struct es_text *text, const char *name, const char *type, const char *help);
void http_metrics_sample(struct es_text *text, const char *name, const char *labels, int64_t value);
void http_metrics_histogram(struct es_text *text, const char *name, const char *labels,
                            const struct http_histogram *histogram);

/* Requests by route and status, and their time by route: kept by the server, written by this. */
struct http_server;
void http_server_metrics(struct http_server *server, struct es_text *text, const char *prefix);

#endif
