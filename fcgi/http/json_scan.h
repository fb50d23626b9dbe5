/*
 * http/json_scan.h - the words of JSON: strings, numbers, true, false and null.  Private to this folder.
 *
 * All functions that can fail give ES_INVALID with what is wrong and at which byte, or ES_FAILED for want of memory.
 */
#ifndef HTTP_JSON_SCAN_H
#define HTTP_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "event/result.h"

struct http_json_scan {
	const char *start;
	const char *at;
	const char *end;
	struct es_error *error; /* borrowed */

	/* Names written with escapes, decoded one after the other; as large as the input, so it never moves.  Freed by
	 * the owner of the scan. */
	char *decoded;
	size_t decoded_size;
};

/* The name of a member, decoded.  Borrowed from the input or from decoded. */
struct http_json_name {
	const char *bytes;
	size_t size;
	size_t position; /* of its first byte in the input, for the error */
};

/* Says what is wrong and where; always ES_INVALID. */
enum es_result http_json_refuse(struct http_json_scan *scan, const char *where, const char *what);

/* Always ES_FAILED. */
enum es_result http_json_no_memory(struct http_json_scan *scan);

void http_json_skip_blanks(struct http_json_scan *scan);

/* The next byte, or -1 at the end. */
int http_json_peek(const struct http_json_scan *scan);

/* Moves on if the next byte is this one; else false. */
bool http_json_skip(struct http_json_scan *scan, char byte);

/*
 * A string; the scan is at its opening quote.  With ret_name it is also handed out, decoded: as it stands in the input
 * where it has no escape, else copied to decoded.
 */
enum es_result http_json_scan_string(struct http_json_scan *scan, struct http_json_name *ret_name);

/* A number; the scan is at its sign or first digit. */
enum es_result http_json_scan_number(struct http_json_scan *scan);

/* true, false or null; anything else is refused, as what stands where a value should. */
enum es_result http_json_scan_word(struct http_json_scan *scan);

#endif
