/*
 * http/json.h - strict JSON.
 *
 * json-c alone accepts duplicate names, NaN, bad UTF-8 and clamps large integers, so our own scanner checks the bytes
 * first: grammar of RFC 8259, UTF-8, paired surrogates, no U+0000, depth, how many values, no duplicate names, integers
 * within +-(2^53 - 1), other numbers finite as a double.
 */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include <stddef.h>

#include "event/result.h"

struct json_object;

enum {
	HTTP_JSON_DEPTH_MAX = 32,        /* nested arrays and objects; json-c's own default, bounds its recursion */
	HTTP_JSON_NUMBER_SIZE_MAX = 400, /* bytes of one number: the longest double written out has 309 digits */
	HTTP_JSON_VALUES_MAX = 16384,    /* at all levels: a value of two bytes takes json-c up to a KiB of memory */
};

/*
 * Checks bytes (at most INT_MAX).  ES_INVALID says what is wrong and at which byte, counted from 0.  Time grows as
 * n log n, memory with the number of members.
 */
ES_MUST_CHECK enum es_result http_json_check(const char *bytes, size_t size, struct es_error *error);

/* Checks, then parses.  *ret_value is new (json_object_put); JSON null is refused, so it is never NULL on ES_OK. */
ES_MUST_CHECK enum es_result http_json_parse(const char *bytes, size_t size, struct json_object **ret_value,
                                             struct es_error *error);

#endif
