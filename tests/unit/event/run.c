#include "run.h"

#include <stdio.h>
#include <string.h>

const char *const property_names[PROPERTIES] = {
	[ANSWERS] = "each request is answered as the model says, in order, with dense versions",
	[POSITIONS] = "positions are dense, and rise within each stream",
	[REPEATS] = "a key sent again has the first answer",
	[STATES] = "the state at every version",
	[LIVE] = "the number of facts at the head",
	[ACTIVE] = "events in pages, both ways, with their base and whether they are active",
	[TYPES] = "pages of one type of events",
	[DIFFERENCES] = "the differences of two states",
	[CHANGES] = "S(v - 1) and the changes of v are S(v)",
};

/* xorshift64*: the same numbers for the same seed everywhere. */
static uint64_t
next_random(struct run *run)
{
	run->random ^= run->random >> 12;
	run->random ^= run->random << 25;
	run->random ^= run->random >> 27;
	return run->random * UINT64_C(2685821657736338717);
}

int
run_below(struct run *run, int most)
{
	return (int)((next_random(run) >> 33) % (uint64_t)most);
}

void
run_expect(struct run *run, enum property property, bool holds, const char *got, const char *expected)
{
	run->checks[property]++;
	if (holds)
		return;
	if (run->faults[property]++ == 0)
		printf("# log %d: %s\n#      got: %s\n# expected: %s\n", run->log, property_names[property], got,
		       expected);
}

void
run_expect_int(struct run *run, enum property property, int64_t got, int64_t expected)
{
	char got_text[32];
	char expected_text[32];

	snprintf(got_text, sizeof got_text, "%lld", (long long)got);
	snprintf(expected_text, sizeof expected_text, "%lld", (long long)expected);
	run_expect(run, property, got == expected, got_text, expected_text);
}

void
run_expect_text(struct run *run, enum property property, const char *got, const char *expected)
{
	run_expect(run, property, strcmp(got, expected) == 0, got, expected);
}
