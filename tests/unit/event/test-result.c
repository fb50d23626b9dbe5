#include "event/result.h"

#include <string.h>

#include "tap.h"

static void
test_names(void)
{
	static const char *const names[] = { "ok",      "invalid",     "not-found",       "gone",  "conflict",
		                             "refused", "unavailable", "outcome-unknown", "failed" };

	is_int(sizeof names / sizeof names[0], ES_RESULT_MAX, "every result is looked at");
	for (int i = 0; i < ES_RESULT_MAX; i++)
		is_string(es_result_name((enum es_result)i), names[i], names[i]);
	is_string(es_result_name(ES_RESULT_MAX), "unknown", "a number that is no result");
}

static void
test_fail(void)
{
	struct es_error error = ES_ERROR_INIT;

	is_int(error.version, -1, "an error begins without a version");
	is_int(error.index, -1, "and without an index");
	is_int(es_fail(&error, ES_REFUSED, "content", "%d is \"%s\"", 7, "odd"), ES_REFUSED,
	       "es_fail returns its code");
	is_string(error.detail, "7 is \"odd\"", "the detail is formatted");
	is_string(error.field, "content", "the field is kept");
	error.version = 5;
	error.index = 3;
	es_fail(&error, ES_FAILED, NULL, "x");
	is_string(error.field, "", "no field");
	is_int(error.version, 5, "a version set before stays");
	is_int(error.index, 3, "an index set before stays");
	is_string(es_error_reason(&error), "x", "the reason is the detail");
	strcpy(error.reason, "y");
	is_string(es_error_reason(&error), "y", "unless there is one for the log alone");
	es_fail(&error, ES_FAILED, NULL, "z");
	is_string(es_error_reason(&error), "z", "which the next failure forgets");
}

/* Cuts a text of one repeated character, shifted by 0 to 3 bytes, and looks at where the cut is. */
static void
test_cuts(const char *character)
{
	const size_t size = strlen(character);
	char text[2 * ES_ERROR_DETAIL_MAX];
	struct es_error error;

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', shift);
		size_t length = shift;
		while (length + size < sizeof text) {
			memcpy(text + length, character, size);
			length += size;
		}
		text[length] = '\0';
		error = ES_ERROR_INIT;
		es_fail(&error, ES_INVALID, text, "%s", text);
		const size_t detail = strlen(error.detail);
		const size_t field = strlen(error.field);
		ok((detail - shift) % size == 0 && detail > ES_ERROR_DETAIL_MAX - 1 - size &&
		           memcmp(error.detail, text, detail) == 0,
		   "a detail of %zu-byte characters after %zu bytes is cut between two of them", size, shift);
		ok((field - shift) % size == 0 && field > ES_ERROR_FIELD_MAX - 1 - size, "and so is a field");
	}
}

static void
test_whole_bytes(void)
{
	static const struct {
		const char *text;
		int most;
		int whole;
	} cuts[] = {
		{ "", 4, 0 },
		{ "abc", 4, 3 },
		{ "abcd", 4, 4 },
		{ "abcde", 4, 4 },
		{ "abc\xC3\xA4", 4, 3 },
		{ "abc\xC3\xA4", 5, 5 },
		{ "\xE2\x82\xAC", 2, 0 },
		{ "a\xE2\x82\xAC", 4, 4 },
		{ "a\xF0\x9F\x8D\xB5", 4, 1 },
	};

	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		ok(es_whole_bytes(cuts[i].text, cuts[i].most) == cuts[i].whole, "%d of \"%s\" are %d whole bytes",
		   cuts[i].most, cuts[i].text, cuts[i].whole);
}

int
main(void)
{
	test_names();
	test_whole_bytes();
	test_fail();
	test_cuts("a");
	test_cuts("\xC3\xA4");
	test_cuts("\xE2\x82\xAC");
	test_cuts("\xF0\x9F\x8D\xB5");
	return done_testing();
}
