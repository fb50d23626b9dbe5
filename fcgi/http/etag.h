/*
 * http/etag.h - lists of entity tags, as If-Match and If-None-Match carry them (RFC 9110, section 8.8.3).
 */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include <stdbool.h>
#include <stddef.h>

/* One entry of a list.  text points into the list and is not NUL-terminated. */
struct http_tag {
	const char *text; /* between the quotes: 57-log for W/"57-log"; "*" as it stands */
	size_t size;      /* in bytes */
	bool weak;        /* written with W/ */
	bool any;         /* the entry is *, which must stand alone */
};

/*
 * Takes the next entry off a list: start with *cursor at the header's value and call until it answers false.  Then
 * *cursor is at the final NUL, or, where the list does not parse, at what is wrong: "**cursor != '\0'" means 400.
 * An empty list (no entry at all) is the caller's to judge.
 */
bool http_tag_next(const char **cursor, struct http_tag *ret_tag);

/*
 * Whether the list of an If-None-Match names tag, given as an ETag is written ("57-log" with its quotes, W/ or not):
 * weak comparison; * names every tag; a list that does not parse names none.
 */
bool http_tag_listed(const char *list, const char *tag);

#endif
