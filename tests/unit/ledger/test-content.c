#include "ledger/content.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "ledger/items.h"
#include "tap.h"

/* Writes a code point as UTF-8; returns its length. */
static size_t
put(char *at, uint32_t point)
{
	if (point < 0x80) {
		at[0] = (char)point;
		return 1;
	}
	const size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = length; i-- > 1; point >>= 6)
		at[i] = (char)(0x80 | (point & 0x3F));
	at[0] = (char)((0xF00U >> length) | point);
	return length;
}

/* What String.prototype.trim takes off: WhiteSpace and LineTerminator of ECMAScript. */
static bool
browsers_trim(uint32_t point)
{
	static const uint32_t points[] = { 0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x20,   0xA0,   0x1680, 0x2000,
		                           0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009,
		                           0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF };

	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		if (points[i] == point)
			return true;
	return false;
}

static bool
is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point <= 0x9F);
}

/* Cleans text; "(refused)" where it is.  New. */
static char *
clean(const char *text)
{
	struct es_error error = ES_ERROR_INIT;
	char *content = NULL;
	const enum es_result result = ledger_content_clean(text, LEDGER_CONTENT_MAX, &content, &error);

	if (result != ES_OK)
		content = strdup(result == ES_REFUSED && error.detail[0] != '\0' && strcmp(error.field, "content") == 0
		                         ? "(refused)"
		                         : "(wrong)");
	if (content == NULL)
		bail("no content and no error");
	return content;
}

/* Every code point there is, around and within a word. */
static void
test_every_code_point(void)
{
	int wrong_around = 0;
	int wrong_within = 0;

	for (uint32_t point = 1; point <= 0x10FFFF; point++) {
		char one[8] = "";
		char text[32];
		if (point >= 0xD800 && point <= 0xDFFF)
			continue;
		one[put(one, point)] = '\0';
		snprintf(text, sizeof text, "%sab%s", one, one);
		_cleanup_free_ char *around = clean(text);
		const char *expected = browsers_trim(point) ? "ab" : is_control(point) ? "(refused)" : text;
		if (strcmp(around, expected) != 0 && wrong_around++ < 5)
			printf("# around: U+%04X gives %s\n", (unsigned)point, around);
		snprintf(text, sizeof text, "a%sb", one);
		_cleanup_free_ char *within = clean(text);
		expected = is_control(point) && point != '\t' && point != '\n' ? "(refused)" : text;
		if (strcmp(within, expected) != 0 && wrong_within++ < 5)
			printf("# within: U+%04X gives %s\n", (unsigned)point, within);
	}
	is_int(wrong_around, 0, "around a word, exactly what the browsers trim is trimmed");
	is_int(wrong_within, 0, "within a word, exactly the control characters but tab and newline are refused");
}

static void
is_clean(const char *text, const char *expected, const char *name)
{
	_cleanup_free_ char *content = clean(text);

	is_string(content, expected, name);
}

/* count times the code point, with white space around it. */
static void
test_length(uint32_t point, int count, bool fits)
{
	char *text = malloc((size_t)count * 4 + 16);
	size_t length = 0;

	if (text == NULL)
		bail("no memory");
	text[length++] = ' ';
	for (int i = 0; i < count; i++)
		length += put(text + length, point);
	memcpy(text + length, " \t\n", 4);
	_cleanup_free_ char *content = clean(text);
	text[length] = '\0';
	ok(strcmp(content, fits ? text + 1 : "(refused)") == 0, "%d times U+%04X %s", count, (unsigned)point,
	   fits ? "fit" : "are too many");
	free(text);
}

int
main(void)
{
	static const uint32_t points[] = { 'a', 0xE4, 0x20AC, 0x1F375 };

	test_every_code_point();
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		test_length(points[i], 1, true);
		test_length(points[i], LEDGER_CONTENT_MAX, true);
		test_length(points[i], LEDGER_CONTENT_MAX + 1, false);
	}
	is_clean("", "(refused)", "nothing");
	is_clean(" \t\r\n\xE2\x80\xA8\xEF\xBB\xBF", "(refused)", "white space alone");
	is_clean("a b", "a b", "inner white space stays");
	is_clean("\r\na\tb\nc\r\n", "a\tb\nc", "tab and newline stay, a return at the end is trimmed");
	is_clean("a\rb", "(refused)", "a return within is a control character");
	is_clean("a\x0B", "a", "a control character that is white space is trimmed at the end");
	is_clean("a\x0B\x01", "(refused)", "but not before another one");
	is_clean("\x01", "(refused)", "a control character alone");
	return done_testing();
}
