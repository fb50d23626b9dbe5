/*
 * http/number.h - numbers in requests, read strictly.
 */
#ifndef HTTP_NUMBER_H
#define HTTP_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A decimal integer written the one canonical way: no plus, no blanks, no leading zeros, no "-0".  False, and
 * *ret_number untouched, for anything else or outside min ... max.  text may be NULL (false).
 */
bool http_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_number);

#endif
