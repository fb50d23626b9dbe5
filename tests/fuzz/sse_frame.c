/*
 * tests/fuzz/sse_frame.c - an event's frame, whatever its texts hold, comes back whole from its records and as one
 * frame of an event stream.  The input is cut at NULs into actor, type and data, and its first bytes say how often each
 * is repeated.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "sse/frame.h"
#include "sse/unframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
	REPEATS = 64,                 /* so that small inputs reach frames of several records */
	TEXT_MAX = 2 * SSE_FRAME_MAX, /* bytes: what is longer is no other case, and takes seconds */
};

/* Takes the next text off the input, repeated; never a line break, which no JSON of the database holds. */
static void
take_text(struct es_text *text, const uint8_t **bytes, size_t *size, size_t repeats, bool one_line)
{
	const uint8_t *end = *size == 0 ? NULL : memchr(*bytes, '\0', *size);
	const size_t length = end == NULL ? *size : (size_t)(end - *bytes);

	for (size_t i = 0; i < repeats && text->size + length <= TEXT_MAX; i++)
		es_text_add(text, *bytes, length);
	for (size_t i = 0; one_line && i < text->size; i++)
		if (text->bytes[i] == '\n' || text->bytes[i] == '\r')
			text->bytes[i] = ' ';
	*bytes += length;
	*size -= length;
	if (*size > 0) {
		(*bytes)++;
		(*size)--;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_text_ struct es_text actor = ES_TEXT_INIT;
	_cleanup_text_ struct es_text type = ES_TEXT_INIT;
	_cleanup_text_ struct es_text data = ES_TEXT_INIT;
	_cleanup_text_ struct es_text frame = ES_TEXT_INIT;

	if (size < 2)
		return 0;
	const size_t few = bytes[0] % REPEATS;
	const size_t many = bytes[1] * (size_t)REPEATS;
	bytes += 2;
	size -= 2;
	take_text(&actor, &bytes, &size, few, false);
	take_text(&type, &bytes, &size, 1, false);
	take_text(&data, &bytes, &size, many, true);

	const struct sse_event event = {
		.version = 58,
		.id = "i",
		.type = type.bytes,
		.actor = actor.bytes,
		.data = data.bytes,
	};
	sse_frame_event(&frame, &event, "0123abcd");
	if (es_text_failed(&frame))
		return 0;
	struct unframed got = unframe(frame.bytes, frame.size);
	const char *output = got.output.bytes;
	const bool reset = strncmp(output, "event: reset\n", 13) == 0;
	const char *first = strstr(output, "\n\n");
	if (!got.whole || got.ended || (!reset && strncmp(output, "id: 58\ndata: {", 14) != 0))
		abort();
	/* the blank line that ends the frame is its last, and no other line was smuggled in */
	if (first == NULL || first + 2 != output + got.output.size || strlen(output) != got.output.size)
		abort();
	if (!reset && strchr(strchr(output, '\n') + 1, '\n') != first)
		abort();
	if (strchr(output, '\r') != NULL)
		abort();
	if (got.output.size > SSE_FRAME_MAX)
		abort();
	es_text_done(&got.output);
	return 0;
}
