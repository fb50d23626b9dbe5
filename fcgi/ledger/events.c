/*
 * Events: pages of them, newest or oldest first, and each one alone.
 */
#include <inttypes.h>
#include <string.h>

#include "http/number.h"
#include "http/utf8.h"
#include "ledger/ledger.h"
#include "ledger/render.h"

/* Characters that a query may hold as they are (RFC 3986: unreserved); all others are written as %XX. */
static void
add_query_value(struct es_text *text, const char *value)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (const char *at = value; *at != '\0'; at++) {
		if (strchr(unreserved, *at) != NULL)
			es_text_add(text, at, 1);
		else
			es_text_add_format(text, "%%%02X", (unsigned)(unsigned char)*at);
	}
}

static void
render_next(struct es_text *body, const char *name, const struct es_events_query *query, const struct es_page *page)
{
	if (!page->more) {
		es_text_add_string(body, "null");
		return;
	}
	es_text_add_format(body, "\"/api/ledgers/%s/events?version=%" PRId64 "&limit=%d&%s=%" PRId64, name,
	                   query->version, query->limit, query->oldest_first ? "after" : "before", page->examined);
	if (query->type != NULL) {
		es_text_add_string(body, "&type=");
		add_query_value(body, query->type);
	}
	if (query->text != NULL) {
		es_text_add_string(body, "&q=");
		add_query_value(body, query->text);
	}
	es_text_add_string(body, "\"");
}

static void
render_events(struct es_text *body, const char *name, const struct es_head *head, const struct es_events_query *query,
              const struct es_page *page)
{
	es_text_add_format(body, "{\"log\":\"%s\",\"version\":%" PRId64 ",\"events\":[", head->log, query->version);
	for (int i = 0; i < page->count; i++) {
		if (i > 0)
			es_text_add_string(body, ",");
		ledger_render_event(body, &page->events[i], true);
	}
	es_text_add_string(body, "],\"next\":");
	render_next(body, name, query, page);
	es_text_add_string(body, "}");
}

static int
count_characters(const char *text)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

/* What the parameters ask for; false after answering. */
static bool
read_query(struct http_request *request, struct es_store *store, struct es_head *head, struct es_events_query *query)
{
	struct es_error error = ES_ERROR_INIT;
	int64_t version = -1;
	int64_t limit = LEDGER_EVENTS_DEFAULT;
	int64_t before = -1;
	int64_t after = -1;

	if (!ledger_number_parameter(request, "version", 0, INT64_MAX, &version) ||
	    !ledger_number_parameter(request, "limit", 1, LEDGER_EVENTS_MAX, &limit) ||
	    !ledger_number_parameter(request, "before", 1, INT64_MAX, &before) ||
	    !ledger_number_parameter(request, "after", 0, INT64_MAX, &after))
		return false;
	query->text = http_request_parameter(request, "q");
	query->type = http_request_parameter(request, "type");
	if (before >= 0 && after >= 0) {
		http_problem_result(
			request,
			es_fail(&error, ES_INVALID, "after",
		                "\"after\" lists oldest first and \"before\" newest first: give one of them"),
			&error);
		return false;
	}
	if (query->text != NULL && (query->text[0] == '\0' || count_characters(query->text) > LEDGER_SEARCH_MAX)) {
		http_problem_result(request,
		                    es_fail(&error, ES_INVALID, "q", "\"q\" must have 1 to %d characters",
		                            LEDGER_SEARCH_MAX),
		                    &error);
		return false;
	}
	if (!ledger_read_head(request, store, head) ||
	    (version >= 0 && !ledger_has_version(request, head, version, "version")))
		return false;
	query->version = version >= 0 ? version : head->version;
	query->limit = (int)limit;
	query->oldest_first = after >= 0;
	if (query->oldest_first && after > query->version)
		query->cursor = query->version;
	else if (query->oldest_first)
		query->cursor = after < head->horizon - 1 ? head->horizon - 1 : after;
	else
		query->cursor = before >= 0 && before - 1 < query->version ? before - 1 : query->version;
	return true;
}

void
ledger_get_events(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_events_query query = { 0 };
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;

	(void)application;
	if (!read_query(request, store, &head, &query))
		return;
	const enum es_result result = store->operations->events(store, &head, &query, &page, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	http_reply_header(request, "Cache-Control", "no-cache");
	render_events(http_reply_body(request), http_request_argument(request, "ledger"), &head, &query, &page);
	es_page_done(&page);
	http_reply_send(request);
}

void
ledger_get_event(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;
	int64_t version = 0;
	char tag[LEDGER_TAG_SIZE];

	(void)application;
	if (!http_parse_int64(http_request_argument(request, "version"), 1, INT64_MAX, &version)) {
		http_problem_result(request,
		                    es_fail(&error, ES_NOT_FOUND, NULL, "an event is named by its version, 1 or more"),
		                    &error);
		return;
	}
	if (!ledger_read_head(request, store, &head) || !ledger_has_version(request, &head, version, NULL))
		return;
	if (version < head.horizon) {
		error.version = head.horizon;
		http_problem_result(request,
		                    es_fail(&error, ES_GONE, NULL, "event %" PRId64 " is no longer kept", version),
		                    &error);
		return;
	}
	http_reply_header(request, "Cache-Control", "no-cache");
	if (ledger_not_modified(request, ledger_tag(version, head.log, tag)))
		return;
	const struct es_events_query query = {
		.version = version, .cursor = version - 1, .oldest_first = true, .limit = 1
	};
	enum es_result result = store->operations->events(store, &head, &query, &page, &error);
	if (result == ES_OK && page.count != 1)
		result = es_fail(&error, ES_GONE, NULL, "event %" PRId64 " is no longer kept", version);
	if (result == ES_OK) {
		ledger_render_event(http_reply_body(request), &page.events[0], false);
		http_reply_send(request);
	} else {
		http_problem_result(request, result, &error);
	}
	es_page_done(&page);
}
