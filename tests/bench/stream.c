#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The number at the start of text; negative if there is none. */
static int64_t
number_at(const char *text)
{
	return *text >= '0' && *text <= '9' ? strtoll(text, NULL, 10) : -1;
}

/* Whether text starts with name; *ret_rest is then what follows. */
static bool
starts(const char *text, const char *name, const char **ret_rest)
{
	const size_t size = strlen(name);

	if (strncmp(text, name, size) != 0)
		return false;
	*ret_rest = text + size;
	return true;
}

static void
take_data(struct stream_frame *frame, const char *data)
{
	const char *rest;
	const char *mark = strchr(data, '#');

	frame->is_event = true;
	if (mark != NULL)
		frame->mark = number_at(mark + 1);
	if (starts(data, "{\"version\":", &rest) && frame->id < 0)
		frame->id = number_at(rest);
}

/* One line of the stream, without its end. */
static void
take_line(struct stream *stream, const char *line, stream_taker *take, void *taker)
{
	struct stream_frame *frame = &stream->frame;
	const char *rest;

	if (*line == '\0') {
		frame->is_event = frame->is_event && !frame->is_head && !frame->is_reset;
		if (frame->is_event || frame->is_head || frame->is_reset || frame->is_comment)
			take(taker, frame);
		*frame = STREAM_NO_FRAME;
	} else if (starts(line, "data: ", &rest)) {
		take_data(frame, rest);
	} else if (starts(line, "id: ", &rest)) {
		frame->id = number_at(rest);
	} else if (starts(line, "event: ", &rest)) {
		frame->is_head = strcmp(rest, "head") == 0;
		frame->is_reset = strcmp(rest, "reset") == 0;
	} else if (starts(line, "retry: ", &rest)) {
		stream->retry = number_at(rest);
	} else if (*line == ':') {
		frame->is_comment = true;
	}
}

/* Takes a line out of bytes if its end is there: true, and the line ends with a NUL in stream->line. */
static bool
next_line(struct stream *stream, const char **bytes, size_t *size)
{
	const char *end = memchr(*bytes, '\n', *size);
	const size_t length = end == NULL ? *size : (size_t)(end - *bytes);
	const size_t room = sizeof stream->line - 1 - stream->line_size;
	const size_t kept = length < room ? length : room;
	const size_t gone = end == NULL ? length : length + 1;

	memcpy(stream->line + stream->line_size, *bytes, kept);
	stream->line_size += kept;
	*bytes += gone;
	*size -= gone;
	if (end == NULL)
		return false;
	if (stream->line_size > 0 && stream->line[stream->line_size - 1] == '\r')
		stream->line_size--;
	stream->line[stream->line_size] = '\0';
	stream->line_size = 0;
	return true;
}

/* The line of a header in stream->line.  Content without a length or chunks ends with the connection. */
static void
take_header(struct stream *stream)
{
	static const char length[] = "Content-Length: ";

	if (strcasecmp(stream->line, "Transfer-Encoding: chunked") == 0)
		stream->is_chunked = true;
	if (strncasecmp(stream->line, length, sizeof length - 1) == 0)
		stream->content_left = (size_t)number_at(stream->line + sizeof length - 1);
	if (stream->line[0] != '\0')
		return;
	stream->part = stream->is_chunked ? STREAM_SIZE : STREAM_CONTENT;
	if (stream->is_chunked)
		stream->content_left = 0;
}

/* Lines and chunks end where they like: nginx sends whole frames in a chunk, but nothing says it must. */
static void
take_content(struct stream *stream, const char **bytes, size_t *size, stream_taker *take, void *taker)
{
	size_t here = *size < stream->content_left ? *size : stream->content_left;

	*size -= here;
	stream->content_left -= here;
	while (here > 0)
		if (next_line(stream, bytes, &here))
			take_line(stream, stream->line, take, taker);
	if (stream->content_left == 0)
		stream->part = stream->is_chunked ? STREAM_CONTENT_END : STREAM_OVER;
}

/* Between two chunks: byte by byte, because half a line of the content may lie in stream->line. */
static void
take_between(struct stream *stream, char byte)
{
	if (byte == '\r')
		return;
	if (byte == '\n' && stream->part == STREAM_CONTENT_END)
		stream->part = STREAM_SIZE;
	else if (byte == '\n')
		stream->part = stream->content_left == 0 ? STREAM_OVER : STREAM_CONTENT;
	else
		stream->content_left =
			stream->content_left * 16 + (size_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
}

bool
stream_read(struct stream *stream, const char *bytes, size_t size, stream_taker *take, void *taker)
{
	while (size > 0) {
		switch (stream->part) {
		case STREAM_STATUS:
			if (!next_line(stream, &bytes, &size))
				break;
			if (strncmp(stream->line, "HTTP/1.1 200 ", 13) != 0)
				return false;
			stream->part = STREAM_HEADERS;
			stream->content_left = SIZE_MAX;
			break;
		case STREAM_HEADERS:
			if (next_line(stream, &bytes, &size))
				take_header(stream);
			break;
		case STREAM_CONTENT:
			take_content(stream, &bytes, &size, take, taker);
			break;
		case STREAM_SIZE:
		case STREAM_CONTENT_END:
			take_between(stream, *bytes++);
			size--;
			break;
		case STREAM_OVER:
			return false;
		}
	}
	return stream->part != STREAM_OVER;
}
