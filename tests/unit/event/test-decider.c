#include "event/decider.h"

#include <json-c/json.h>
#include <string.h>

#include "event/cleanup.h"
#include "ledger/items.h"
#include "sample.h"
#include "tap.h"

static enum es_result
parse(struct json_object *body, void *command, struct es_error *error)
{
	(void)body;
	(void)command;
	(void)error;
	return ES_OK;
}

static enum es_result
decide(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command;
	(void)facts;
	(void)decision;
	(void)error;
	return ES_OK;
}

static void
evolve(const struct es_event *event, struct es_facts *facts)
{
	(void)event;
	(void)facts;
}

#define GOOD_COMMAND                                                       \
	{                                                                  \
		.name = "add", .size = 1, .parse = parse, .decide = decide \
	}
#define GOOD_EVENT                                \
	{                                         \
		.name = "added", .evolve = evolve \
	}

static void
is_refused(const struct es_decider *decider, const char *why, const char *words)
{
	struct es_error error = ES_ERROR_INIT;

	is_int(es_decider_check(decider, &error), ES_FAILED, why);
	ok(strstr(error.detail, words) != NULL, "and the reason says \"%s\": %s", words, error.detail);
}

static void
check_commands(const struct es_command_type *commands, const char *why, const char *words)
{
	static const struct es_event_type events[] = { GOOD_EVENT, { 0 } };
	const struct es_decider decider = { .name = "test", .commands = commands, .events = events };

	is_refused(&decider, why, words);
}

static void
check_events(const struct es_event_type *events, const char *why, const char *words)
{
	static const struct es_command_type commands[] = { GOOD_COMMAND, { 0 } };
	const struct es_decider decider = { .name = "test", .commands = commands, .events = events };

	is_refused(&decider, why, words);
}

static void
test_check(void)
{
	static const struct es_command_type commands[] = { GOOD_COMMAND, { 0 } };
	static const struct es_event_type events[] = { GOOD_EVENT, { 0 } };
	struct es_error error = ES_ERROR_INIT;

	is_int(es_decider_check(&(struct es_decider){ "test", commands, events }, &error), ES_OK, "a decider");
	is_int(es_decider_check(&sample_decider, &error), ES_OK, "the decider of these tests");
	is_int(es_decider_check(&ledger_items, &error), ES_OK, "the ledger's");
	is_refused(&(struct es_decider){ NULL, commands, events }, "without a name", "name");
	is_refused(&(struct es_decider){ "test", NULL, events }, "without commands", "commands");
	is_refused(&(struct es_decider){ "test", commands, NULL }, "without events", "events");

	check_commands((struct es_command_type[]){ { .name = "add", .size = 1, .decide = decide }, { 0 } },
	               "a command without parse", "\"add\"");
	check_commands((struct es_command_type[]){ { .name = "add", .size = 1, .parse = parse }, { 0 } },
	               "a command without decide", "\"add\"");
	check_commands((struct es_command_type[]){ { .name = "add", .parse = parse, .decide = decide }, { 0 } },
	               "a command without a size", "\"add\"");
	check_commands((struct es_command_type[]){ GOOD_COMMAND, GOOD_COMMAND, { 0 } }, "a command twice", "twice");
	check_commands((struct es_command_type[]){ GOOD_COMMAND,
	                                           { .name = "rewind", .size = 1, .parse = parse, .decide = decide },
	                                           { 0 } },
	               "a command named rewind", "\"rewind\"");
	check_events((struct es_event_type[]){ { .name = "added" }, { 0 } }, "an event without evolve", "\"added\"");
	check_events((struct es_event_type[]){ GOOD_EVENT, GOOD_EVENT, { 0 } }, "an event twice", "twice");
	check_events((struct es_event_type[]){ GOOD_EVENT, { .name = "rewound", .evolve = evolve }, { 0 } },
	             "an event named rewound", "\"rewound\"");
}

static void
test_members(void)
{
	struct es_error error = ES_ERROR_INIT;
	const char *string = NULL;
	int64_t number = 0;
	_cleanup_json_ struct json_object *body =
		json_tokener_parse("{\"type\":\"x\",\"a\":\"b\",\"n\":5,\"f\":5.0,\"big\":9007199254740991,\"z\":null,"
	                           "\"cut\":\"a\\u0000b\"}");

	is_int(es_check_members(body, "type a n f big z cut", &error), ES_OK, "all members are known");
	is_int(es_check_members(body, "type a n f big z", &error), ES_INVALID, "one is not");
	is_string(error.field, "cut", "which the field names");
	is_int(es_check_members(body, "type aa na f big z cut n", &error), ES_INVALID,
	       "a part of a known name is unknown");
	is_string(error.field, "a", "and named");
	_cleanup_json_ struct json_object *odd = json_tokener_parse("{\"type a\":1}");
	is_int(es_check_members(odd, "type a", &error), ES_INVALID, "two known names are no name");
	_cleanup_json_ struct json_object *empty = json_tokener_parse("{\"\":1}");
	is_int(es_check_members(empty, "type a", &error), ES_INVALID, "nor is nothing");

	is_int(es_string_member(body, "a", &string, &error), ES_OK, "a string");
	is_string(string, "b", "its value");
	is_int(es_string_member(body, "b", &string, &error), ES_INVALID, "one that is not there");
	is_string(error.field, "b", "its name");
	is_int(es_string_member(body, "n", &string, &error), ES_INVALID, "a number is no string");
	is_int(es_string_member(body, "z", &string, &error), ES_INVALID, "nor is null");
	is_int(es_string_member(body, "cut", &string, &error), ES_INVALID,
	       "a string with a NUL is refused: cut short, it would be another");
	is_string(string, "b", "a refusal changes nothing");

	is_int(es_int64_member(body, "n", 5, &number, &error), ES_OK, "a number, at the least allowed");
	is_int(number, 5, "its value");
	is_int(es_int64_member(body, "n", 6, &number, &error), ES_INVALID, "below the least");
	is_int(es_int64_member(body, "f", 1, &number, &error), ES_INVALID, "5.0 is no whole number");
	is_int(es_int64_member(body, "a", 1, &number, &error), ES_INVALID, "nor is a string");
	is_int(es_int64_member(body, "none", 1, &number, &error), ES_INVALID, "nor is nothing");
	is_int(es_int64_member(body, "big", 1, &number, &error), ES_OK, "2^53 - 1");
	is_int(number, INT64_C(9007199254740991), "exactly");
}

int
main(void)
{
	test_check();
	test_members();
	return done_testing();
}
