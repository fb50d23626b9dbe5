#include "sse/frame.h"

#include <string.h>

#include "event/cleanup.h"
#include "tap.h"
#include "unframe.h"

#define LOG "0123abcd"

/* The output inside the records of text, which must be whole. */
static struct unframed
read_back(const struct es_text *text)
{
	return unframe(text->bytes, text->size);
}

static void
test_event(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	const struct sse_event event = {
		.version = 58,
		.position = 1203,
		.base = 57,
		.recorded_at = INT64_C(1795502876123456),
		.id = "0190d3a0-0000-7000-8000-000000000001",
		.type = "item-appended",
		.data = "{\"content\": \"a \\\"b\\\" {c: d}\"}",
		.changes = "[{\"key\" : \"k\", \"value\" : {\"n\": 1}, \"origin\" : 58}]",
	};

	sse_frame_event(&text, &event, LOG);
	struct unframed got = read_back(&text);
	ok(got.whole && !got.ended, "an event is whole records and does not end the request");
	is_int(got.records, 1, "a small event is one record");
	is_string(got.output.bytes,
	          "id: 58\n"
	          "data: {\"version\":58,\"position\":1203,\"id\":\"0190d3a0-0000-7000-8000-000000000001\","
	          "\"type\":\"item-appended\",\"data\":{\"content\":\"a \\\"b\\\" {c: d}\"},\"base\":57,"
	          "\"actor\":null,\"command_id\":null,\"recorded_at\":\"2026-11-24T06:47:56.123456Z\","
	          "\"changes\":[{\"key\":\"k\",\"value\":{\"n\":1},\"origin\":58}]}\n\n",
	          "with every member, compact, on one line");
	es_text_done(&got.output);
}

static void
test_nulls_and_escapes(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	const struct sse_event event = {
		.version = 1,
		.id = "i",
		.type = "t",
		.data = "{}",
		.actor = "An\"na\n",
		.command_id = "c",
	};

	sse_frame_event(&text, &event, LOG);
	struct unframed got = read_back(&text);
	ok(strstr(got.output.bytes, "\"actor\":\"An\\\"na\\n\",\"command_id\":\"c\"") != NULL,
	   "an actor is escaped, so it cannot end the line");
	ok(strstr(got.output.bytes, "\"changes\":null}\n\n") != NULL, "changes that are not sent are null");
	is_int(strcspn(strchr(got.output.bytes, '\n') + 1, "\n"), got.output.size - strlen("id: 1\n") - 2,
	       "the data is one line");
	es_text_done(&got.output);
}

/* A frame whose data is a string of this many bytes. */
static void
add_sized(struct es_text *text, size_t size)
{
	_cleanup_text_ struct es_text data = ES_TEXT_INIT;

	es_text_add(&data, "\"", 1);
	for (size_t i = 0; i < size; i++)
		es_text_add(&data, &"0123456789"[i % 10], 1);
	es_text_add(&data, "\"", 1);
	const struct sse_event event = { .version = 7, .id = "i", .type = "t", .data = data.bytes };
	sse_frame_event(text, &event, LOG);
}

static size_t
overhead(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;

	add_sized(&text, 0);
	return text.size - SSE_RECORD_HEADER;
}

static void
test_spanning(void)
{
	static const struct {
		size_t content;
		int records;
		const char *name;
	} cases[] = {
		{ SSE_RECORD_MAX - 1, 1, "one byte less than a record" },
		{ SSE_RECORD_MAX, 1, "exactly a record" },
		{ SSE_RECORD_MAX + 1, 2, "one byte more than a record" },
		{ (size_t)2 * SSE_RECORD_MAX, 2, "exactly two records" },
		{ (size_t)2 * SSE_RECORD_MAX + 1, 3, "one byte more than two" },
		{ (size_t)4 * SSE_RECORD_MAX - 100, 4, "almost four records" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_text_ struct es_text text = ES_TEXT_INIT;
		const size_t size = cases[i].content - overhead();
		es_text_add_string(&text, "before"); /* frames are added to what is there */
		add_sized(&text, size);
		struct unframed got = unframe(text.bytes + 6, text.size - 6);
		ok(memcmp(text.bytes, "before", 6) == 0 && got.whole && got.output.size == cases[i].content,
		   "a frame of %s comes back whole", cases[i].name);
		is_int(got.records, cases[i].records, "in as many records as it needs");
		const char *digits = strstr(got.output.bytes, "\"data\":\"") + strlen("\"data\":\"");
		size_t right = 0;
		while (right < size && digits[right] == (char)('0' + right % 10))
			right++;
		is_int(right, size, "with every byte in its place");
		es_text_done(&got.output);
	}
}

static void
test_too_large(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	const struct sse_event unsent = { .version = 9, .id = "i", .type = "t" };

	add_sized(&text, SSE_FRAME_MAX - overhead() - SSE_RECORD_HEADER);
	struct unframed got = read_back(&text);
	ok(strncmp(got.output.bytes, "id: 7\n", 6) == 0, "the largest event is sent");
	es_text_done(&got.output);

	es_text_clear(&text);
	add_sized(&text, SSE_FRAME_MAX - overhead() - SSE_RECORD_HEADER + 1);
	got = read_back(&text);
	is_string(got.output.bytes, "event: reset\nid: 7\ndata: {\"version\":7,\"log\":\"" LOG "\"}\n\n",
	          "a larger one becomes a reset at its version");
	ok(got.whole, "in a whole record");
	es_text_done(&got.output);

	es_text_clear(&text);
	sse_frame_event(&text, &unsent, LOG);
	got = read_back(&text);
	is_string(got.output.bytes, "event: reset\nid: 9\ndata: {\"version\":9,\"log\":\"" LOG "\"}\n\n",
	          "and so does one whose data was not even read");
	es_text_done(&got.output);
}

static void
test_small(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;

	sse_frame_start(&text, 1234);
	ok(text.size <= SSE_SMALL_MAX, "the header lines are a small frame");
	sse_frame_head(&text, 3, LOG);
	sse_frame_comment(&text);
	sse_frame_end(&text);
	struct unframed got = read_back(&text);
	ok(got.whole && got.ended, "a stream of records ends with END_REQUEST");
	is_string(got.output.bytes,
	          "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n\r\n"
	          "retry: 1234\n\nevent: head\ndata: {\"version\":3,\"log\":\"" LOG "\"}\n\n:\n\n",
	          "header lines, retry, a head without id, a comment");
	es_text_done(&got.output);

	es_text_clear(&text);
	sse_frame_reset(&text, INT64_MAX, "0123456789abcdef");
	ok(text.size <= SSE_SMALL_MAX, "the longest reset is a small frame");
}

int
main(void)
{
	test_event();
	test_nulls_and_escapes();
	test_spanning();
	test_too_large();
	test_small();
	return done_testing();
}
