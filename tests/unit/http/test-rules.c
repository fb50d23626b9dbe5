/* What a POST must be, and the small parsers: numbers and UTF-8. */
#include "http/number.h"
#include "http/rules.h"
#include "http/utf8.h"
#include "tap.h"

static const struct {
	const char *type;
	bool is_json;
} types[] = {
	{ NULL, false },
	{ "", false },
	{ "application/json", true },
	{ "Application/JSON", true },
	{ "application/json;charset=utf-8", true },
	{ "application/json ; charset=UTF-8", true },
	{ "application/jsonx", false },
	{ "application/json, text/plain", false },
	{ "text/plain; application/json", false },
	{ "text/plain", false },
	{ "application/x-www-form-urlencoded", false },
	{ "multipart/form-data", false },
};

static const struct {
	const char *origin;
	const char *host;
	bool is_own;
} origins[] = {
	{ NULL, "example.org", true },
	{ "http://example.org", "example.org", true },
	{ "https://example.org", "example.org", true },
	{ "https://EXAMPLE.org", "example.ORG", true },
	{ "http://127.0.0.1:8080", "127.0.0.1:8080", true },
	{ "http://[::1]:8080", "[::1]:8080", true },
	{ "http://example.org", "example.org:80", true },
	{ "https://example.org:443", "example.org", true },
	{ "http://example.org:8080", "example.org", false },
	{ "http://example.org", "example.org:8080", false },
	{ "https://example.org", "example.org:80", false },
	{ "http://example.org.evil.net", "example.org", false },
	{ "http://evil.net", "example.org", false },
	{ "http://xexample.org", "example.org", false },
	{ "null", "example.org", false },
	{ "null", "null", false },
	{ "example.org", "example.org", false },
	{ "file://example.org", "example.org", false },
	{ "http://", "", false },
	{ "http://example.org", NULL, false },
};

static const struct {
	const char *text;
	bool is_number;
	int64_t number;
} numbers[] = {
	{ NULL, false, 0 },
	{ "", false, 0 },
	{ "0", true, 0 },
	{ "7", true, 7 },
	{ "-7", true, -7 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "-9223372036854775808", true, INT64_MIN },
	{ "9223372036854775808", false, 0 },
	{ "-9223372036854775809", false, 0 },
	{ "99999999999999999999999", false, 0 },
	{ "00", false, 0 },
	{ "07", false, 0 },
	{ "-0", false, 0 },
	{ "-", false, 0 },
	{ "--1", false, 0 },
	{ "+1", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "1.0", false, 0 },
	{ "1e3", false, 0 },
	{ "0x1", false, 0 },
};

static void
test_utf8(void)
{
	/* Every three bytes, against the definition: decode generously, then ask for the shortest form. */
	int wrong = 0;

	for (unsigned code = 0; code < 1U << 24; code += code < 1U << 16 ? 1 : 3) {
		const char bytes[3] = { (char)(code >> 16), (char)(code >> 8), (char)code };
		const unsigned first = code >> 16 & 0xFF;
		const unsigned second = code >> 8 & 0xFF;
		const bool has_two = (second & 0xC0) == 0x80;
		const bool has_three = has_two && (code & 0xC0) == 0x80;
		const unsigned two = (first & 0x1F) << 6 | (second & 0x3F);
		const unsigned three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | (code & 0x3F);
		size_t expected = 0;
		if (first < 0x80)
			expected = 1;
		else if ((first & 0xE0) == 0xC0 && has_two && two >= 0x80)
			expected = 2;
		else if ((first & 0xF0) == 0xE0 && has_three && three >= 0x800 && !(three >= 0xD800 && three <= 0xDFFF))
			expected = 3;
		if (http_utf8_sequence(bytes, sizeof bytes) != expected)
			wrong++;
	}
	is_int(wrong, 0, "sequences of one to three bytes are recognised as the definition says");
	is_int(http_utf8_sequence("\xf0\x9f\x98\x80", 4), 4, "four bytes");
	is_int(http_utf8_sequence("\xf0\x9f\x98\x80", 3), 0, "four bytes cut off");
	is_int(http_utf8_sequence("\xf0\x8f\xbf\xbf", 4), 0, "four bytes, overlong");
	is_int(http_utf8_sequence("\xf4\x8f\xbf\xbf", 4), 4, "U+10FFFF");
	is_int(http_utf8_sequence("\xf4\x90\x80\x80", 4), 0, "above U+10FFFF");
	is_int(http_utf8_sequence("", 0), 0, "nothing");
	ok(http_utf8_valid("a\xc3\xa9", 3), "valid text");
	ok(!http_utf8_valid("a\xc3\xa9", 2), "cut text");
	ok(http_utf8_valid("", 0), "empty text");
}

int
main(void)
{
	for (size_t at = 0; at < sizeof types / sizeof types[0]; at++)
		is_int(http_is_json(types[at].type), types[at].is_json,
		       types[at].type == NULL ? "no Content-Type" : types[at].type);
	for (size_t at = 0; at < sizeof origins / sizeof origins[0]; at++)
		ok(http_is_own_origin(origins[at].origin, origins[at].host) == origins[at].is_own,
		   "origin %s at host %s is %s", origins[at].origin == NULL ? "(none)" : origins[at].origin,
		   origins[at].host == NULL ? "(none)" : origins[at].host, origins[at].is_own ? "own" : "foreign");
	for (size_t at = 0; at < sizeof numbers / sizeof numbers[0]; at++) {
		int64_t number = 0;
		is_int(http_parse_int64(numbers[at].text, INT64_MIN, INT64_MAX, &number), numbers[at].is_number,
		       numbers[at].text == NULL ? "no number" : numbers[at].text);
		is_int(number, numbers[at].number, "its value, untouched where there is none");
	}
	int64_t number = 5;
	ok(http_parse_int64("1", 1, 3, &number) && http_parse_int64("3", 1, 3, &number), "both limits are inside");
	ok(!http_parse_int64("0", 1, 3, &number) && !http_parse_int64("4", 1, 3, &number), "beyond them is not");
	is_int(number, 3, "and leaves the number alone");
	test_utf8();
	return done_testing();
}
