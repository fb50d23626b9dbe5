#include "event/clock.h"

#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static int64_t
read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * ES_SECOND + now.tv_nsec / 1000;
}

int64_t
es_clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
es_clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

char *
es_time_format(int64_t time, char text[static ES_TIME_TEXT_SIZE])
{
	int64_t microseconds = time % ES_SECOND;
	struct tm parts;

	if (microseconds < 0)
		microseconds += ES_SECOND;
	const time_t seconds = (time_t)((time - microseconds) / ES_SECOND);
	gmtime_r(&seconds, &parts);
	const size_t length = strftime(text, ES_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, ES_TIME_TEXT_SIZE - length, ".%06dZ", (int)microseconds);
	return text;
}

int
es_clock_poll_timeout(int64_t deadline)
{
	const int64_t left = deadline - es_clock_monotonic();

	if (left <= 0)
		return 0;
	if (left > (int64_t)INT_MAX * ES_MILLISECOND - ES_MILLISECOND)
		return INT_MAX;
	return (int)((left + ES_MILLISECOND - 1) / ES_MILLISECOND);
}

int64_t
es_clock_jitter(int64_t most)
{
	uint64_t random;

	/* so few bytes come at once, and never fail once the kernel has its seed: man 2 getrandom */
	while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		;
	return (int64_t)(random % ((uint64_t)most + 1));
}
