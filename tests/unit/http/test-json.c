/* Strict JSON: what is accepted, what is refused and where, and that size alone never makes it slow. */
#include <json-c/json.h>
#include <time.h>

#include "event/text.h"
#include "http/json.h"
#include "tap.h"

#define DEEP_32 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

enum {
	MANY = HTTP_JSON_VALUES_MAX - 2, /* members: with the last one and the object, the most values there may be */
	PATIENCE = 20, /* seconds of processor time, also with sanitizers; comparing all pairs would take minutes */
};

static const char *const accepted[] = {
	"{}",
	"[]",
	" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
	"\"text\"",
	"\"\"",
	"0",
	"-0",
	"-1",
	"12",
	"9007199254740991",
	"-9007199254740991",
	"1.5",
	"0.0",
	"-0.5e+10",
	"1E5",
	"1e-400",
	"1.7976931348623157e308",
	"true",
	"false",
	"[null]",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
	"\"\\ud83d\\ude00\"",
	"\"\\uDBFF\\uDFFF\"",
	"\"\\u0001\"",
	"\"\x7f\"",
	"\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
	"\"\xf4\x8f\xbf\xbf\"",
	"\"\xef\xbf\xbf\"",
	"{\"\":1}",
	"{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}",
	"{\"a\":1,\"A\":2,\"\\u00e9\":3,\"e\xcc\x81\":4}",
	DEEP_32,
};

static const struct {
	const char *text;
	const char *reason; /* part of the detail */
} refused[] = {
	{ "", "a value expected at byte 0" },
	{ " ", "a value expected at byte 1" },
	{ "{", "name in quotes expected at byte 1" },
	{ "[", "a value expected at byte 1" },
	{ "[1", "\",\" or \"]\" expected at byte 2" },
	{ "[1,]", "a value expected at byte 3" },
	{ "[,1]", "a value expected at byte 1" },
	{ "[1 2]", "\",\" or \"]\" expected at byte 3" },
	{ "[1}", "\",\" or \"]\" expected at byte 2" },
	{ "{\"a\":1]", "\",\" or \"}\" expected at byte 6" },
	{ "{\"a\" 1}", "\":\" expected at byte 5" },
	{ "{\"a\":}", "a value expected at byte 5" },
	{ "{\"a\":1,}", "name in quotes expected at byte 7" },
	{ "{a:1}", "name in quotes expected at byte 1" },
	{ "{'a':1}", "name in quotes expected at byte 1" },
	{ "{1:1}", "name in quotes expected at byte 1" },
	{ "{\"a\":1}{}", "more after the value at byte 7" },
	{ "1 2", "more after the value at byte 2" },
	{ "]", "a value expected at byte 0" },
	{ "// comment\n1", "a value expected at byte 0" },
	{ "[1]/**/", "more after the value at byte 3" },
	{ "\xef\xbb\xbf{}", "a value expected at byte 0" },
	{ "\f1", "a value expected at byte 0" },
	{ "NaN", "a value expected" },
	{ "Infinity", "a value expected" },
	{ "-Infinity", "a digit expected at byte 1" },
	{ "TRUE", "a value expected" },
	{ "tru", "a value expected" },
	{ "truex", "more after the value at byte 4" },
	{ "undefined", "a value expected" },
	{ "+1", "a value expected" },
	{ ".5", "a value expected" },
	{ "1.", "a digit expected at byte 2" },
	{ "-", "a digit expected at byte 1" },
	{ "01", "leading zero at byte 0" },
	{ "-01", "leading zero at byte 1" },
	{ "0x10", "more after the value at byte 1" },
	{ "1e", "a digit expected at byte 2" },
	{ "1e+", "a digit expected at byte 3" },
	{ "1.e1", "a digit expected at byte 2" },
	{ "9007199254740992", "integer beyond 9007199254740991 at byte 0" },
	{ "[-9007199254740992]", "integer beyond 9007199254740991 at byte 1" },
	{ "99999999999999999999999999", "integer beyond" },
	{ "1e400", "number out of range" },
	{ "-1e400", "number out of range" },
	{ "\"a", "string without an end at byte 0" },
	{ "\"\\", "unknown escape" },
	{ "\"\\\"", "string without an end at byte 0" },
	{ "\"\\x41\"", "unknown escape at byte 1" },
	{ "\"\\u12\"", "four hexadecimal digits at byte 1" },
	{ "\"\\u12g4\"", "four hexadecimal digits at byte 1" },
	{ "\"\\U0041\"", "unknown escape at byte 1" },
	{ "\"a\\u0000\"", "U+0000 at byte 2" },
	{ "\"\\ud800\"", "surrogate pair at byte 1" },
	{ "\"\\ud800x\"", "surrogate pair" },
	{ "\"\\ud800\\n\"", "surrogate pair" },
	{ "\"\\ud800\\ud800\"", "surrogate pair" },
	{ "\"\\ud83d\\u0041\"", "surrogate pair" },
	{ "\"\\udc00\\ud800\"", "surrogate pair" },
	{ "\"\\udc00\"", "surrogate pair" },
	{ "\"a\nb\"", "control character in a string at byte 2" },
	{ "\"a\tb\"", "control character in a string at byte 2" },
	{ "\"\x80\"", "not UTF-8 at byte 1" },
	{ "\"\xc3\"", "not UTF-8 at byte 1" },
	{ "\"\xc0\xaf\"", "not UTF-8" },
	{ "\"\xe0\x80\xaf\"", "not UTF-8" },
	{ "\"\xed\xa0\x80\"", "not UTF-8" },
	{ "\"\xf4\x90\x80\x80\"", "not UTF-8" },
	{ "\"\xf8\x88\x80\x80\x80\"", "not UTF-8" },
	{ "\"\xff\"", "not UTF-8" },
	{ "{\"a\":1,\"a\":2}", "name used before in the same object at byte 7" },
	{ "{\"a\":1,\"b\":{\"c\":1,\"c\":2}}", "name used before in the same object at byte 18" },
	{ "{\"a\":1,\"\\u0061\":2}", "name used before in the same object at byte 7" },
	{ "{\"\\u0061\":1,\"a\":2}", "name used before in the same object at byte 12" },
	{ "{\"\\u00e9\":1,\"\xc3\xa9\":2}", "name used before" },
	{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "name used before" },
	{ "{\"a\\/b\":1,\"a/b\":2}", "name used before" },
	{ "{\"\":1,\"\":2}", "name used before" },
	{ "{\"a\":{\"b\":1},\"b\":1,\"a\":1}", "name used before in the same object at byte 19" },
	{ "[" DEEP_32 "]", "nested too deep (at most 32 levels) at byte 32" },
};

