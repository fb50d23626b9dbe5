/* A complete application: a counter that can be incremented and reset, and rewound to any point of its past. */
#include <json-c/json.h>
#include <stdio.h>

#include "event/batch.h"

static enum es_result
parse_increment(struct json_object *body, void *command, struct es_error *error)
{
	const enum es_result result = es_check_members(body, "type by", error);

	return result != ES_OK ? result : es_int64_member(body, "by", 1, command, error);
}

static enum es_result
parse_reset(struct json_object *body, void *command, struct es_error *error)
{
	(void)command;
	return es_check_members(body, "type", error);
}

static void
needs_total(const void *command, struct es_keys *keys)
{
	(void)command;
	es_keys_add(keys, "total");
}

/* Decide: what has happened, or why it may not. */
static enum es_result
decide_increment(const void *command, const struct es_facts *facts, struct es_decision *decision,
                 struct es_error *error)
{
	const int64_t total = json_object_get_int64(es_facts_get(facts, "total")) + *(const int64_t *)command;

	if (total > 100)
		return es_fail(error, ES_REFUSED, "by", "%lld is more than a counter may show", (long long)total);
	struct json_object *data = json_object_new_object();
	json_object_object_add(data, "total", json_object_new_int64(total));
	es_decision_add(decision, "incremented", data);
	return ES_OK;
}

static enum es_result
decide_reset(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command, (void)facts, (void)error;
	es_decision_add(decision, "was-reset", json_object_new_object());
	return ES_OK;
}

/* Evolve: what it means for the facts. */
static void
evolve_incremented(const struct es_event *event, struct es_facts *facts)
{
	es_facts_put(facts, "total", json_object_get(json_object_object_get(event->data, "total")));
}

static void
evolve_reset(const struct es_event *event, struct es_facts *facts)
{
	(void)event;
	es_facts_remove(facts, "total");
}

static const struct es_command_type commands[] = {
	{ "increment", sizeof(int64_t), parse_increment, decide_increment, .needs = needs_total },
	{ "reset", sizeof(int64_t), parse_reset, decide_reset, .needs = needs_total },
	{ 0 },
};
static const struct es_event_type events[] = {
	{ "incremented", evolve_incremented },
	{ "was-reset", evolve_reset },
	{ 0 },
};
static const struct es_decider counter = { "counter", commands, events };

/* Sends one command to the stream "clicks" and shows what came of it. */
static void
send(struct es_store *store, const char *text)
{
	struct json_object *body = json_tokener_parse(text);
	struct es_append append = { .stream = "clicks", .command_id = es_uuid_new(), .error = ES_ERROR_INIT };
	struct es_head head;
	struct es_page page = { 0 };

	append.result = es_commands_parse(&counter, body, &append.commands, &append.error);
	if (append.result == ES_OK && es_append_now(store, &counter, &append) == ES_OK &&
	    store->operations->head(store, "clicks", &head, &append.error) == ES_OK &&
	    store->operations->facts(store, &head, head.version, (struct es_place){ 0, "" }, 1, &page, &append.error) ==
	            ES_OK)
		printf("%s -> version %lld: %s\n", text, (long long)append.version,
		       page.count > 0 ? page.facts[0].value : "0");
	else
		printf("%s -> %s: %s\n", text, es_result_name(append.result), append.error.detail);
	es_page_done(&page);
	es_commands_done(&append.commands);
	json_object_put(body);
}

int
main(void)
{
	struct es_store *store = es_store_memory_new(); /* or es_store_postgres_new("dbname=...", "counter") */

	send(store, "{\"type\":\"increment\",\"by\":5}");
	send(store, "{\"type\":\"increment\",\"by\":37}");
	send(store, "{\"type\":\"increment\",\"by\":59}");
	send(store, "{\"type\":\"reset\"}");
	send(store, "{\"type\":\"rewind\",\"version\":3}");
	send(store, "{\"type\":\"double\"}");
	es_store_free(store);
	return 0;
}
