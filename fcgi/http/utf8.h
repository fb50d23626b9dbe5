/*
 * http/utf8.h - is it UTF-8 (RFC 3629)?
 *
 * No overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef HTTP_UTF8_H
#define HTTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes (1 to 4) of the well-formed sequence that bytes begins with; 0 where there is none. */
size_t http_utf8_sequence(const char *bytes, size_t size);

bool http_utf8_valid(const char *bytes, size_t size);

#endif
