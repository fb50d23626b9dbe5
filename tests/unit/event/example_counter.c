/* A complete application: a counter.  Whatever happened to it can be rewound, and any of its pasts can be looked at. */
#include <json-c/json.h>
#include <stdio.h>

#include "event/store.h"

static enum es_result
parse(struct json_object *body, void *command, struct es_error *error)
{
	return es_int64_member(body, "by", 1, command, error);
}

static void
needs(const void *command, struct es_keys *keys)
{
	(void)command;
	es_keys_add(keys, "total");
}

static enum es_result
decide(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	const int64_t total = json_object_get_int64(es_facts_get(facts, "total")) + *(const int64_t *)command;

	if (total > 100)
		return es_fail(error, ES_REFUSED, "by", "%lld is more than a counter shows", (long long)total);
	struct json_object *data = json_object_new_object();
	json_object_object_add(data, "total", json_object_new_int64(total));
	es_decision_add(decision, "incremented", data);
	return ES_OK;
}

static void
evolve(const struct es_event *event, struct es_facts *facts)
{
	es_facts_put(facts, "total", json_object_get(json_object_object_get(event->data, "total")));
}

static const struct es_command_type commands[] = {
	{ "increment", sizeof(int64_t), parse, decide, .needs = needs },
	{ 0 },
};
static const struct es_event_type events[] = { { "incremented", evolve }, { 0 } };
static const struct es_decider counter = { "counter", commands, events };

int
main(void)
{
	static const char *const texts[] = { "{\"type\":\"increment\",\"by\":5}", "{\"type\":\"increment\",\"by\":37}",
		                             "{\"type\":\"increment\",\"by\":59}",
		                             "{\"type\":\"rewind\",\"version\":2}",
		                             "{\"type\":\"rewind\",\"version\":3}" };
	struct es_store *store = es_store_memory_new(); /* or es_store_postgres_new("dbname=...", "counter") */

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct es_error error = ES_ERROR_INIT;
		struct es_head head;
		struct es_page page = { 0 };
		int64_t version = 0;
		if (es_append_text(store, &counter, "clicks", texts[i], &version, &error) != ES_OK)
			printf("%s: %s\n", texts[i], error.detail);
		else if (store->operations->head(store, "clicks", &head, &error) == ES_OK &&
		         store->operations->facts(store, &head, version, ES_START, 1, &page, &error) == ES_OK)
			printf("%s: version %lld is %s\n", texts[i], (long long)version, page.facts[0].value);
		es_page_done(&page);
	}
	es_store_free(store);
	return 0;
}
