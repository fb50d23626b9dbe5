#include "http/number.h"

#include <stddef.h>

bool
http_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
	if (text == NULL)
		return false;
	const bool negative = *text == '-';
	const char *at = negative ? text + 1 : text;
	if (at[0] == '0' && (at[1] != '\0' || negative))
		return false;

	/* Counted downwards, because the negative half holds one number more. */
	int64_t number = 0;
	do {
		if (*at < '0' || *at > '9')
			return false;
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_sub_overflow(number, *at - '0', &number))
			return false;
		at++;
	} while (*at != '\0');
	if (!negative && __builtin_sub_overflow(0, number, &number))
		return false;
	if (number < min || number > max)
		return false;
	*ret_number = number;
	return true;
}
