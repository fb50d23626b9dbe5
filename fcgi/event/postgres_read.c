/*
 * Pages, by version: what a state was at a version never changes, so the statements of a walk need no snapshot in
 * common.
 */
#include <stdio.h>
#include <stdlib.h>

#include "event/cleanup.h"
#include "event/postgres.h"

/* Parameters that are numbers need their text to live until the statement is sent. */
struct values {
	struct es_parameters parameters;
	char numbers[ES_PARAMETERS_MAX][24];
};

static void
add_number(struct values *values, int64_t number)
{
	char *text = values->numbers[values->parameters.count];

	snprintf(text, sizeof values->numbers[0], "%lld", (long long)number);
	es_parameters_add(&values->parameters, text);
}

static void
add_text(struct values *values, const char *text)
{
	es_parameters_add(&values->parameters, text);
}

/* One statement.  A connection that died while it lay idle is worth one more try: reading twice does no harm. */
static enum es_result
query(struct es_store *store, enum postgres_statement statement, const struct values *values, PGresult **ret_result,
      struct es_error *error)
{
	struct es_postgres *postgres = es_postgres_of(store);
	enum es_result result = ES_UNAVAILABLE;

	for (int attempt = 0; attempt < 2; attempt++) {
		const int64_t deadline = es_clock_monotonic() + POSTGRES_ANSWER_TIME;
		result = es_postgres_start(postgres, deadline, error);
		if (result != ES_OK)
			return result;
		result = es_database_query(postgres->database, (int)statement, &values->parameters, deadline,
		                           ret_result, error);
		if (result != ES_UNAVAILABLE || es_database_connected(postgres->database))
			return result;
	}
	return result;
}

static void
clear_result(void *result)
{
	PQclear(result);
}

/* Gives page the result, and room for count rows of size bytes. */
static enum es_result
begin_page(struct es_page *page, PGresult *result, int count, size_t size, struct es_error *error)
{
	*page = (struct es_page){ .owner = result, .release = clear_result };
	page->rows = calloc((size_t)count + 1, size);
	if (page->rows == NULL) {
		es_page_done(page);
		return es_fail(error, ES_FAILED, NULL, "no memory for a page");
	}
	page->count = count;
	return ES_OK;
}

enum es_result
es_postgres_head(struct es_store *store, const char *stream, struct es_head *ret_head, struct es_error *error)
{
	struct values values = { 0 };
	_cleanup_result_ PGresult *result = NULL;

	add_text(&values, stream);
	const enum es_result got = query(store, STATEMENT_HEAD, &values, &result, error);
	if (got != ES_OK)
		return got;
	if (PQntuples(result) != 1)
		return es_fail(error, ES_FAILED, NULL, "the log has no identity; run sql/install.sh");
	*ret_head = (struct es_head){
		.stream_id = es_postgres_int64(result, 0, 1),
		.horizon = es_postgres_int64(result, 0, 2),
		.version = es_postgres_int64(result, 0, 3),
	};
	snprintf(ret_head->log, sizeof ret_head->log, "%s", PQgetvalue(result, 0, 0));
	return ES_OK;
}

enum es_result
es_postgres_facts(struct es_store *store, const struct es_head *head, int64_t version, struct es_place after, int limit,
                  struct es_page *ret_page, struct es_error *error)
{
	struct values values = { 0 };
	PGresult *result = NULL;

	add_number(&values, head->stream_id);
	add_number(&values, version);
	add_number(&values, after.origin);
	add_text(&values, after.key);
	add_number(&values, (int64_t)limit + 1); /* one more says whether there are more */
	add_number(&values, ES_PAGE_BYTES);
	enum es_result got = query(store, STATEMENT_FACTS, &values, &result, error);
	if (got != ES_OK)
		return got;
	const int found = PQntuples(result);
	const int64_t found_count = found == 0 ? 0 : es_postgres_int64(result, 0, 3);
	const int count = found > limit ? limit : found;
	got = begin_page(ret_page, result, count, sizeof *ret_page->facts, error);
	if (got != ES_OK)
		return got;
	ret_page->facts = ret_page->rows;
	ret_page->more = found_count > count;
	for (int i = 0; i < count; i++)
		ret_page->facts[i] = (struct es_fact_row){
			.key = PQgetvalue(result, i, 0),
			.value = PQgetvalue(result, i, 1),
			.origin = es_postgres_int64(result, i, 2),
		};
	return ES_OK;
}

static struct es_event_row
read_event(const PGresult *result, int row)
{
	return (struct es_event_row){
		.version = es_postgres_int64(result, row, 0),
		.position = es_postgres_int64(result, row, 1),
		.id = PQgetvalue(result, row, 2),
		.type = PQgetvalue(result, row, 3),
		.data = PQgetvalue(result, row, 4),
		.base = es_postgres_int64(result, row, 5),
		.actor = es_postgres_text(result, row, 6),
		.command_id = PQgetvalue(result, row, 7),
		.recorded_at = es_postgres_int64(result, row, 8),
		.active = PQgetvalue(result, row, 9)[0] == 't',
	};
}

/* How far a page of events has looked: up to its last row where it was cut, else to the end of what one page examines.
 */
