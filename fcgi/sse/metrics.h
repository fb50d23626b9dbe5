/*
 * sse/metrics.h - what sse.fcgi counts, and its text for Prometheus.
 */
#ifndef SSE_METRICS_H
#define SSE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "event/text.h"
#include "http/metrics.h"

/* Each has a row in metrics.c with its name and help. */
enum sse_metric {
	SSE_METRIC_SUBSCRIBERS,
	SSE_METRIC_STREAMS,
	SSE_METRIC_RING_BYTES,
	SSE_METRIC_CONNECTED,
	SSE_METRIC_DELIVERIES,
	SSE_METRIC_BYTES,
	SSE_METRIC_EVENTS,
	SSE_METRIC_SLOW_CLOSES,
	SSE_METRIC_RESETS,
	SSE_METRIC_FILLS,
	SSE_METRIC_MISSED_NOTIFICATIONS,
	SSE_METRIC_RECONNECTS,
	SSE_METRIC_RESTORES,
	SSE_METRIC_MAX,
};

/* Any thread may touch them.  Start from SSE_METRICS_INIT. */
struct sse_metrics {
	_Atomic int64_t values[SSE_METRIC_MAX];
	struct http_histogram
		delay; /* microseconds from an event's recorded_at until its last subscriber was written to */
};

#define SSE_METRICS_INIT                                                     \
	(struct sse_metrics)                                                 \
	{                                                                    \
		.delay = {.bounds = http_microsecond_bounds, .scale = 1e-6 } \
	}

static inline void
sse_metrics_add(struct sse_metrics *metrics, enum sse_metric metric, int64_t number)
{
	atomic_fetch_add_explicit(&metrics->values[metric], number, memory_order_relaxed);
}

static inline void
sse_metrics_set(struct sse_metrics *metrics, enum sse_metric metric, int64_t number)
{
	atomic_store_explicit(&metrics->values[metric], number, memory_order_relaxed);
}

/* Adds all of them as Prometheus text. */
void sse_metrics_write(struct sse_metrics *metrics, struct es_text *text);

#endif
