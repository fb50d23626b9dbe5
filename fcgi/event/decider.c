#include "event/decider.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

static enum es_result
check_commands(const struct es_command_type *commands, struct es_error *error)
{
	for (const struct es_command_type *type = commands; type->name != NULL; type++) {
		if (type->decide == NULL || (type->parse == NULL) != (type->size == 0))
			return es_fail(error, ES_FAILED, NULL, "command \"%s\" lacks decide, or one of parse and size",
			               type->name);
		if (strcmp(type->name, ES_REWIND) == 0)
			return es_fail(error, ES_FAILED, NULL, "command \"%s\" belongs to the library", type->name);
		for (const struct es_command_type *other = commands; other != type; other++)
			if (strcmp(type->name, other->name) == 0)
				return es_fail(error, ES_FAILED, NULL, "command \"%s\" stands twice", type->name);
	}
	return ES_OK;
}

static enum es_result
check_events(const struct es_event_type *events, struct es_error *error)
{
	for (const struct es_event_type *type = events; type->name != NULL; type++) {
		if (type->evolve == NULL)
			return es_fail(error, ES_FAILED, NULL, "event \"%s\" lacks evolve", type->name);
		if (strcmp(type->name, ES_REWOUND) == 0)
			return es_fail(error, ES_FAILED, NULL, "event \"%s\" belongs to the library", type->name);
		for (const struct es_event_type *other = events; other != type; other++)
			if (strcmp(type->name, other->name) == 0)
				return es_fail(error, ES_FAILED, NULL, "event \"%s\" stands twice", type->name);
	}
	return ES_OK;
}

enum es_result
es_decider_check(const struct es_decider *decider, struct es_error *error)
{
	if (decider->name == NULL || decider->commands == NULL || decider->events == NULL)
		return es_fail(error, ES_FAILED, NULL, "a decider needs a name, commands and events");
	const enum es_result result = check_commands(decider->commands, error);

	return result != ES_OK ? result : check_events(decider->events, error);
}

/* Whether name is one of the words of names. */
static bool
is_among(const char *name, const char *names)
{
	const size_t length = strlen(name);

	for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
		const size_t word = strcspn(at, " ");
		if (word == length && memcmp(at, name, length) == 0)
			return true;
		at += word;
	}
	return false;
}

enum es_result
es_check_members(struct json_object *body, const char *names, struct es_error *error)
{
	json_object_object_foreach(body, name, value)
	{
		(void)value;
		if (!is_among(name, names))
			return es_fail(error, ES_INVALID, name, "unknown member \"%.*s\"; known are: %s",
			               es_whole_bytes(name, ES_ERROR_VALUE_MAX), name, names);
	}
	return ES_OK;
}

enum es_result
es_string_member(struct json_object *body, const char *name, const char **ret_string, struct es_error *error)
{
	struct json_object *value;

	if (!json_object_object_get_ex(body, name, &value))
		return es_fail(error, ES_INVALID, name, "member \"%s\" is missing", name);
	if (!json_object_is_type(value, json_type_string))
		return es_fail(error, ES_INVALID, name, "member \"%s\" must be a string", name);
	const char *string = json_object_get_string(value);
	/* cut short at a NUL it would pass for another string */
	if (strlen(string) != (size_t)json_object_get_string_len(value))
		return es_fail(error, ES_INVALID, name, "member \"%s\" holds a NUL character", name);
	*ret_string = string;
	return ES_OK;
}

enum es_result
es_int64_member(struct json_object *body, const char *name, int64_t least, int64_t *ret_number, struct es_error *error)
{
	struct json_object *value;

	if (!json_object_object_get_ex(body, name, &value))
		return es_fail(error, ES_INVALID, name, "member \"%s\" is missing", name);
	if (!json_object_is_type(value, json_type_int))
		return es_fail(error, ES_INVALID, name, "member \"%s\" must be a whole number", name);
	const int64_t number = json_object_get_int64(value);
	if (number < least)
		return es_fail(error, ES_INVALID, name, "member \"%s\" must be at least %lld", name, (long long)least);
	*ret_number = number;
	return ES_OK;
}
