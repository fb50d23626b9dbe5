/*
 * tests/bench/stream.h - an event stream as its client sees it: HTTP and server-sent events, taken apart as they come.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STREAM_LINE_SIZE = 512, /* bytes kept of a line: ids, names and marks come early */
};

/* One frame, or what follows "retry:".  Numbers that are absent are negative. */
struct stream_frame {
	int64_t id;      /* where the id is a version; of a head or reset, the version in its data */
	int64_t mark;    /* the number between two # in the data: what the publisher counted */
	bool is_event;   /* it has data and no name */
	bool is_head;    /* "event: head" */
	bool is_reset;   /* "event: reset" */
	bool is_comment; /* nothing but a comment */
};

enum stream_part { STREAM_STATUS, STREAM_HEADERS, STREAM_SIZE, STREAM_CONTENT, STREAM_CONTENT_END, STREAM_OVER };

/* Start from STREAM_INIT. */
struct stream {
	enum stream_part part;
	bool is_chunked;
	size_t content_left; /* bytes of this chunk, or of all the content */
	size_t line_size;    /* bytes kept of a line whose end has not come */
	struct stream_frame frame;
	int64_t retry; /* milliseconds, as the server last said; negative: never */
	char line[STREAM_LINE_SIZE];
};

#define STREAM_NO_FRAME              \
	(struct stream_frame)        \
	{                            \
		.id = -1, .mark = -1 \
	}
#define STREAM_INIT                                   \
	(struct stream)                               \
	{                                             \
		.frame = STREAM_NO_FRAME, .retry = -1 \
	}

typedef void stream_taker(void *taker, const struct stream_frame *frame);

/* Takes bytes apart; each whole frame goes to take.  False: it is no event stream, or has ended in good order. */
bool stream_read(struct stream *stream, const char *bytes, size_t size, stream_taker *take, void *taker);

#endif
