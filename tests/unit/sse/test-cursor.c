#include "sse/cursor.h"

#include <string.h>

#include "sse/subscriber.h"
#include "tap.h"

static void
test_cursors(void)
{
	static const struct {
		const char *last_event_id;
		const char *after;
		int64_t version;
		const char *name;
	} cases[] = {
		{ NULL, NULL, SSE_LIVE_ONLY, "neither: live only" },
		{ NULL, "0", 0, "after=0: everything" },
		{ NULL, "58", 58, "after" },
		{ "58", NULL, 58, "Last-Event-ID" },
		{ "58", "3", 58, "Last-Event-ID goes before after" },
		{ "3", "58", 3, "even when it is smaller" },
		{ "9223372036854775807", NULL, INT64_MAX, "the largest version" },
		{ "9223372036854775808", NULL, SSE_BAD_CURSOR, "one larger is none" },
		{ "-1", NULL, SSE_BAD_CURSOR, "no version: negative" },
		{ "+1", NULL, SSE_BAD_CURSOR, "no version: signed" },
		{ "01", NULL, SSE_BAD_CURSOR, "no version: a leading zero" },
		{ " 1", NULL, SSE_BAD_CURSOR, "no version: a blank" },
		{ "1 ", NULL, SSE_BAD_CURSOR, "no version: a blank behind" },
		{ "1.0", NULL, SSE_BAD_CURSOR, "no version: a fraction" },
		{ "", "7", SSE_BAD_CURSOR, "no version: nothing at all" },
		{ "abc", "7", SSE_BAD_CURSOR, "what a client made up is reset, after or not" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct es_error error = ES_ERROR_INIT;
		int64_t version = -77;
		ok(sse_cursor_parse(cases[i].last_event_id, cases[i].after, &version, &error) == ES_OK &&
		           version == cases[i].version,
		   "%s", cases[i].name);
	}
}

static void
test_bad_after(void)
{
	static const char *const bad[] = { "", "x", "-1", "1x", "9223372036854775808", "1e3", "0x1" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct es_error error = ES_ERROR_INIT;
		int64_t version = -77;
		ok(sse_cursor_parse("5", bad[i], &version, &error) == ES_INVALID && version == -77 &&
		           strcmp(error.field, "after") == 0,
		   "after=\"%s\" is refused, and says so", bad[i]);
	}
}

static void
test_names(void)
{
	char name[80];

	ok(sse_name_valid("main") && sse_name_valid("a") && sse_name_valid("0") && sse_name_valid("a.b_c-d9"), "names");
	ok(!sse_name_valid("") && !sse_name_valid(".a") && !sse_name_valid("-a") && !sse_name_valid("_a"),
	   "begin with a letter or digit");
	ok(!sse_name_valid("A") && !sse_name_valid("a b") && !sse_name_valid("a/b") && !sse_name_valid("\xc3\xa4"),
	   "and have no other characters");
	memset(name, 'a', sizeof name);
	name[63] = '\0';
	ok(sse_name_valid(name), "63 bytes are allowed");
	name[63] = 'a';
	name[64] = '\0';
	ok(!sse_name_valid(name), "64 are not");
}

int
main(void)
{
	test_cursors();
	test_bad_after();
	test_names();
	return done_testing();
}
