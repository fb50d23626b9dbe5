#include "http/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/metrics.h"
#include "http/server.h"
#include "http/status.h"

enum {
	NAME_SIZE = 128, /* bytes: a metric's name, or its labels */
};

struct row {
	const char *name; /* the route's */
	_Atomic int64_t statuses[HTTP_STATUS_COUNT];
	struct http_histogram durations;
};

struct http_tally {
	const struct http_route *routes;
	size_t count; /* of rows; the last one is for requests without a route */
	struct row rows[];
};

struct http_tally *
http_tally_new(const struct http_route *routes)
{
	size_t count = 1;

	for (const struct http_route *route = routes; route->pattern != NULL; route++)
		count++;
	struct http_tally *tally = calloc(1, sizeof *tally + count * sizeof tally->rows[0]);
	if (tally == NULL)
		return NULL;
	tally->routes = routes;
	tally->count = count;
	for (size_t at = 0; at < count; at++) {
		tally->rows[at].name = at == count - 1 ? "none" : routes[at].name;
		tally->rows[at].durations.bounds = http_microsecond_bounds;
		tally->rows[at].durations.scale = 1e-6;
	}
	return tally;
}

void
http_tally_free(struct http_tally *tally)
{
	free(tally);
}

void
http_tally_count(struct http_tally *tally, const struct http_route *route, int status, int64_t duration)
{
	struct row *row = &tally->rows[route == NULL ? tally->count - 1 : (size_t)(route - tally->routes)];

	atomic_fetch_add_explicit(&row->statuses[http_status_row(status)], 1, memory_order_relaxed);
	http_histogram_observe(&row->durations, duration);
}

static void
write_statuses(const struct row *row, struct es_text *text, const char *name)
{
	for (size_t status = 0; status < HTTP_STATUS_COUNT; status++) {
		const int64_t count = atomic_load_explicit(&row->statuses[status], memory_order_relaxed);
		char labels[NAME_SIZE];
		if (count == 0)
			continue;
		snprintf(labels, sizeof labels, "route=\"%s\",code=\"%d\"", row->name, http_status_of_row(status));
		http_metrics_sample(text, name, labels, count);
	}
}

static bool
is_used(const struct row *row)
{
	for (size_t status = 0; status < HTTP_STATUS_COUNT; status++)
		if (atomic_load_explicit(&row->statuses[status], memory_order_relaxed) != 0)
			return true;
	return false;
}

void
http_tally_write(const struct http_tally *tally, struct es_text *text, const char *prefix)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof name, "%s_http_requests_total", prefix);
	http_metrics_head(text, name, "counter", "Requests answered, by route and status code.");
	for (size_t at = 0; at < tally->count; at++)
		write_statuses(&tally->rows[at], text, name);

	snprintf(name, sizeof name, "%s_http_request_duration_seconds", prefix);
	http_metrics_head(text, name, "histogram", "From the request's last byte to its reply, by route.");
	for (size_t at = 0; at < tally->count; at++) {
		char labels[NAME_SIZE];
		if (!is_used(&tally->rows[at]))
			continue;
		snprintf(labels, sizeof labels, "route=\"%s\"", tally->rows[at].name);
		http_metrics_histogram(text, name, labels, &tally->rows[at].durations);
	}
}
