/*
 * tests/fuzz/command.c - the bytes of requests, parsed and decided by the ledger on a store in memory.
 *
 * The input is cut at NULs into bodies, sent one after the other, and then all once more.  Whatever comes: a request is
 * answered once, a refused one leaves nothing behind, an applied one the next versions.  Nobody can guess the id of an
 * item, so "#2" stands for the third one that is there.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/batch.h"
#include "event/clock.h"
#include "http/json.h"
#include "http/number.h"
#include "ledger/items.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BODIES_MAX = 16, /* in one input: more is no other case */
	ITEMS_MAX = 8,   /* that "#" can name */
};

/* "item":"#2" of one command becomes the id of what is there; without such an item it stays. */
static void
name_item(struct es_store *store, const struct es_head *head, struct json_object *command)
{
	struct json_object *item = NULL;
	struct es_error error = ES_ERROR_INIT;
	struct es_page page = { 0 };

	if (!json_object_is_type(command, json_type_object) || !json_object_object_get_ex(command, "item", &item) ||
	    !json_object_is_type(item, json_type_string) || json_object_get_string(item)[0] != '#')
		return;
	int64_t number = 0;
	if (!http_parse_int64(json_object_get_string(item) + 1, 0, ITEMS_MAX, &number))
		return;
	if (store->operations->facts(store, head, head->version, ES_START, ITEMS_MAX, &page, &error) != ES_OK)
		abort();
	if (number < page.count)
		json_object_object_add(command, "item", json_object_new_string(page.facts[number].key));
	es_page_done(&page);
}

static void
name_items(struct es_store *store, struct json_object *body)
{
	struct es_error error = ES_ERROR_INIT;
	struct es_head head;

	if (store->operations->head(store, "main", &head, &error) != ES_OK)
		abort();
	if (head.version == 0)
		return;
	name_item(store, &head, body);
	if (!json_object_is_type(body, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(body); i++)
		name_item(store, &head, json_object_array_get_idx(body, i));
}

static void
count(struct es_append *append)
{
	(*(int *)append->context)++;
}

static void
apply(struct es_store *store, struct json_object *body)
{
	int answers = 0;
	struct es_append append = { .stream = "main",
		                    .command_id = es_uuid_new(),
		                    .deadline = es_clock_monotonic() + ES_SECOND,
		                    .done = count,
		                    .context = &answers };
	struct es_error error = ES_ERROR_INIT;
	struct es_head before;
	struct es_head after;

	if (es_commands_parse(&ledger_items, body, &append.commands, &error) != ES_OK) {
		if (append.commands.count != 0 || error.detail[0] == '\0')
			abort();
		return;
	}
	if (store->operations->head(store, "main", &before, &error) != ES_OK)
		abort();
	const enum es_result result = es_append_now(store, &ledger_items, &append);
	if (store->operations->head(store, "main", &after, &error) != ES_OK || answers != 1)
		abort();
	const int64_t recorded = result == ES_OK ? append.event_count : 0;
	if (after.version != before.version + recorded || (result == ES_OK && append.version != after.version))
		abort();
	es_commands_done(&append.commands);
}

static void
send_all(struct es_store *store, const uint8_t *data, size_t size)
{
	for (int i = 0; i < BODIES_MAX; i++) {
		const uint8_t *end = size == 0 ? NULL : memchr(data, '\0', size);
		const size_t length = end == NULL ? size : (size_t)(end - data);
		struct json_object *body = NULL;
		struct es_error error = ES_ERROR_INIT;

		if (http_json_parse((const char *)data, length, &body, &error) == ES_OK) {
			name_items(store, body);
			apply(store, body);
			json_object_put(body);
		}
		if (end == NULL)
			return;
		data += length + 1;
		size -= length + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct es_store *store = es_store_memory_new();

	if (store == NULL)
		abort();
	/* twice: the second time there is something to rewind */
	send_all(store, data, size);
	send_all(store, data, size);
	es_store_free(store);
	return 0;
}