static enum es_result
check(const char *text, struct es_error *error)
{
	/* In memory of exactly its size, so that reading one byte too many shows under a sanitizer. */
	const size_t size = strlen(text);
	char *exact = malloc(size == 0 ? 1 : size);
	struct json_object *value = NULL;

	if (exact == NULL)
		bail("no memory");
	for (size_t at = 0; at < size; at++)
		exact[at] = text[at];
	const enum es_result result = http_json_parse(exact, size, &value, error);
	if ((result == ES_OK) != (value != NULL))
		bail("the value does not go with the result for %s", text);
	json_object_put(value);
	free(exact);
	return result;
}

static void
test_accepted(void)
{
	for (size_t at = 0; at < sizeof accepted / sizeof accepted[0]; at++) {
		struct es_error error = ES_ERROR_INIT;
		const bool passed = ok(check(accepted[at], &error) == ES_OK, "accepted: text %zu", at);
		if (!passed)
			printf("# %s: %s\n", accepted[at], error.detail);
	}
}

static void
test_refused(void)
{
	for (size_t at = 0; at < sizeof refused / sizeof refused[0]; at++) {
		struct es_error error = ES_ERROR_INIT;
		const enum es_result result = check(refused[at].text, &error);
		const bool passed = ok(result == ES_INVALID && strstr(error.detail, refused[at].reason) != NULL,
		                       "refused: text %zu", at);
		if (!passed)
			printf("#      got: %s\n# expected: %s\n", error.detail, refused[at].reason);
	}
}

