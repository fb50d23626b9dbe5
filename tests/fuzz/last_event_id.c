/*
 * tests/fuzz/last_event_id.c - what a client says of where it stands: the Last-Event-ID, a NUL, the parameter after.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sse/cursor.h"
#include "sse/subscriber.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Only the one way to write a version may be taken for it. */
static void
check(const char *text, int64_t version)
{
	char again[32];

	snprintf(again, sizeof again, "%" PRId64, version);
	if (version < 0 || strcmp(again, text) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct es_error error = ES_ERROR_INIT;
	int64_t version = SSE_BAD_CURSOR;
	char text[256];

	if (size >= sizeof text)
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	const size_t length = strlen(text);
	const char *after = length < size ? text + length + 1 : NULL;

	if (sse_cursor_parse(text, NULL, &version, &error) != ES_OK)
		abort();
	if (version != SSE_BAD_CURSOR)
		check(text, version);
	if (after != NULL && sse_cursor_parse(NULL, after, &version, &error) == ES_OK)
		check(after, version);
	(void)sse_name_valid(text);
	return 0;
}
