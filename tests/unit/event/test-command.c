#include "event/command.h"

#include <json-c/json.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/text.h"
#include "ledger/items.h"
#include "sample.h"
#include "tap.h"

/* Parses body and checks the result; *ret_error is the reason. */
static void
parse(const char *body, enum es_result expected, int count, const char *name, struct es_error *ret_error)
{
	struct es_command_list list = { 0 };
	struct es_error error = ES_ERROR_INIT;
	_cleanup_json_ struct json_object *parsed = json_tokener_parse(body);

	is_int(es_commands_parse(&ledger_items, parsed, &list, &error), expected, name);
	is_int(list.count, expected == ES_OK ? count : 0, "the commands in the list");
	ok(expected == ES_OK || (list.commands == NULL && error.detail[0] != '\0'), "a refusal has a reason: %s",
	   error.detail);
	es_commands_done(&list);
	ok(list.commands == NULL && list.count == 0, "done empties the list");
	*ret_error = error;
}

/* An array of count appends, the last command being last where that is not NULL. */
static char *
array_of(int count, const char *last)
{
	struct es_text text = ES_TEXT_INIT;

	es_text_add_string(&text, "[");
	for (int i = 0; i < count; i++) {
		es_text_add_string(&text, i == 0 ? "" : ",");
		es_text_add_string(&text,
		                   i == count - 1 && last != NULL ? last : "{\"type\":\"append\",\"content\":\"x\"}");
	}
	es_text_add_string(&text, "]");
	return es_text_steal(&text);
}

static void
test_counts(void)
{
	static const struct {
		int count;
		enum es_result result;
	} counts[] = { { 0, ES_INVALID }, { 1, ES_OK }, { 2, ES_OK }, { 1000, ES_OK }, { 1001, ES_INVALID } };
	struct es_error error;

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		_cleanup_free_ char *body = array_of(counts[i].count, NULL);
		char name[64];
		snprintf(name, sizeof name, "an array of %d commands", counts[i].count);
		parse(body, counts[i].result, counts[i].count, name, &error);
		is_int(error.index, -1, "no single command is at fault");
	}
	_cleanup_free_ char *rewind_last = array_of(1000, "{\"type\":\"rewind\",\"version\":1}");
	parse(rewind_last, ES_OK, 1000, "1,000 commands, the last a rewind", &error);
}

static void
test_rewinds(void)
{
	struct es_error error;
	struct es_command_list list = { 0 };
	_cleanup_json_ struct json_object *body =
		json_tokener_parse("{\"version\":9007199254740991,\"type\":\"rewind\"}");

	is_int(es_commands_parse(&ledger_items, body, &list, &error), ES_OK, "a rewind");
	ok(list.count == 1 && list.commands[0].type == NULL && list.commands[0].value == NULL, "is the library's own");
	is_int(list.commands[0].target, INT64_C(9007199254740991), "its target");
	es_commands_done(&list);

	parse("[{\"type\":\"rewind\",\"version\":1}]", ES_OK, 1, "a rewind alone in its array", &error);
	parse("[{\"type\":\"rewind\",\"version\":1},{\"type\":\"append\",\"content\":\"x\"}]", ES_INVALID, 0,
	      "a rewind before another command", &error);
	is_int(error.index, 0, "the index of the rewind");
	parse("[{\"type\":\"append\",\"content\":\"x\"},{\"type\":\"rewind\",\"version\":1},"
	      "{\"type\":\"rewind\",\"version\":1}]",
	      ES_INVALID, 0, "two rewinds", &error);
	is_int(error.index, 1, "the index of the first");
	parse("{\"type\":\"rewind\"}", ES_INVALID, 0, "a rewind of nothing", &error);
	is_string(error.field, "version", "the missing member");
	parse("{\"type\":\"rewind\",\"version\":0}", ES_INVALID, 0, "a rewind of event 0", &error);
	parse("{\"type\":\"rewind\",\"version\":-1}", ES_INVALID, 0, "a rewind of event -1", &error);
	parse("{\"type\":\"rewind\",\"version\":\"1\"}", ES_INVALID, 0, "a rewind of a string", &error);
	parse("{\"type\":\"rewind\",\"version\":1.5}", ES_INVALID, 0, "a rewind of one and a half", &error);
	parse("{\"type\":\"rewind\",\"version\":1,\"to\":2}", ES_INVALID, 0, "a rewind with a member too many", &error);
	is_string(error.field, "to", "which is named");
}

static void
test_refusals(void)
{
	struct es_error error;

	parse("{\"type\":\"append\",\"content\":\"x\"}", ES_OK, 1, "one command", &error);
	parse("{\"type\":\"erase\"}", ES_INVALID, 0, "an unknown command", &error);
	is_string(error.field, "type", "the member at fault");
	is_int(error.index, -1, "no index outside an array");
	parse("[{\"type\":\"append\",\"content\":\"x\"},{\"type\":\"erase\"}]", ES_INVALID, 0,
	      "an unknown command in an array", &error);
	is_int(error.index, 1, "its index");
	parse("{\"type\":\"append\",\"content\":\"x\",\"extra\":1}", ES_INVALID, 0, "an unknown member", &error);
	is_string(error.field, "extra", "its name");
	parse("{\"content\":\"x\"}", ES_INVALID, 0, "no type", &error);
	is_string(error.field, "type", "the member that is missing");
	parse("{\"type\":7}", ES_INVALID, 0, "a type that is a number", &error);
	parse("{\"type\":\"append\"}", ES_INVALID, 0, "no content", &error);
	parse("{\"type\":\"append\",\"content\":null}", ES_INVALID, 0, "content null", &error);
	parse("{\"type\":\"Append\",\"content\":\"x\"}", ES_INVALID, 0, "a capital letter", &error);
	parse("{\"type\":\"append\\u0000\",\"content\":\"x\"}", ES_INVALID, 0, "a NUL after the name", &error);
	parse("{\"type\":\"append\",\"content\":\"  \"}", ES_REFUSED, 0, "an empty content breaks a rule", &error);
	is_string(error.field, "content", "of the content");
	parse("\"append\"", ES_INVALID, 0, "a string", &error);
	parse("7", ES_INVALID, 0, "a number", &error);
	parse("null", ES_INVALID, 0, "null", &error);
	parse("{}", ES_INVALID, 0, "an empty object", &error);
	parse("[[]]", ES_INVALID, 0, "an array in the array", &error);
	is_int(error.index, 0, "its index");
	parse("[null]", ES_INVALID, 0, "a null in the array", &error);
	parse("[{\"type\":\"append\",\"content\":\"x\"},{\"type\":\"append\",\"content\":\"\"}]", ES_REFUSED, 0,
	      "the second of two breaks a rule", &error);
	is_int(error.index, 1, "its index");
}

int
main(void)
{
	test_counts();
	test_rewinds();
	test_refusals();
	return done_testing();
}
