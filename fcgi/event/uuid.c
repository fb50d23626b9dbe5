#include "event/uuid.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <uuid/uuid.h>

#include "event/clock.h"

enum {
	COUNTER_BITS = 26,      /* 12 of rand_a and the first 14 of rand_b */
	COUNTER_SEED_BITS = 25, /* the top bit starts clear, so that a millisecond holds 2^25 at the least */
	LOW_BITS = COUNTER_BITS - 12,
	RANDOM_POOL = 256, /* bytes: what one call of the kernel gives whole */
};

/* What the last identifier was made of.  Under the lock: time and counter together must only grow. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_millisecond;
static uint32_t last_counter;

/*
 * From the kernel, which is asked once for the tails of some forty identifiers.  (libuuid's own generator makes a dozen
 * system calls for each: measured, more than all the rest of a command.)
 */
static void
random_bytes(unsigned char *bytes, size_t size)
{
	static __thread unsigned char pool[RANDOM_POOL];
	static __thread size_t left;

	if (left < size) {
		/* up to 256 bytes come whole and at once, and never fail once the kernel has its seed: man 2 getrandom
		 */
		while (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
			;
		left = sizeof pool;
	}
	left -= size;
	memcpy(bytes, pool + left, size);
}

struct es_uuid
es_uuid_new(void)
{
	struct es_uuid uuid;
	unsigned char random[10]; /* 4 for the counter's seed, 6 for the tail */

	random_bytes(random, sizeof random);
	memcpy(uuid.bytes + 10, random + 4, 6);

	pthread_mutex_lock(&lock);
	int64_t millisecond = es_clock_wall() / ES_MILLISECOND;
	uint32_t counter;
	if (millisecond > last_millisecond) {
		memcpy(&counter, random, sizeof counter);
		counter &= (UINT32_C(1) << COUNTER_SEED_BITS) - 1;
	} else {
		/* the clock stood still or went back: stay at the last time and count on */
		millisecond = last_millisecond;
		counter = last_counter + 1;
		if (counter >> COUNTER_BITS != 0) {
			millisecond++;
			counter = 0;
		}
	}
	last_millisecond = millisecond;
	last_counter = counter;
	pthread_mutex_unlock(&lock);

	for (int i = 0; i < 6; i++)
		uuid.bytes[i] = (unsigned char)(millisecond >> (8 * (5 - i)));
	const uint32_t high = counter >> LOW_BITS;
	const uint32_t low = counter & ((UINT32_C(1) << LOW_BITS) - 1);
	uuid.bytes[6] = (unsigned char)(0x70 | high >> 8);
	uuid.bytes[7] = (unsigned char)high;
	uuid.bytes[8] = (unsigned char)(0x80 | low >> 8);
	uuid.bytes[9] = (unsigned char)low;
	return uuid;
}

struct es_uuid
es_uuid_hash(const void *bytes, size_t size)
{
	/* the name space of our own: a fixed random identifier */
	static const uuid_t name_space = { 0x5f, 0x0c, 0x6e, 0x1b, 0x93, 0x2d, 0x4a, 0x77,
		                           0x8e, 0x21, 0x06, 0xd4, 0xb1, 0x5a, 0xc3, 0x98 };
	struct es_uuid uuid;

	uuid_generate_sha1(uuid.bytes, name_space, bytes, size);
	return uuid;
}

bool
es_uuid_parse(const char *text, struct es_uuid *ret_uuid)
{
	uuid_t uuid;

	/* libuuid's own parser stops reading where it likes on some versions: the length is checked here */
	if (strlen(text) != ES_UUID_TEXT_SIZE - 1 || uuid_parse(text, uuid) != 0)
		return false;
	memcpy(ret_uuid->bytes, uuid, sizeof ret_uuid->bytes);
	return true;
}

char *
es_uuid_format(const struct es_uuid *uuid, char text[static ES_UUID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *at = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[uuid->bytes[i] >> 4];
		*at++ = hex[uuid->bytes[i] & 15];
	}
	*at = '\0';
	return text;
}

bool
es_uuid_equal(const struct es_uuid *one, const struct es_uuid *other)
{
	return memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}
