/*
 * States: the head, any version, the version at a time, and what differs between two.
 */
#include <inttypes.h>
#include <string.h>

#include "event/clock.h"
#include "http/number.h"
#include "ledger/ledger.h"
#include "ledger/render.h"
#include "ledger/time.h"

/* The start of the page after origin: keys are never empty, so "" is before all of the next origin. */
static struct es_place
place_after(int64_t origin)
{
	return (struct es_place){ .origin = origin + 1, .key = "" };
}

/* {"log","ledger","version", ... "items": [ ... ],"next"} */
static void
render_state(struct es_text *body, const char *name, const struct es_head *head, int64_t version, bool with_horizon,
             const struct es_page *page, int64_t limit)
{
	es_text_add_format(body, "{\"log\":\"%s\",\"ledger\":\"%s\",\"version\":%" PRId64, head->log, name, version);
	if (with_horizon)
		es_text_add_format(body, ",\"horizon\":%" PRId64, head->horizon);
	es_text_add_string(body, ",\"items\":[");
	for (int i = 0; i < page->count; i++) {
		if (i > 0)
			es_text_add_string(body, ",");
		ledger_render_item(body, page->facts[i].key, page->facts[i].value, page->facts[i].origin);
	}
	/* the rest of a head is the rest of the state it was */
	if (page->more)
		es_text_add_format(body,
		                   "],\"next\":\"/api/ledgers/%s/states/%" PRId64 "?log=%s&limit=%" PRId64
		                   "&after=%" PRId64 "\"}",
		                   name, version, head->log, limit, page->facts[page->count - 1].origin);
	else
		es_text_add_string(body, "],\"next\":null}");
}

