#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "event/memory.h"

/* Room for count rows, all of which may be used.  Strings are the store's: the page owns its rows alone. */
static enum es_result
begin_page(struct es_page *page, size_t count, size_t size, struct es_error *error)
{
	*page = (struct es_page){ .rows = calloc(count + 1, size) };
	if (page->rows == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for a page");
	return ES_OK;
}

static const struct memory_stream *
stream_of(struct es_store *store, const struct es_head *head)
{
	static const struct memory_stream nothing;

	return head->stream_id == 0 ? &nothing : &es_memory_of(store)->streams[head->stream_id - 1];
}

enum es_result
es_memory_head(struct es_store *store, const char *stream, struct es_head *ret_head, struct es_error *error)
{
	struct es_memory *memory = es_memory_of(store);
	const struct memory_stream *found = es_memory_find(memory, stream);

	(void)error;
	*ret_head = (struct es_head){ .horizon = 1 };
	memcpy(ret_head->log, memory->log, ES_LOG_SIZE);
	if (found != NULL && found->event_count > 0) {
		ret_head->stream_id = found - memory->streams + 1;
		ret_head->version = (int64_t)found->event_count;
	}
	return ES_OK;
}

static int
compare_places(int64_t one, const char *one_key, int64_t other, const char *other_key)
{
	if (one != other)
		return one < other ? -1 : 1;
	return strcmp(one_key, other_key);
}

static int
compare_facts(const void *one, const void *other)
{
	const struct es_fact_row *left = one;
	const struct es_fact_row *right = other;

	return compare_places(left->origin, left->key, right->origin, right->key);
}

enum es_result
es_memory_facts(struct es_store *store, const struct es_head *head, int64_t version, struct es_place after, int limit,
                struct es_page *ret_page, struct es_error *error)
{
	const struct memory_stream *stream = stream_of(store, head);
	size_t bytes = 0;
	int count = 0;

	const enum es_result result = begin_page(ret_page, stream->fact_count, sizeof *ret_page->facts, error);
	if (result != ES_OK)
		return result;
	ret_page->facts = ret_page->rows;
	for (size_t i = 0; i < stream->fact_count; i++) {
		const struct memory_fact *fact = &stream->facts[i];
		if (fact->since <= version && (fact->until == 0 || fact->until > version) &&
		    compare_places(fact->origin, fact->key, after.origin, after.key) > 0)
			ret_page->facts[count++] = (struct es_fact_row){ fact->key, fact->value, fact->origin };
	}
	qsort(ret_page->facts, (size_t)count, sizeof *ret_page->facts, compare_facts);
	while (ret_page->count < count && ret_page->count < limit && bytes < ES_PAGE_BYTES)
		bytes += strlen(ret_page->facts[ret_page->count++].value);
	ret_page->more = ret_page->count < count;
	return ES_OK;
}

/* Case-insensitive for ASCII alone: enough for tests. */
static bool
holds_text(struct json_object *value, const char *text)
{
	if (json_object_is_type(value, json_type_string))
		return strcasestr(json_object_get_string(value), text) != NULL;
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (holds_text(json_object_array_get_idx(value, i), text))
				return true;
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member)
		{
			(void)name;
			if (holds_text(member, text))
				return true;
		}
	}
	return false;
}

static bool
is_wanted(const struct es_event_row *row, const struct es_events_query *query)
{
	if (query->type != NULL && strcmp(query->type, row->type) != 0)
		return false;
	if (query->text == NULL)
		return true;
	struct json_object *data = json_tokener_parse(row->data);
	const bool wanted = holds_text(data, query->text);
	json_object_put(data);
	return wanted;
}

/* Active: on the chain from version along the bases. */
static bool
is_active(const struct memory_stream *stream, int64_t version, int64_t event)
{
	int64_t at = version;

	while (at > event)
		at = stream->events[at - 1].row.base;
	return at == event;
}

enum es_result
es_memory_events(struct es_store *store, const struct es_head *head, const struct es_events_query *query,
                 struct es_page *ret_page, struct es_error *error)
{
	const struct memory_stream *stream = stream_of(store, head);
	const bool filtered = query->type != NULL || query->text != NULL;
	const int64_t step = query->oldest_first ? 1 : -1;
	int64_t at = query->oldest_first ? query->cursor + 1 : query->cursor;
	size_t bytes = 0;

	const enum es_result result = begin_page(ret_page, (size_t)query->limit, sizeof *ret_page->events, error);
	if (result != ES_OK)
		return result;
	ret_page->events = ret_page->rows;
	for (int64_t examined = 0; at >= 1 && at <= query->version; at += step, examined++) {
		if (ret_page->count == query->limit || bytes >= ES_PAGE_BYTES ||
		    (filtered && examined == ES_SEARCH_MAX))
			break;
		const struct es_event_row *row = &stream->events[at - 1].row;
		if (!is_wanted(row, query))
			continue;
		struct es_event_row *copy = &ret_page->events[ret_page->count++];
		*copy = *row;
		copy->active = is_active(stream, query->version, at);
		bytes += strlen(row->data);
	}
	ret_page->examined = at - step;
	ret_page->more = query->oldest_first ? at <= query->version : at >= head->horizon && at >= 1;
	return ES_OK;
}

