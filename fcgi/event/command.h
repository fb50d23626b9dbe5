/*
 * event/command.h - what one caller asks for, parsed.
 */
#ifndef ES_COMMAND_H
#define ES_COMMAND_H

#include "event/decider.h"

/* One command.  A rewind has no type of the application's: type is NULL and target says which event. */
struct es_command {
	const struct es_command_type *type;
	void *value; /* owned: what type->parse filled; NULL for a rewind */
	int64_t target;
};

/* Owns its commands.  Start from { 0 }. */
struct es_command_list {
	struct es_command *commands;
	int count;
};

/*
 * Parses body: one command object, or an array of 1 to ES_COMMANDS_MAX of them, a rewind only as the last.
 * ES_INVALID where it does not (error.index says which one of an array); the list is then empty.
 */
ES_MUST_CHECK enum es_result es_commands_parse(const struct es_decider *decider, struct json_object *body,
                                               struct es_command_list *ret_list, struct es_error *error);

/* Frees the commands and empties the list. */
void es_commands_done(struct es_command_list *list);

#endif