static void
answer_state(struct http_request *request, struct es_store *store, const struct es_head *head, int64_t version,
             bool with_horizon, int64_t after, int64_t limit)
{
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;

	const enum es_result result =
		store->operations->facts(store, head, version, place_after(after), (int)limit, &page, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	render_state(http_reply_body(request), http_request_argument(request, "ledger"), head, version, with_horizon,
	             &page, limit);
	es_page_done(&page);
	http_reply_send(request);
}

void
ledger_get_head(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	int64_t limit = LEDGER_ITEMS_DEFAULT;
	char tag[LEDGER_TAG_SIZE];

	(void)application;
	if (!ledger_number_parameter(request, "limit", 1, LEDGER_ITEMS_MAX, &limit) ||
	    !ledger_read_head(request, store, &head))
		return;
	http_reply_header(request, "Cache-Control", "no-cache");
	if (!ledger_not_modified(request, ledger_tag(head.version, head.log, tag)))
		answer_state(request, store, &head, head.version, true, 0, limit);
}

/* Whether the log that a request names is this one; true where it names none. */
static bool
is_log(struct http_request *request, const struct es_head *head)
{
	const char *log = http_request_parameter(request, "log");
	struct es_error error = ES_ERROR_INIT;

	if (log == NULL || strcmp(log, head->log) == 0)
		return true;
	http_problem_result(request,
	                    es_fail(&error, ES_GONE, "log",
	                            "the log \"%.*s\" is gone; this one is \"%s\": load the head again",
	                            es_whole_bytes(log, 16), log, head->log),
	                    &error);
	return false;
}

void
ledger_get_state(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_error error = ES_ERROR_INIT;
	int64_t version = 0;
	int64_t after = 0;
	int64_t limit = LEDGER_ITEMS_DEFAULT;
	char tag[LEDGER_TAG_SIZE];

	(void)application;
	if (!http_parse_int64(http_request_argument(request, "version"), 0, INT64_MAX, &version)) {
		http_problem_result(request, es_fail(&error, ES_NOT_FOUND, NULL, "a version is a whole number"),
		                    &error);
		return;
	}
	if (!ledger_number_parameter(request, "limit", 1, LEDGER_ITEMS_MAX, &limit) ||
	    !ledger_number_parameter(request, "after", 0, INT64_MAX - 1, &after) ||
	    !ledger_read_head(request, store, &head) || !is_log(request, &head) ||
	    !ledger_has_version(request, &head, version, NULL))
		return;
	if (http_request_parameter(request, "log") != NULL)
		http_reply_header(request, "Cache-Control", "private, max-age=31536000, immutable");
	else
		http_reply_header(request, "Cache-Control", "no-cache");
	if (!ledger_not_modified(request, ledger_tag(version, head.log, tag)))
		answer_state(request, store, &head, version, false, after, limit);
}

void
ledger_get_state_at(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_error error = ES_ERROR_INIT;
	const char *at = http_request_parameter(request, "at");
	int64_t time = 0;
	int64_t version = 0;

	(void)application;
	if (at == NULL || !ledger_time_parse(at, &time)) {
		http_problem_result(
			request,
			es_fail(&error, ES_INVALID, "at",
		                "\"at\" must be a time as in RFC 3339: 2026-01-31T12:00:00Z (a plus sign is %%2B)"),
			&error);
		return;
	}
	if (!ledger_read_head(request, store, &head))
		return;
	if (head.version > 0) {
		const enum es_result result = store->operations->version_at(store, &head, time, &version, &error);
		if (result != ES_OK) {
			http_problem_result(request, result, &error);
			return;
		}
	}
	/* there may be newer ones than the head that was read a moment ago */
	if (version > head.version)
		version = head.version;
	if (!ledger_has_version(request, &head, version, "at"))
		return;
	http_reply_status(request, 302);
	http_reply_header(request, "Cache-Control", "no-store");
	http_reply_header(request, "Location", "/api/ledgers/%s/states/%" PRId64 "?log=%s",
	                  http_request_argument(request, "ledger"), version, head.log);
	http_reply_send(request);
}

/* --- differences --- */

enum side { ADDED, REMOVED, CHANGED };

static enum side
side_of(const struct es_difference_row *row)
{
	return row->from_value == NULL ? ADDED : row->to_value == NULL ? REMOVED : CHANGED;
}

static void
render_difference(struct es_text *body, const struct es_difference_row *row)
{
	const enum side side = side_of(row);

	if (side == ADDED) {
		ledger_render_item(body, row->key, row->to_value, row->to_origin);
	} else if (side == REMOVED) {
		ledger_render_item(body, row->key, row->from_value, row->from_origin);
	} else {
		es_text_add_string(body, "{\"id\":");
		es_text_add_json(body, row->key);
		es_text_add_string(body, ",\"from\":");
		ledger_render_item(body, row->key, row->from_value, row->from_origin);
		es_text_add_string(body, ",\"to\":");
		ledger_render_item(body, row->key, row->to_value, row->to_origin);
		es_text_add_string(body, "}");
	}
}

static void
render_side(struct es_text *body, const struct es_page *page, enum side side)
{
	const char *separator = "";

	for (int i = 0; i < page->count; i++) {
		if (side_of(&page->differences[i]) != side)
			continue;
		es_text_add_string(body, separator);
		render_difference(body, &page->differences[i]);
		separator = ",";
	}
}

static void
render_differences(struct es_text *body, const char *name, const struct es_head *head, int64_t from, int64_t to,
                   const struct es_page *page, int64_t limit)
{
	es_text_add_format(body,
	                   "{\"log\":\"%s\",\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"counts\":{\"added\":%" PRId64
	                   ",\"removed\":%" PRId64 ",\"changed\":%" PRId64 "},\"added\":[",
	                   head->log, from, to, page->added, page->removed, page->changed);
	render_side(body, page, ADDED);
	es_text_add_string(body, "],\"removed\":[");
	render_side(body, page, REMOVED);
	es_text_add_string(body, "],\"changed\":[");
	render_side(body, page, CHANGED);
	if (page->more) {
		const struct es_difference_row *last = &page->differences[page->count - 1];
		es_text_add_format(body,
		                   "],\"next\":\"/api/ledgers/%s/diff?from=%" PRId64 "&to=%" PRId64 "&limit=%" PRId64
		                   "&after=%" PRId64 "\"}",
		                   name, from, to, limit, last->to_value != NULL ? last->to_origin : last->from_origin);
	} else {
		es_text_add_string(body, "],\"next\":null}");
	}
}

void
ledger_get_diff(struct http_request *request, void *application, void *local)
{
	struct es_store *store = local;
	struct es_head head;
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;
	int64_t from = -1;
	int64_t to = -1;
	int64_t after = 0;
	int64_t limit = LEDGER_ITEMS_DEFAULT;

	(void)application;
	if (!ledger_number_parameter(request, "from", 0, INT64_MAX, &from) ||
	    !ledger_number_parameter(request, "to", 0, INT64_MAX, &to) ||
	    !ledger_number_parameter(request, "after", 0, INT64_MAX - 1, &after) ||
	    !ledger_number_parameter(request, "limit", 1, LEDGER_ITEMS_MAX, &limit))
		return;
	if (to < 0) {
		http_problem_result(request,
		                    es_fail(&error, ES_INVALID, "to", "\"to\" is missing: the version to compare with"),
		                    &error);
		return;
	}
	if (!ledger_read_head(request, store, &head))
		return;
	if (from < 0)
		from = head.version;
	if (!ledger_has_version(request, &head, from, "from") || !ledger_has_version(request, &head, to, "to"))
		return;
	const enum es_result result =
		store->operations->differences(store, &head, from, to, place_after(after), (int)limit, &page, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	http_reply_header(request, "Cache-Control", "no-cache");
	render_differences(http_reply_body(request), http_request_argument(request, "ledger"), &head, from, to, &page,
	                   limit);
	es_page_done(&page);
	http_reply_send(request);
}