/* The fact valid under key at version; NULL if none. */
static const struct memory_fact *
fact_at(const struct memory_stream *stream, const char *key, int64_t version)
{
	for (size_t i = 0; i < stream->fact_count; i++) {
		const struct memory_fact *fact = &stream->facts[i];
		if (fact->since <= version && (fact->until == 0 || fact->until > version) &&
		    strcmp(fact->key, key) == 0)
			return fact;
	}
	return NULL;
}

static int64_t
place_of(const struct es_difference_row *row)
{
	return row->to_value != NULL ? row->to_origin : row->from_origin;
}

static int
compare_differences(const void *one, const void *other)
{
	const struct es_difference_row *left = one;
	const struct es_difference_row *right = other;

	return compare_places(place_of(left), left->key, place_of(right), right->key);
}

/* All differences, each key once. */
static int
list_differences(const struct memory_stream *stream, int64_t from, int64_t to, struct es_difference_row *rows)
{
	int count = 0;

	for (size_t i = 0; i < stream->fact_count; i++) {
		const char *key = stream->facts[i].key;
		const struct memory_fact *before = fact_at(stream, key, from);
		const struct memory_fact *after = fact_at(stream, key, to);
		bool listed = before == NULL ? after == NULL : after != NULL && after->origin == before->origin;
		for (int n = 0; n < count && !listed; n++)
			listed = strcmp(rows[n].key, key) == 0;
		if (!listed)
			rows[count++] = (struct es_difference_row){
				.key = key,
				.from_value = before == NULL ? NULL : before->value,
				.from_origin = before == NULL ? 0 : before->origin,
				.to_value = after == NULL ? NULL : after->value,
				.to_origin = after == NULL ? 0 : after->origin,
			};
	}
	return count;
}

enum es_result
es_memory_differences(struct es_store *store, const struct es_head *head, int64_t from, int64_t to,
                      struct es_place after, int limit, struct es_page *ret_page, struct es_error *error)
{
	const struct memory_stream *stream = stream_of(store, head);
	size_t bytes = 0;

	const enum es_result result = begin_page(ret_page, stream->fact_count, sizeof *ret_page->differences, error);
	if (result != ES_OK)
		return result;
	ret_page->differences = ret_page->rows;
	const int all = list_differences(stream, from, to, ret_page->differences);
	qsort(ret_page->differences, (size_t)all, sizeof *ret_page->differences, compare_differences);
	int skipped = 0;
	for (int i = 0; i < all; i++) {
		const struct es_difference_row *row = &ret_page->differences[i];
		if (row->from_value == NULL)
			ret_page->added++;
		else if (row->to_value == NULL)
			ret_page->removed++;
		else
			ret_page->changed++;
		if (compare_places(place_of(row), row->key, after.origin, after.key) <= 0)
			skipped++;
	}
	memmove(ret_page->differences, ret_page->differences + skipped,
	        (size_t)(all - skipped) * sizeof *ret_page->differences);
	while (ret_page->count < all - skipped && ret_page->count < limit && bytes < ES_PAGE_BYTES) {
		const struct es_difference_row *row = &ret_page->differences[ret_page->count++];
		bytes += row->from_value == NULL ? 0 : strlen(row->from_value);
		bytes += row->to_value == NULL ? 0 : strlen(row->to_value);
	}
	ret_page->more = ret_page->count < all - skipped;
	return ES_OK;
}

enum es_result
es_memory_version_at(struct es_store *store, const struct es_head *head, int64_t time, int64_t *ret_version,
                     struct es_error *error)
{
	const struct memory_stream *stream = stream_of(store, head);
	size_t version = 0;

	(void)error;
	while (version < stream->event_count && stream->events[version].row.recorded_at <= time)
		version++;
	*ret_version = (int64_t)version;
	return ES_OK;
}

static int
compare_streams(const void *one, const void *other)
{
	const struct es_stream_row *left = one;
	const struct es_stream_row *right = other;

	return strcmp(left->name, right->name);
}

enum es_result
es_memory_streams(struct es_store *store, const char *after, int limit, struct es_page *ret_page,
                  struct es_error *error)
{
	const struct es_memory *memory = es_memory_of(store);

	const enum es_result result = begin_page(ret_page, memory->stream_count, sizeof *ret_page->streams, error);
	if (result != ES_OK)
		return result;
	ret_page->streams = ret_page->rows;
	for (size_t i = 0; i < memory->stream_count; i++) {
		const struct memory_stream *stream = &memory->streams[i];
		if (stream->event_count == 0 || strcmp(stream->name, after) <= 0)
			continue;
		const struct memory_event *newest = &stream->events[stream->event_count - 1];
		ret_page->streams[ret_page->count++] = (struct es_stream_row){
			.name = stream->name,
			.version = newest->row.version,
			.live = newest->live,
			.changed_at = newest->row.recorded_at,
		};
	}
	qsort(ret_page->streams, (size_t)ret_page->count, sizeof *ret_page->streams, compare_streams);
	ret_page->more = ret_page->count > limit;
	if (ret_page->more)
		ret_page->count = limit;
	return ES_OK;
}
