#include "sse/metrics.h"

static const struct {
	const char *name;
	const char *type;
	const char *help;
} descriptions[SSE_METRIC_MAX] = {
	[SSE_METRIC_SUBSCRIBERS] = { "eventledger_sse_subscribers", "gauge", "Open event streams." },
	[SSE_METRIC_STREAMS] = { "eventledger_sse_streams", "gauge", "Streams with a ring in memory." },
	[SSE_METRIC_RING_BYTES] = { "eventledger_sse_ring_bytes", "gauge", "Memory of all rings together." },
	[SSE_METRIC_CONNECTED] = { "eventledger_sse_database_connected", "gauge", "1 while the database is there." },
	[SSE_METRIC_DELIVERIES] = { "eventledger_sse_deliveries_total", "counter",
	                            "Events written to subscribers: one event to ten subscribers counts ten." },
	[SSE_METRIC_BYTES] = { "eventledger_sse_bytes_total", "counter", "Bytes written to subscribers." },
	[SSE_METRIC_EVENTS] = { "eventledger_sse_events_total", "counter",
	                        "Events read from the log for streams with a ring." },
	[SSE_METRIC_SLOW_CLOSES] = { "eventledger_sse_slow_closes_total", "counter",
	                             "Subscribers closed because they did not read, or fell off their ring." },
	[SSE_METRIC_RESETS] = { "eventledger_sse_resets_total", "counter", "Subscribers told to load the state anew." },
	[SSE_METRIC_FILLS] = { "eventledger_sse_fills_total", "counter", "Queries made to fill a ring." },
	[SSE_METRIC_MISSED_NOTIFICATIONS] = { "eventledger_sse_missed_notifications_total", "counter",
	                                      "Events found by the poll that no notification announced." },
	[SSE_METRIC_RECONNECTS] = { "eventledger_sse_database_reconnects_total", "counter",
	                            "Connections to the database after the first." },
	[SSE_METRIC_RESTORES] = { "eventledger_sse_log_changes_total", "counter",
	                          "Times the log was found to be another one (a restored database)." },
};

void
sse_metrics_write(struct sse_metrics *metrics, struct es_text *text)
{
	static const char delay[] = "eventledger_sse_delay_seconds";

	for (int i = 0; i < SSE_METRIC_MAX; i++) {
		http_metrics_head(text, descriptions[i].name, descriptions[i].type, descriptions[i].help);
		http_metrics_sample(text, descriptions[i].name, NULL,
		                    atomic_load_explicit(&metrics->values[i], memory_order_relaxed));
	}
	http_metrics_head(
		text, delay, "histogram",
		"From an event's recorded_at until it was written to every subscriber that was ready for it.");
	http_metrics_histogram(text, delay, NULL, &metrics->delay);
}
