/*
 * http/record.h - the records of FastCGI 1.0: finding where a request ends, and framing a reply.
 *
 * libfcgi decodes requests, but it blocks on a half-sent one, takes a truncated one for whole, takes some padding for
 * records, and a repeated name in a management record overruns its stack.  So the scan looks at the frames first, and
 * libfcgi only ever sees one whole, well-formed request.
 */
#ifndef HTTP_RECORD_H
#define HTTP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/text.h"

enum {
	HTTP_RECORD_HEADER_SIZE = 8,
	HTTP_PARAMS_SIZE_MAX = 131072, /* bytes: nginx takes 32 KiB of header lines (large_client_header_buffers) */
};

enum http_scan_state {
	HTTP_SCAN_MORE,    /* the request goes on */
	HTTP_SCAN_WHOLE,   /* its last byte was the last one taken */
	HTTP_SCAN_REFUSED, /* not a request that we answer: close the connection */
};

/* Where in a request we are.  Plain data; start from { 0 }. */
struct http_scan {
	unsigned id;         /* the request's, 1 to 65535 */
	size_t params_size;  /* bytes of parameters, framing not counted */
	uint64_t stdin_size; /* bytes of body, framing not counted */

	/* The record in hand. */
	unsigned char header[HTTP_RECORD_HEADER_SIZE];
	size_t header_size;  /* bytes of it that are there */
	size_t content_left; /* bytes of the record's content still to come */
	size_t padding_left; /* and of its padding */
	int expected;        /* the type the next record must have; 0: BEGIN_REQUEST */
	bool last;           /* the record is the empty STDIN that ends the request */

	/* The parameter in hand, which may stretch over records. */
	size_t length;   /* of its name, or of its value, as far as known */
	int length_left; /* bytes of that length still to come */
	bool has_name;   /* name_size is known, the length is the value's */
	size_t name_size;
	size_t pair_left; /* bytes of name and value still to come */
};

/*
 * Takes bytes as they come, in any pieces, up to the end of the request; *ret_taken says how many that were (always
 * all of them for HTTP_SCAN_MORE).
 */
enum http_scan_state http_scan_take(struct http_scan *scan, const void *bytes, size_t size, size_t *ret_taken);

/*
 * Adds a whole reply: head and body as STDOUT records (a single one where they fit), the end of STDOUT, and
 * END_REQUEST with status 0.
 */
void http_record_reply(struct es_text *text, unsigned id, const struct es_text *head, const char *body, size_t size);

/*
 * Adds what asks nginx to close a connection that it keeps: an empty STDERR record.  nginx closes an idle connection on
 * which anything arrives, and one whose reply has something behind it; and where a request crosses the record, nginx
 * skips it and reads on, for the reply.  So no request is lost, as it may be when the application closes first.
 */
void http_record_farewell(struct es_text *text, unsigned id);

#endif