static void
test_odd_ends(void)
{
	struct es_error error = ES_ERROR_INIT;
	struct json_object *value = NULL;

	is_int(http_json_check("[1]\0", 4, &error), ES_INVALID, "a NUL behind the value is refused");
	is_int(http_json_check("[1]x", 3, &error), ES_OK, "bytes behind the given size are not looked at");
	is_int(http_json_parse("null", 4, &value, &error), ES_INVALID, "null alone is refused when parsing");
	ok(strstr(error.detail, "null") != NULL, "and named");
	is_int(http_json_check("null", 4, &error), ES_OK, "though it is JSON");

	is_int(http_json_parse("42", 2, &value, &error), ES_OK, "a number at the very end is parsed whole");
	is_int(json_object_get_int64(value), 42, "42");
	json_object_put(value);
	is_int(http_json_parse("\"a\\u00e9\"", 9, &value, &error), ES_OK, "a string is parsed");
	is_string(json_object_get_string(value), "a\xc3\xa9", "with its escape decoded");
	json_object_put(value);
}

static void
test_numbers(void)
{
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;

	es_text_add_string(&text, "0.");
	while (text.size < HTTP_JSON_NUMBER_SIZE_MAX)
		es_text_add(&text, "1", 1);
	is_int(http_json_check(text.bytes, text.size, &error), ES_OK, "the longest number is accepted");
	es_text_add(&text, "1", 1);
	is_int(http_json_check(text.bytes, text.size, &error), ES_INVALID, "one digit more is not");
	ok(strstr(error.detail, "number too long at byte 0") != NULL, "and says so");
	es_text_done(&text);
}

/* An object of MANY members, whose last name is last; every name begins with prefix. */
static void
make_object(struct es_text *text, const char *prefix, const char *last)
{
	es_text_clear(text);
	es_text_add(text, "{", 1);
	for (int member = 0; member < MANY; member++) {
		es_text_add(text, "\"", 1);
		es_text_add_string(text, prefix);
		es_text_add_int64(text, member);
		es_text_add_string(text, "\":1,");
	}
	es_text_add(text, "\"", 1);
	es_text_add_string(text, last);
	es_text_add_string(text, "\":1}");
}

static void
test_many_names(void)
{
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;
	const clock_t start = clock();

	make_object(&text, "", "last");
	is_int(http_json_check(text.bytes, text.size, &error), ES_OK, "many distinct names are accepted");
	make_object(&text, "", "12345");
	is_int(http_json_check(text.bytes, text.size, &error), ES_INVALID, "many names, one of them twice");
	char expected[64];
	snprintf(expected, sizeof expected, "at byte %zu", text.size - strlen("\"12345\":1}"));
	ok(strstr(error.detail, expected) != NULL, "the second one is named: %s", error.detail);
	make_object(&text, "\\u0061", "a77");
	is_int(http_json_check(text.bytes, text.size, &error), ES_INVALID, "the same with escapes");
	ok(clock() - start < PATIENCE * CLOCKS_PER_SEC, "in no time");

	/* 17 is where comparing pairs ends and sorting begins: both ways must find the later one. */
	is_int(check("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
	             "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"a\":1}",
	             &error),
	       ES_INVALID, "eighteen names, the first one again");
	ok(strstr(error.detail, "at byte 103") != NULL, "named where it is used again: %s", error.detail);
	es_text_done(&text);
}

static void
test_many_values(void)
{
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;

	es_text_add_string(&text, "[0");
	for (int value = 2; value < HTTP_JSON_VALUES_MAX; value++)
		es_text_add_string(&text, ",0");
	es_text_add_string(&text, "]");
	is_int(http_json_check(text.bytes, text.size, &error), ES_OK, "as many values as there may be");
	text.bytes[text.size - 1] = ',';
	es_text_add_string(&text, "{}]");
	is_int(http_json_check(text.bytes, text.size, &error), ES_INVALID, "one more is refused");
	char expected[96];
	snprintf(expected, sizeof expected, "too many values (at most %d) at byte %zu", HTTP_JSON_VALUES_MAX,
	         text.size - strlen("{}]"));
	ok(strstr(error.detail, expected) != NULL, "where it stands: %s", error.detail);
	es_text_done(&text);
}

int
main(void)
{
	test_many_values();
	test_accepted();
	test_refused();
	test_odd_ends();
	test_numbers();
	test_many_names();
	return done_testing();
}
