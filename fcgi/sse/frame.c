#include "sse/frame.h"

#include <string.h>

#include "event/clock.h"

enum {
	FCGI_VERSION = 1,
	FCGI_END_REQUEST = 3,
	FCGI_STDOUT = 6,
	REQUEST_ID = 1, /* nginx never uses another, and one that does is not let in */
};

static void
write_header(char *header, unsigned char type, size_t size)
{
	const unsigned char bytes[SSE_RECORD_HEADER] = {
		FCGI_VERSION, type, 0, REQUEST_ID, (unsigned char)(size >> 8), (unsigned char)(size & 0xFF), 0, 0,
	};

	memcpy(header, bytes, sizeof bytes);
}

static void
add_header(struct es_text *text, unsigned char type, size_t size)
{
	char header[SSE_RECORD_HEADER];

	write_header(header, type, size);
	es_text_add(text, header, sizeof header);
}

/* Leaves room for the header of a record whose content follows; close_record fills it in. */
static size_t
open_record(struct es_text *text)
{
	const size_t begin = text->size;

	add_header(text, FCGI_STDOUT, 0);
	return begin;
}

/* Gives the content since begin its header, or, if it is longer than one record, a header for each piece. */
static void
close_record(struct es_text *text, size_t begin)
{
	if (es_text_failed(text))
		return;
	const size_t size = text->size - begin - SSE_RECORD_HEADER;
	const size_t pieces = size == 0 ? 1 : (size + SSE_RECORD_MAX - 1) / SSE_RECORD_MAX;

	for (size_t i = 1; i < pieces; i++)
		add_header(text, FCGI_STDOUT, 0);
	if (es_text_failed(text))
		return;
	/* from the last piece to the first, each moves up by the headers that come before it */
	for (size_t i = pieces; i-- > 0;) {
		const size_t offset = i * SSE_RECORD_MAX;
		const size_t piece = size - offset < SSE_RECORD_MAX ? size - offset : SSE_RECORD_MAX;
		char *content = text->bytes + begin + SSE_RECORD_HEADER + offset;
		char *header = content - SSE_RECORD_HEADER + i * SSE_RECORD_HEADER;
		memmove(header + SSE_RECORD_HEADER, content, piece);
		write_header(header, FCGI_STDOUT, piece);
	}
}

static void
add_member(struct es_text *text, const char *name, const char *string_or_null)
{
	es_text_add_string(text, name);
	if (string_or_null == NULL)
		es_text_add_string(text, "null");
	else
		es_text_add_json(text, string_or_null);
}

static void
add_number(struct es_text *text, const char *name, int64_t number)
{
	es_text_add_string(text, name);
	es_text_add_int64(text, number);
}

void
sse_frame_event(struct es_text *text, const struct sse_event *event, const char *log)
{
	char recorded_at[ES_TIME_TEXT_SIZE];
	const size_t begin = open_record(text);

	if (event->data != NULL) {
		add_number(text, "id: ", event->version);
		add_number(text, "\ndata: {\"version\":", event->version);
		add_number(text, ",\"position\":", event->position);
		add_member(text, ",\"id\":", event->id);
		add_member(text, ",\"type\":", event->type);
		es_text_add_string(text, ",\"data\":");
		es_text_add_compact(text, event->data);
		add_number(text, ",\"base\":", event->base);
		add_member(text, ",\"actor\":", event->actor);
		add_member(text, ",\"command_id\":", event->command_id);
		add_member(text, ",\"recorded_at\":", es_time_format(event->recorded_at, recorded_at));
		es_text_add_string(text, ",\"changes\":");
		es_text_add_compact(text, event->changes == NULL ? "null" : event->changes);
		es_text_add_string(text, "}\n\n");
	}
	if (event->data == NULL || text->size - begin > SSE_FRAME_MAX) {
		if (!es_text_failed(text))
			text->size = begin;
		sse_frame_reset(text, event->version, log);
		return;
	}
	close_record(text, begin);
}

static void
add_log(struct es_text *text, int64_t version, const char *log)
{
	add_number(text, "data: {\"version\":", version);
	add_member(text, ",\"log\":", log);
	es_text_add_string(text, "}\n\n");
}

void
sse_frame_head(struct es_text *text, int64_t version, const char *log)
{
	const size_t begin = open_record(text);

	es_text_add_string(text, "event: head\n");
	add_log(text, version, log);
	close_record(text, begin);
}

void
sse_frame_reset(struct es_text *text, int64_t version, const char *log)
{
	const size_t begin = open_record(text);

	add_number(text, "event: reset\nid: ", version);
	es_text_add_string(text, "\n");
	add_log(text, version, log);
	close_record(text, begin);
}

void
sse_frame_comment(struct es_text *text)
{
	sse_frame_output(text, ":\n\n", 3);
}

void
sse_frame_start(struct es_text *text, int64_t retry)
{
	const size_t begin = open_record(text);

	/* X-Accel-Buffering: no location of nginx can forget to send each event on at once */
	es_text_add_string(text, "Content-Type: text/event-stream\r\n"
	                         "Cache-Control: no-store\r\n"
	                         "X-Accel-Buffering: no\r\n\r\n");
	add_number(text, "retry: ", retry);
	es_text_add_string(text, "\n\n");
	close_record(text, begin);
}

void
sse_frame_output(struct es_text *text, const char *bytes, size_t size)
{
	const size_t begin = open_record(text);

	es_text_add(text, bytes, size);
	close_record(text, begin);
}

void
sse_frame_end(struct es_text *text)
{
	static const char complete[8]; /* application status 0, protocol status "request complete" */

	add_header(text, FCGI_STDOUT, 0);
	add_header(text, FCGI_END_REQUEST, sizeof complete);
	es_text_add(text, complete, sizeof complete);
}
