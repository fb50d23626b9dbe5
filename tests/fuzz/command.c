/*
 * tests/fuzz/command.c - the bytes of a request, parsed and decided by the ledger on a store in memory.
 *
 * Whatever comes: a request is answered once, a refused one leaves nothing behind, an applied one the next versions.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>

#include "event/batch.h"
#include "event/clock.h"
#include "http/json.h"
#include "ledger/items.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *body = NULL;
	struct es_error error = ES_ERROR_INIT;

	if (http_json_parse((const char *)data, size, &body, &error) != ES_OK)
		return 0;
	struct es_store *store = es_store_memory_new();
	if (store == NULL)
		abort();
	/* twice: the second time there is something to rewind */
	apply(store, body);
	apply(store, body);
	es_store_free(store);
	json_object_put(body);
	return 0;
}
