#include "event/command.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static enum es_result
parse_rewind(struct json_object *body, struct es_command *command, struct es_error *error)
{
	const enum es_result result = es_check_members(body, "type version", error);

	return result != ES_OK ? result : es_int64_member(body, "version", 1, &command->target, error);
}

static const struct es_command_type *
find_type(const struct es_decider *decider, const char *name)
{
	for (const struct es_command_type *type = decider->commands; type->name != NULL; type++)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

static enum es_result
parse_command(const struct es_decider *decider, struct json_object *body, struct es_command *command,
              struct es_error *error)
{
	const char *name;

	if (!json_object_is_type(body, json_type_object))
		return es_fail(error, ES_INVALID, NULL, "a command must be a JSON object");
	const enum es_result result = es_string_member(body, "type", &name, error);
	if (result != ES_OK)
		return result;
	if (strcmp(name, ES_REWIND) == 0)
		return parse_rewind(body, command, error);

	const struct es_command_type *type = find_type(decider, name);
	if (type == NULL)
		return es_fail(error, ES_INVALID, "type", "unknown command \"%.*s\"",
		               es_whole_bytes(name, ES_ERROR_VALUE_MAX), name);
	command->value = calloc(1, type->size == 0 ? 1 : type->size);
	if (command->value == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for a command");
	command->type = type;
	return type->parse == NULL ? es_check_members(body, "type", error) : type->parse(body, command->value, error);
}

static enum es_result
parse_array(const struct es_decider *decider, struct json_object *body, struct es_command_list *list,
            struct es_error *error)
{
	const size_t count = json_object_array_length(body);

	if (count < 1 || count > ES_COMMANDS_MAX)
		return es_fail(error, ES_INVALID, NULL, "an array must hold 1 to %d commands; this one holds %zu",
		               ES_COMMANDS_MAX, count);
	list->commands = calloc(count, sizeof *list->commands);
	if (list->commands == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the commands");
	for (size_t i = 0; i < count; i++) {
		struct es_command *command = &list->commands[list->count++];
		error->index = (int)i;
		const enum es_result result =
			parse_command(decider, json_object_array_get_idx(body, i), command, error);
		if (result != ES_OK)
			return result;
		if (command->type == NULL && i + 1 < count)
			return es_fail(error, ES_INVALID, "type", "a rewind must stand alone or last in its array");
	}
	error->index = -1;
	return ES_OK;
}

enum es_result
es_commands_parse(const struct es_decider *decider, struct json_object *body, struct es_command_list *ret_list,
                  struct es_error *error)
{
	struct es_command_list list = { 0 };
	enum es_result result;

	if (json_object_is_type(body, json_type_array)) {
		result = parse_array(decider, body, &list, error);
	} else {
		list.commands = calloc(1, sizeof *list.commands);
		if (list.commands == NULL)
			return es_fail(error, ES_FAILED, NULL, "no memory for the command");
		list.count = 1;
		result = parse_command(decider, body, &list.commands[0], error);
	}
	if (result != ES_OK) {
		es_commands_done(&list);
		return result;
	}
	*ret_list = list;
	return ES_OK;
}

void
es_commands_done(struct es_command_list *list)
{
	for (int i = 0; i < list->count; i++) {
		struct es_command *command = &list->commands[i];
		if (command->value == NULL)
			continue;
		if (command->type != NULL && command->type->done != NULL)
			command->type->done(command->value);
		free(command->value);
	}
	free(list->commands);
	*list = (struct es_command_list){ 0 };
}
