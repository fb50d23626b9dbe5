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
	STDERR = 7,
};

static size_t
smaller(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* Whether the parameters may end here: not within a pair. */
static bool
is_between_pairs(const struct http_scan *scan)
{
	return scan->length_left == 0 && !scan->has_name && scan->pair_left == 0;
}

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
	/*
	 * libfcgi forgets the padding of a record that begins or ends something, and takes it for the next record, of
	 * any kind.  No web server pads these: they are aligned as they are.
	 */
	if (header[6] > 0 && (type == BEGIN_REQUEST || content == 0))
		return false;
	scan->id = id;
	scan->content_left = content;
	scan->padding_left = header[6];
	if (type == BEGIN_REQUEST) {
		scan->expected = PARAMS;
		return true;
	}
	if (type == PARAMS) {
		scan->params_size += content;
		if (content == 0)
			scan->expected = STDIN;
		return scan->params_size <= HTTP_PARAMS_SIZE_MAX && (content > 0 || is_between_pairs(scan));
	}
	scan->stdin_size += content;
	scan->last = content == 0;
	return true;
}

/* One byte of a name's or a value's length: it is alone, or the first of four and has its high bit set. */
static bool
take_length(struct http_scan *scan, unsigned byte)
{
	if (scan->length_left == 0) {
		scan->length = byte & 0x7F;
		scan->length_left = byte < 0x80 ? 0 : 3;
	} else {
		scan->length = scan->length << 8 | byte;
		scan->length_left--;
	}
	if (scan->length_left > 0)
		return true;
	if (scan->has_name)
		scan->pair_left = scan->name_size + scan->length;
	else
		scan->name_size = scan->length;
	scan->has_name = !scan->has_name;
	/* libfcgi would ask for the memory before it looks for the bytes. */
	return scan->length <= HTTP_PARAMS_SIZE_MAX;
}

static bool
take_params(struct http_scan *scan, const unsigned char *bytes, size_t size)
{
	const unsigned char *at = bytes;
	const unsigned char *end = bytes + size;

	while (at < end) {
		const size_t step = smaller(scan->pair_left, (size_t)(end - at));
		scan->pair_left -= step;
		at += step;
		if (at < end && !take_length(scan, *at++))
			return false;
	}
	return true;
}

/* The body of BEGIN_REQUEST begins with the role, in two bytes. */
static bool
take_begin(const struct http_scan *scan, const unsigned char *bytes, size_t size)
{
	const size_t offset = BEGIN_BODY_SIZE - scan->content_left;

	for (size_t at = 0; at < size; at++)
		if ((offset + at == 0 && bytes[at] != 0) || (offset + at == 1 && bytes[at] != RESPONDER))
			return false;
	return true;
}

/* The next bytes of the record's content. */
static bool
take_content(struct http_scan *scan, const unsigned char *bytes, size_t size)
{
	const int type = scan->header[1];

	if (type == BEGIN_REQUEST && !take_begin(scan, bytes, size))
		return false;
	if (type == PARAMS && !take_params(scan, bytes, size))
		return false;
	scan->content_left -= size;
	return true;
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
			if (scan->header_size == HTTP_RECORD_HEADER_SIZE && !accept_header(scan))
				return HTTP_SCAN_REFUSED;
		} else if (scan->content_left > 0) {
			const size_t step = smaller(scan->content_left, (size_t)(end - at));
			if (!take_content(scan, at, step))
				return HTTP_SCAN_REFUSED;
			at += step;
		} else {
			const size_t step = smaller(scan->padding_left, (size_t)(end - at));
			scan->padding_left -= step;
			at += step;
		}
		if (scan->header_size < HTTP_RECORD_HEADER_SIZE || scan->content_left > 0 || scan->padding_left > 0)
			continue;
		scan->header_size = 0;
		if (scan->last) {
			*ret_taken = (size_t)(at - first);
			return HTTP_SCAN_WHOLE;
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

void
http_record_farewell(struct es_text *text, unsigned id)
{
	add_header(text, STDERR, id, 0);
}
