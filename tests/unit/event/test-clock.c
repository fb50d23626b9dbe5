#include "event/clock.h"

#include <limits.h>

#include "tap.h"

static void
test_format(void)
{
	static const struct {
		int64_t time;
		const char *text;
	} times[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -ES_SECOND, "1969-12-31T23:59:59.000000Z" },
		{ -ES_SECOND - 1, "1969-12-31T23:59:58.999999Z" },
		{ 1795502876123456, "2026-11-24T06:47:56.123456Z" },
		{ 951782400 * ES_SECOND, "2000-02-29T00:00:00.000000Z" },
		{ 253402300799 * ES_SECOND + 999999, "9999-12-31T23:59:59.999999Z" },
	};
	char text[ES_TIME_TEXT_SIZE];

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		is_string(es_time_format(times[i].time, text), times[i].text, times[i].text);
}

static void
test_timeout(void)
{
	const int64_t now = es_clock_monotonic();

	is_int(es_clock_poll_timeout(now - 1), 0, "a deadline that has passed");
	is_int(es_clock_poll_timeout(0), 0, "one long ago");
	is_int(es_clock_poll_timeout(INT64_MAX), INT_MAX, "one that never comes");
	const int timeout = es_clock_poll_timeout(es_clock_monotonic() + 60 * ES_SECOND);
	ok(timeout > 59000 && timeout <= 60000, "a minute is %d ms", timeout);
	/* rounded down, a poll would end before its deadline and be called again and again */
	const int64_t deadline = es_clock_monotonic() + 60 * ES_SECOND + 1;
	const int rounded = es_clock_poll_timeout(deadline);
	ok(es_clock_monotonic() + rounded * ES_MILLISECOND >= deadline, "what is left is rounded up");
}

static void
test_jitter(void)
{
	enum { MOST = 3, DRAWS = 400 };
	int drawn[MOST + 1] = { 0 };
	int outside = 0;

	is_int(es_clock_jitter(0), 0, "of nothing nothing is drawn");
	ok(es_clock_jitter(INT64_MAX) >= 0, "the longest is no overflow");
	for (int i = 0; i < DRAWS; i++) {
		const int64_t number = es_clock_jitter(MOST);
		if (number < 0 || number > MOST)
			outside++;
		else
			drawn[number]++;
	}
	is_int(outside, 0, "nothing lies outside");
	/* that one of four is never drawn in 400 has a probability of 4 * 0.75^400, below 10^-48 */
	for (int number = 0; number <= MOST; number++)
		ok(drawn[number] > 0, "%d is drawn", number);
}

int
main(void)
{
	test_format();
	test_timeout();
	test_jitter();
	const int64_t before = es_clock_monotonic();
	ok(es_clock_monotonic() >= before, "the monotonic clock does not go back");
	ok(es_clock_wall() > INT64_C(1700000000) * ES_SECOND, "the wall clock is past 2023");
	return done_testing();
}
