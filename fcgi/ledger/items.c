#include "ledger/items.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "event/uuid.h"
#include "ledger/content.h"

#define ITEM_APPENDED "item-appended"
#define ITEM_REMOVED "item-removed"

/* --- append --- */

struct append {
	char *content; /* owned */
};

static enum es_result
parse_append(struct json_object *body, void *command, struct es_error *error)
{
	struct append *append = command;
	const char *content = NULL;

	enum es_result result = es_check_members(body, "type content", error);
	if (result == ES_OK)
		result = es_string_member(body, "content", &content, error);
	return result != ES_OK ? result : ledger_content_clean(content, LEDGER_CONTENT_MAX, &append->content, error);
}

static enum es_result
decide_append(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	const struct append *append = command;
	struct json_object *data = json_object_new_object();

	(void)facts;
	(void)error;
	json_object_object_add(data, "content", json_object_new_string(append->content));
	es_decision_add(decision, ITEM_APPENDED, data);
	return ES_OK;
}

static void
free_append(void *command)
{
	free(((struct append *)command)->content);
}

static void
evolve_appended(const struct es_event *event, struct es_facts *facts)
{
	/* an item's value has the same one member as the event that made it */
	es_facts_put(facts, event->id, json_object_get(event->data));
}

/* --- remove --- */

struct removal {
	char item[ES_UUID_TEXT_SIZE];
};

static enum es_result
parse_remove(struct json_object *body, void *command, struct es_error *error)
{
	struct removal *removal = command;
	const char *item = NULL;
	struct es_uuid id;

	enum es_result result = es_check_members(body, "type item", error);
	if (result == ES_OK)
		result = es_string_member(body, "item", &item, error);
	if (result != ES_OK)
		return result;
	if (!es_uuid_parse(item, &id))
		return es_fail(error, ES_NOT_FOUND, "item", "there is no item \"%.*s\"",
		               es_whole_bytes(item, ES_ERROR_VALUE_MAX), item);
	es_uuid_format(&id, removal->item);
	return ES_OK;
}

static void
needs_of_remove(const void *command, struct es_keys *keys)
{
	es_keys_add(keys, ((const struct removal *)command)->item);
}

static enum es_result
decide_remove(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	const struct removal *removal = command;
	struct json_object *value = es_facts_get(facts, removal->item);

	if (value == NULL)
		return es_fail(error, ES_NOT_FOUND, "item", "there is no item \"%s\"", removal->item);
	struct json_object *data = json_object_new_object();
	json_object_object_add(data, "item", json_object_new_string(removal->item));
	json_object_object_add(data, "content", json_object_get(json_object_object_get(value, "content")));
	es_decision_add(decision, ITEM_REMOVED, data);
	return ES_OK;
}

static void
evolve_removed(const struct es_event *event, struct es_facts *facts)
{
	es_facts_remove(facts, json_object_get_string(json_object_object_get(event->data, "item")));
}

static const struct es_command_type commands[] = {
	{
		.name = "append",
		.size = sizeof(struct append),
		.parse = parse_append,
		.decide = decide_append,
		.done = free_append,
	},
	{
		.name = "remove",
		.size = sizeof(struct removal),
		.parse = parse_remove,
		.decide = decide_remove,
		.needs = needs_of_remove,
	},
	{ 0 },
};

static const struct es_event_type events[] = {
	{ .name = ITEM_APPENDED, .evolve = evolve_appended },
	{ .name = ITEM_REMOVED, .evolve = evolve_removed },
	{ 0 },
};

const struct es_decider ledger_items = { .name = "ledger", .commands = commands, .events = events };
