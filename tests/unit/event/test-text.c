#include "event/text.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "tap.h"

static void
test_growing(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	char expected[5001];

	is_string(text.bytes, "", "an empty text is \"\"");
	es_text_add(&text, "", 0);
	is_string(text.bytes, "", "adding nothing changes nothing");
	for (int i = 0; i < 5000; i++) {
		expected[i] = (char)('a' + i % 26);
		es_text_add(&text, &expected[i], 1);
	}
	expected[5000] = '\0';
	is_int(text.size, 5000, "5,000 bytes, one by one");
	ok(strcmp(text.bytes, expected) == 0, "are all there, and a NUL");
	es_text_clear(&text);
	is_string(text.bytes, "", "clear empties");
	is_int(text.size, 0, "size 0");
	es_text_add_string(&text, "again");
	is_string(text.bytes, "again", "and it can be used again");
	_cleanup_free_ char *stolen = es_text_steal(&text);
	is_string(stolen, "again", "steal hands the bytes over");
	is_string(text.bytes, "", "and leaves it empty");
	_cleanup_free_ char *nothing = es_text_steal(&text);
	is_string(nothing, "", "an empty text can be stolen: the caller frees it like any other");
	is_string(es_text_empty, "", "nobody wrote to what all empty texts share");
}

static void
test_format(void)
{
	for (int length = 250; length <= 260; length++) {
		_cleanup_text_ struct es_text text = ES_TEXT_INIT;
		es_text_add_string(&text, "<");
		es_text_add_format(&text, "%0*d", length, 7);
		es_text_add_string(&text, ">");
		ok(text.size == (size_t)length + 2 && strlen(text.bytes) == text.size && text.bytes[length] == '7' &&
		           text.bytes[length + 1] == '>',
		   "a formatted piece of %d bytes", length);
	}
}

static void
test_numbers(void)
{
	static const int64_t numbers[] = {
		0, 1, 9, 10, -1, -10, 9007199254740991, INT64_MAX, INT64_MIN, INT64_MIN + 1
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		_cleanup_text_ struct es_text text = ES_TEXT_INIT;
		char expected[32];
		snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
		es_text_add_int64(&text, numbers[i]);
		is_string(text.bytes, expected, "a number in decimal");
	}
}

/* What json-c reads back is what was written. */
static void
test_json(void)
{
	char all[256];
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;

	for (int byte = 1; byte < 0x80; byte++)
		all[byte - 1] = (char)byte;
	snprintf(all + 0x7F, sizeof all - 0x7F, "%s", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8D\xB5");
	es_text_add_json(&text, all);
	_cleanup_json_ struct json_object *read = json_tokener_parse(text.bytes);
	is_string(json_object_get_string(read), all, "every ASCII character and longer ones survive");
	bool escaped = true;
	for (size_t i = 0; i < text.size; i++)
		escaped = escaped && (unsigned char)text.bytes[i] >= 0x20;
	ok(escaped, "no control character stands in it as it is");
	es_text_clear(&text);
	es_text_add_json(&text, "\x01\x1F\"\\/\n\t\r");
	is_string(text.bytes, "\"\\u0001\\u001f\\\"\\\\/\\n\\t\\r\"", "the escapes");
	es_text_clear(&text);
	es_text_add_json(&text, "");
	is_string(text.bytes, "\"\"", "an empty string");
}

static void
test_compact(void)
{
	static const char *const pairs[][2] = {
		{ "{\"a\": 1, \"b\": [1, 2]}", "{\"a\":1,\"b\":[1,2]}" },
		{ "{\"a b\": \"c  d\"}", "{\"a b\":\"c  d\"}" },
		{ "{\"a\\\" :\": \"\\\\\" , \"b\": \"\\\" : \"}", "{\"a\\\" :\":\"\\\\\",\"b\":\"\\\" : \"}" },
		{ " \t\r\n[ ] \n", "[]" },
		{ "", "" },
		{ "\" \"", "\" \"" },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		_cleanup_text_ struct es_text text = ES_TEXT_INIT;
		es_text_add_compact(&text, pairs[i][0]);
		is_string(text.bytes, pairs[i][1], "compact");
	}
}

static void
test_failure(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;

	es_text_add_string(&text, "kept");
	es_text_add(&text, "x", SIZE_MAX / 2); /* no memory is that large, and none is read */
	ok(es_text_failed(&text), "what cannot be had is remembered");
	es_text_add_string(&text, "more");
	es_text_add_format(&text, "%0300d", 1);
	is_string(text.bytes, "kept", "nothing is added after a failure");
	ok(es_text_steal(&text) == NULL, "a failed text cannot be stolen");
	ok(!es_text_failed(&text), "and is fresh afterwards");
}

int
main(void)
{
	test_growing();
	test_format();
	test_numbers();
	test_json();
	test_compact();
	test_failure();
	return done_testing();
}