static int64_t
examined_to(const struct es_page *page, int64_t found_count, const struct es_events_query *wanted, int64_t window)
{
	const bool cut = page->count > 0 && (found_count >= wanted->limit || found_count > page->count);

	if (cut)
		return page->events[page->count - 1].version;
	if (wanted->oldest_first)
		return wanted->version - wanted->cursor > window ? wanted->cursor + window : wanted->version;
	return wanted->cursor > window ? wanted->cursor - window + 1 : 1;
}

enum es_result
es_postgres_events(struct es_store *store, const struct es_head *head, const struct es_events_query *wanted,
                   struct es_page *ret_page, struct es_error *error)
{
	const bool filtered = wanted->type != NULL || wanted->text != NULL;
	const int64_t window = filtered ? ES_SEARCH_MAX : wanted->limit;
	struct values values = { 0 };
	PGresult *result = NULL;

	add_number(&values, head->stream_id);
	add_number(&values, wanted->version);
	add_number(&values, wanted->cursor);
	add_text(&values, wanted->type);
	add_text(&values, wanted->text);
	add_number(&values, wanted->limit);
	add_number(&values, ES_PAGE_BYTES);
	add_number(&values, window);
	enum es_result got =
		query(store, wanted->oldest_first ? STATEMENT_EVENTS_OLDEST_FIRST : STATEMENT_EVENTS_NEWEST_FIRST,
	              &values, &result, error);
	if (got != ES_OK)
		return got;
	const int count = PQntuples(result);
	const int64_t found_count = count == 0 ? 0 : es_postgres_int64(result, 0, 10);
	got = begin_page(ret_page, result, count, sizeof *ret_page->events, error);
	if (got != ES_OK)
		return got;
	ret_page->events = ret_page->rows;
	for (int i = 0; i < count; i++)
		ret_page->events[i] = read_event(result, i);
	ret_page->examined = examined_to(ret_page, found_count, wanted, window);
	ret_page->more =
		wanted->oldest_first ? ret_page->examined < wanted->version : ret_page->examined > head->horizon;
	return ES_OK;
}

enum es_result
es_postgres_differences(struct es_store *store, const struct es_head *head, int64_t from, int64_t to,
                        struct es_place after, int limit, struct es_page *ret_page, struct es_error *error)
{
	struct values values = { 0 };
	PGresult *result = NULL;

	add_number(&values, head->stream_id);
	add_number(&values, from);
	add_number(&values, to);
	add_number(&values, after.origin);
	add_text(&values, after.key);
	add_number(&values, (int64_t)limit + 1);
	add_number(&values, ES_PAGE_BYTES);
	enum es_result got = query(store, STATEMENT_DIFFERENCES, &values, &result, error);
	if (got != ES_OK)
		return got;
	/* there is always one row, for the totals; without a key it is no difference */
	const int found = PQntuples(result) == 1 && PQgetisnull(result, 0, 3) ? 0 : PQntuples(result);
	const int count = found > limit ? limit : found;
	got = begin_page(ret_page, result, count, sizeof *ret_page->differences, error);
	if (got != ES_OK)
		return got;
	ret_page->differences = ret_page->rows;
	ret_page->added = es_postgres_int64(result, 0, 0);
	ret_page->removed = es_postgres_int64(result, 0, 1);
	ret_page->changed = es_postgres_int64(result, 0, 2);
	ret_page->more = found > 0 && es_postgres_int64(result, 0, 8) > count;
	for (int i = 0; i < count; i++)
		ret_page->differences[i] = (struct es_difference_row){
			.key = PQgetvalue(result, i, 3),
			.from_value = es_postgres_text(result, i, 4),
			.from_origin = es_postgres_int64(result, i, 5),
			.to_value = es_postgres_text(result, i, 6),
			.to_origin = es_postgres_int64(result, i, 7),
		};
	return ES_OK;
}

enum es_result
es_postgres_version_at(struct es_store *store, const struct es_head *head, int64_t time, int64_t *ret_version,
                       struct es_error *error)
{
	struct values values = { 0 };
	_cleanup_result_ PGresult *result = NULL;

	add_number(&values, head->stream_id);
	add_number(&values, time);
	const enum es_result got = query(store, STATEMENT_VERSION_AT, &values, &result, error);
	if (got == ES_OK)
		*ret_version = es_postgres_int64(result, 0, 0);
	return got;
}

enum es_result
es_postgres_streams(struct es_store *store, const char *after, int limit, struct es_page *ret_page,
                    struct es_error *error)
{
	struct values values = { 0 };
	PGresult *result = NULL;

	add_text(&values, after);
	add_number(&values, (int64_t)limit + 1);
	enum es_result got = query(store, STATEMENT_STREAMS, &values, &result, error);
	if (got != ES_OK)
		return got;
	const int found = PQntuples(result);
	const int count = found > limit ? limit : found;
	got = begin_page(ret_page, result, count, sizeof *ret_page->streams, error);
	if (got != ES_OK)
		return got;
	ret_page->streams = ret_page->rows;
	ret_page->more = found > limit;
	for (int i = 0; i < count; i++)
		ret_page->streams[i] = (struct es_stream_row){
			.name = PQgetvalue(result, i, 0),
			.version = es_postgres_int64(result, i, 1),
			.live = es_postgres_int64(result, i, 2),
			.changed_at = es_postgres_int64(result, i, 3),
		};
	return ES_OK;
}
