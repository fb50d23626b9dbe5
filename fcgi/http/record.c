#include "http/record.h"

enum {
	VERSION = 1,
	RESPONDER = 1,
	BEGIN_BODY_SIZE = 8,
	BODY_RECORD_SIZE = 65528, /* content of a full record: a multiple of 8, as FastCGI advises */
};

/* The record types of a request and its reply. */
enum {
	BEGIN_REQUEST = 1,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
};

/*
 * A record's header is complete: checks it and says what must come next.  BEGIN_REQUEST, then PARAMS up to an empty
 * one, then STDIN up to an empty one.
 */
static bool
accept_header(struct http_scan *scan)
{
	const unsigned char *header = scan->header;
	const int type = header[1];
	const unsigned id = (unsigned)header[2] << 8 | header[3];
	const size_t content = (size_t)header[4] << 8 | header[5];
	const int expected = scan->expected == 0 ? BEGIN_REQUEST : scan->expected;

	if (header[0] != VERSION || type != expected)
		return false;
	if (type == BEGIN_REQUEST ? id == 0 || content != BEGIN_BODY_SIZE : id != scan->id)
		return false;
	scan->id = id;
	scan->content_left = content;
	scan->padding_left = header[6];
	if (type == BEGIN_REQUEST) {
		scan->expected = PARAMS;
	} else if (type == PARAMS) {
		scan->params_size += content;
		if (content == 0)
			scan->expected = STDIN;
	} else {
		scan->stdin_size += content;
		scan->last = content == 0;
	}
	return scan->params_size <= HTTP_PARAMS_SIZE_MAX;
}

static bool
is_begin(const struct http_scan *scan)
{
	return scan->header[1] == BEGIN_REQUEST;
}

static size_t
smaller(size_t one, size_t other)
{
	return one < other ? one : other;
}

enum http_scan_state
http_scan_take(struct http_scan *scan, const void *bytes, size_t size, size_t *ret_taken)
{
	const unsigned char *first = bytes;
	const unsigned char *at = first;
	const unsigned char *end = first + size;

	while (at < end) {
		if (scan->header_size < HTTP_RECORD_HEADER_SIZE) {
			scan->header[scan->header_size++] = *at++;
			if (scan->header_size < HTTP_RECORD_HEADER_SIZE)
				continue;
			if (!accept_header(scan))
				return HTTP_SCAN_REFUSED;
		}
		if (is_begin(scan) && scan->content_left > 0) {
			/* The body of BEGIN_REQUEST begins with the role, in two bytes. */
			const size_t offset = BEGIN_BODY_SIZE - scan->content_left;
			if (at == end)
				break;
			if ((offset == 0 && *at != 0) || (offset == 1 && *at != RESPONDER))
				return HTTP_SCAN_REFUSED;
			at++;
			scan->content_left--;
			if (scan->content_left > 0)
				continue;
		}
		size_t step = smaller(scan->content_left, (size_t)(end - at));
		scan->content_left -= step;
		at += step;
		step = smaller(scan->padding_left, (size_t)(end - at));
		if (scan->content_left == 0) {
			scan->padding_left -= step;
			at += step;
		}
		if (scan->content_left == 0 && scan->padding_left == 0) {
			scan->header_size = 0;
			if (scan->last) {
				*ret_taken = (size_t)(at - first);
				return HTTP_SCAN_WHOLE;
			}
		}
	}
	*ret_taken = size;
	return HTTP_SCAN_MORE;
}

static void
add_header(struct es_text *text, unsigned type, unsigned id, size_t size)
{
	const unsigned char header[HTTP_RECORD_HEADER_SIZE] = {
		VERSION,           (unsigned char)type,        (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(size >> 8), (unsigned char)size,
	};

	es_text_add(text, header, sizeof header);
}

/* bytes as as many STDOUT records as they need; none for no bytes, because an empty one would end the stream. */
static void
add_output(struct es_text *text, unsigned id, const char *bytes, size_t size)
{
	while (size > 0) {
		const size_t step = smaller(size, BODY_RECORD_SIZE);
		add_header(text, STDOUT, id, step);
		es_text_add(text, bytes, step);
		bytes += step;
		size -= step;
	}
}

void
http_record_reply(struct es_text *text, unsigned id, const struct es_text *head, const char *body, size_t size)
{
	static const unsigned char completed[8] = { 0 }; /* status 0, FCGI_REQUEST_COMPLETE, reserved */

	if (head->size + size <= BODY_RECORD_SIZE) {
		add_header(text, STDOUT, id, head->size + size);
		es_text_add(text, head->bytes, head->size);
		es_text_add(text, body, size);
	} else {
		add_output(text, id, head->bytes, head->size);
		add_output(text, id, body, size);
	}
	add_header(text, STDOUT, id, 0);
	add_header(text, END_REQUEST, id, sizeof completed);
	es_text_add(text, completed, sizeof completed);
}
