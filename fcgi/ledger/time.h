/*
 * ledger/time.h - times in requests.
 */
#ifndef LEDGER_TIME_H
#define LEDGER_TIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A date-time of RFC 3339 as microseconds since 1970; finer digits are cut off.  A leap second counts as the second
 * after it.  False for anything else.
 */
bool ledger_time_parse(const char *text, int64_t *ret_time);

#endif
