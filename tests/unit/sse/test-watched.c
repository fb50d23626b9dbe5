#include "sse/watched.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

int
main(void)
{
	struct sse_watched watched = SSE_WATCHED_INIT;
	char name[16];

	is_string(sse_watched_array(&watched), "{}", "nothing is watched at first");
	sse_watched_add(&watched, "main");
	sse_watched_add(&watched, "a.b");
	sse_watched_add(&watched, "null");
	sse_watched_add(&watched, "main");
	is_string(sse_watched_array(&watched), "{\"a.b\",\"main\",\"null\"}",
	          "each name once, quoted: one may be null");
	sse_watched_remove(&watched, "main");
	sse_watched_remove(&watched, "never");
	is_string(sse_watched_array(&watched), "{\"a.b\",\"null\"}", "until it is removed");
	sse_watched_remove(&watched, "a.b");
	sse_watched_remove(&watched, "null");
	is_string(sse_watched_array(&watched), "{}", "the last as well");

	for (int i = 0; i < SSE_WATCHED_NAMED_MAX; i++) {
		snprintf(name, sizeof name, "n%d", i * 7919 % 100000);
		sse_watched_add(&watched, name);
	}
	const char *array = sse_watched_array(&watched);
	ok(array != NULL && strstr(array, "\"n7919\"") != NULL, "a thousand names are named");
	sse_watched_add(&watched, "more");
	ok(sse_watched_array(&watched) == NULL, "with one more, every stream is read");
	sse_watched_remove(&watched, "more");
	ok(sse_watched_array(&watched) != NULL, "and with one fewer, those are named again");
	sse_watched_done(&watched);
	return done_testing();
}
