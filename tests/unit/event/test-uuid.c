#include "event/uuid.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "tap.h"

enum { MANY = 1000000, THREADS = 4, EACH = 250000 };

static int64_t
milliseconds_of(const struct es_uuid *uuid)
{
	int64_t time = 0;

	for (int i = 0; i < 6; i++)
		time = time << 8 | uuid->bytes[i];
	return time;
}

/* RFC 9562, section 5.7: unix_ts_ms, ver 0b0111, rand_a, var 0b10, rand_b. */
static void
test_layout(void)
{
	const int64_t before = es_clock_wall() / ES_MILLISECOND;
	const struct es_uuid uuid = es_uuid_new();
	const int64_t after = es_clock_wall() / ES_MILLISECOND;

	ok(milliseconds_of(&uuid) >= before && milliseconds_of(&uuid) <= after, "48 bits of milliseconds since 1970");
	is_int(uuid.bytes[6] >> 4, 7, "version 7");
	is_int(uuid.bytes[8] >> 6, 2, "variant 10");
}

static void
test_increasing(void)
{
	struct es_uuid last = es_uuid_new();
	unsigned char seen_ones[16] = { 0 };
	unsigned char seen_zeros[16] = { 0 };
	bool increasing = true;
	bool laid_out = true;

	for (int i = 0; i < MANY; i++) {
		const struct es_uuid next = es_uuid_new();
		increasing = increasing && memcmp(next.bytes, last.bytes, sizeof next.bytes) > 0;
		laid_out = laid_out && next.bytes[6] >> 4 == 7 && next.bytes[8] >> 6 == 2;
		for (int b = 0; b < 16; b++) {
			seen_ones[b] = (unsigned char)(seen_ones[b] | next.bytes[b]);
			seen_zeros[b] = (unsigned char)(seen_zeros[b] | ~next.bytes[b]);
		}
		last = next;
	}
	ok(increasing, "a million identifiers strictly increase");
	ok(laid_out, "all of version 7, variant 10");
	bool random = true;
	for (int b = 10; b < 16; b++)
		random = random && seen_ones[b] == 0xFF && seen_zeros[b] == 0xFF;
	ok(random, "every bit of the tail takes both values");
	ok(milliseconds_of(&last) <= es_clock_wall() / ES_MILLISECOND + 1000, "they do not run far ahead of the clock");
}

static void *
make_many(void *argument)
{
	struct es_uuid *uuids = argument;

	for (int i = 0; i < EACH; i++)
		uuids[i] = es_uuid_new();
	return NULL;
}

static int
compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct es_uuid));
}

static void
test_threads(void)
{
	struct es_uuid *uuids = calloc((size_t)THREADS * EACH, sizeof *uuids);
	pthread_t threads[THREADS];

	if (uuids == NULL)
		bail("no memory");
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, make_many, uuids + (size_t)i * EACH) != 0)
			bail("no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	bool increasing = true;
	for (int i = 0; i < THREADS; i++)
		for (int n = 1; n < EACH; n++)
			increasing = increasing && compare(&uuids[i * EACH + n - 1], &uuids[i * EACH + n]) < 0;
	ok(increasing, "each of four threads sees its own strictly increase");
	qsort(uuids, (size_t)THREADS * EACH, sizeof *uuids, compare);
	bool unique = true;
	for (int i = 1; i < THREADS * EACH; i++) {
		/* compared without the random tail: time and counter alone must tell them apart */
		unique = unique && memcmp(uuids[i - 1].bytes, uuids[i].bytes, 10) != 0;
	}
	ok(unique, "no two of the million have the same time and counter");
	free(uuids);
}

static void
test_text(void)
{
	static const char text[] = "0190163d-8694-739b-aea5-966c26f8ad91";
	static const char *const bad[] = {
		"",
		"0190163d-8694-739b-aea5-966c26f8ad9",
		"0190163d-8694-739b-aea5-966c26f8ad911",
		"0190163d-8694-739b-aea5-966c26f8ad9g",
		"0190163d8694-739b-aea5-966c26f8ad91-",
		"0190163d-8694-739b-aea5 966c26f8ad91",
		" 190163d-8694-739b-aea5-966c26f8ad91",
		"{190163d-8694-739b-aea5-966c26f8ad9}",
		"0190163d86946739bbaea5c966c26f8ad911",
	};
	struct es_uuid uuid = { { 0xAA } };
	struct es_uuid other;
	char made[ES_UUID_TEXT_SIZE];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!es_uuid_parse(bad[i], &uuid), "\"%s\" is refused", bad[i]);
	is_int(uuid.bytes[0], 0xAA, "what is refused changes nothing");
	ok(es_uuid_parse(text, &uuid), "36 characters are accepted");
	is_string(es_uuid_format(&uuid, made), text, "and come back");
	ok(es_uuid_parse("0190163D-8694-739B-AEA5-966C26F8AD91", &other), "in capitals as well");
	ok(es_uuid_equal(&uuid, &other), "as the same");
	is_string(es_uuid_format(&other, made), text, "in small letters");
	other.bytes[15] ^= 1;
	ok(!es_uuid_equal(&uuid, &other), "one bit makes another");
}

static void
test_hash(void)
{
	const struct es_uuid one = es_uuid_hash("abc", 3);
	const struct es_uuid same = es_uuid_hash("abcd", 3);
	const struct es_uuid other = es_uuid_hash("abcd", 4);
	const struct es_uuid empty = es_uuid_hash("", 0);

	ok(es_uuid_equal(&one, &same), "the same bytes give the same hash");
	ok(!es_uuid_equal(&one, &other) && !es_uuid_equal(&one, &empty), "others another");
	is_int(one.bytes[6] >> 4, 5, "of version 5");
	is_int(one.bytes[8] >> 6, 2, "variant 10");
}

int
main(void)
{
	test_layout();
	test_increasing();
	test_threads();
	test_text();
	test_hash();
	return done_testing();
}
