/*
 * The list of ledgers, and what operators ask: health and metrics.
 */
#include <inttypes.h>

#include "event/clock.h"
#include "ledger/ledger.h"

static void
render_ledgers(struct es_text *body, const struct es_page *page, int64_t limit)
{
	char time[ES_TIME_TEXT_SIZE];

	es_text_add_string(body, "{\"ledgers\":[");
	for (int i = 0; i < page->count; i++) {
		const struct es_stream_row *row = &page->streams[i];
		es_text_add_format(body,
		                   "%s{\"ledger\":\"%s\",\"version\":%" PRId64 ",\"items\":%" PRId64
		                   ",\"changed_at\":\"%s\"}",
		                   i > 0 ? "," : "", row->name, row->version, row->live,
		                   es_time_format(row->changed_at, time));
	}
	if (page->more)
		es_text_add_format(body, "],\"next\":\"/api/ledgers?limit=%" PRId64 "&after=%s\"}", limit,
		                   page->streams[page->count - 1].name);
	else
		es_text_add_string(body, "],\"next\":null}");
}

void
ledger_get_ledgers(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;
	const char *after = http_request_parameter(request, "after");
	int64_t limit = LEDGER_ITEMS_DEFAULT;

	(void)application;
	if (!ledger_number_parameter(request, "limit", 1, LEDGER_ITEMS_MAX, &limit))
		return;
	const enum es_result result =
		store->operations->streams(store, after == NULL ? "" : after, (int)limit, &page, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	http_reply_header(request, "Cache-Control", "no-cache");
	render_ledgers(http_reply_body(request), &page, limit);
	es_page_done(&page);
	http_reply_send(request);
}

/* Liveness: the program answers, so it is alive; the database's state is said, and cured by the database alone. */
void
ledger_get_health(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_error error = ES_ERROR_INIT;

	(void)application;
	const bool reachable = store->operations->head(store, "", &head, &error) == ES_OK;
	http_reply_header(request, "Cache-Control", "no-store");
	es_text_add_format(http_reply_body(request), "{\"status\":\"ok\",\"database\":\"%s\"}",
	                   reachable ? "reachable" : "unreachable");
	http_reply_send(request);
}

void
ledger_get_metrics(struct http_request *request, void *application, void *local)
{
	struct ledger *ledger = application;
	struct es_text *body = http_reply_body(request);

	(void)local;
	http_reply_header(request, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	http_reply_header(request, "Cache-Control", "no-store");
	http_server_metrics(ledger->server, body, "ledger");
	http_metrics_head(body, "ledger_batch_requests", "histogram", "Requests committed by one transaction.");
	http_metrics_histogram(body, "ledger_batch_requests", NULL, &ledger->batch_requests);
	http_metrics_head(body, "ledger_batch_events", "histogram", "Events committed by one transaction.");
	http_metrics_histogram(body, "ledger_batch_events", NULL, &ledger->batch_events);
	http_metrics_head(body, "ledger_begin_seconds", "histogram", "Time to lock and read what a batch needs.");
	http_metrics_histogram(body, "ledger_begin_seconds", NULL, &ledger->begin_time);
	http_metrics_head(body, "ledger_commit_seconds", "histogram",
	                  "Time to decide and write a batch until it is durable.");
	http_metrics_histogram(body, "ledger_commit_seconds", NULL, &ledger->commit_time);
	http_metrics_head(body, "ledger_queue_length", "gauge", "Requests waiting for a batch.");
	http_metrics_sample(body, "ledger_queue_length", NULL, es_writer_queue_length(ledger->writer));
	http_metrics_head(body, "ledger_reconnects_total", "counter", "Connections to the database made after a loss.");
	http_metrics_sample(body, "ledger_reconnects_total", NULL, es_writer_reconnects(ledger->writer));
	http_metrics_head(body, "ledger_outages_total", "counter", "Times the writer found the database away.");
	http_metrics_sample(body, "ledger_outages_total", NULL, ledger->outages);
	http_reply_send(request);
}
