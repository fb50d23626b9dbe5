#include "ledger/time.h"

#include <ctype.h>
#include <time.h>

#include "event/clock.h"

/* Reads exactly count digits and moves on; -1 where they are not there. */
static int
digits(const char **text, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return -1;
		number = number * 10 + (**text - '0');
	}
	return number;
}

static bool
skip(const char **text, char expected)
{
	if (**text != expected)
		return false;
	(*text)++;
	return true;
}

static bool
parse_date(const char **text, struct tm *parts)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	const int year = digits(text, 4);
	if (year < 0 || !skip(text, '-'))
		return false;
	const int month = digits(text, 2);
	if (month < 1 || month > 12 || !skip(text, '-'))
		return false;
	const int day = digits(text, 2);
	const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day < 1 || day > days[month - 1] + (month == 2 && leap ? 1 : 0))
		return false;
	parts->tm_year = year - 1900;
	parts->tm_mon = month - 1;
	parts->tm_mday = day;
	return true;
}

static bool
parse_clock(const char **text, struct tm *parts)
{
	parts->tm_hour = digits(text, 2);
	if (parts->tm_hour < 0 || parts->tm_hour > 23 || !skip(text, ':'))
		return false;
	parts->tm_min = digits(text, 2);
	if (parts->tm_min < 0 || parts->tm_min > 59 || !skip(text, ':'))
		return false;
	parts->tm_sec = digits(text, 2);
	return parts->tm_sec >= 0 && parts->tm_sec <= 60;
}

/* ".123456": as many digits as there are, six of them kept. */
static bool
parse_fraction(const char **text, int64_t *ret_microseconds)
{
	int64_t scale = ES_SECOND / 10;

	*ret_microseconds = 0;
	if (!skip(text, '.'))
		return true;
	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); (*text)++, scale /= 10)
		*ret_microseconds += (**text - '0') * scale;
	return true;
}

/* "Z" or "+02:00", in minutes east of UTC. */
static bool
parse_offset(const char **text, int *ret_minutes)
{
	const char sign = **text;

	*ret_minutes = 0;
	if (sign == 'Z' || sign == 'z') {
		(*text)++;
		return true;
	}
	if (sign != '+' && sign != '-')
		return false;
	(*text)++;
	const int hours = digits(text, 2);
	if (hours < 0 || hours > 23 || !skip(text, ':'))
		return false;
	const int minutes = digits(text, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	*ret_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
	return true;
}

bool
ledger_time_parse(const char *text, int64_t *ret_time)
{
	struct tm parts = { 0 };
	int64_t microseconds;
	int minutes;

	if (!parse_date(&text, &parts) || (!skip(&text, 'T') && !skip(&text, 't')) || !parse_clock(&text, &parts) ||
	    !parse_fraction(&text, &microseconds) || !parse_offset(&text, &minutes) || *text != '\0')
		return false;
	*ret_time = ((int64_t)timegm(&parts) - (int64_t)minutes * 60) * ES_SECOND + microseconds;
	return true;
}
