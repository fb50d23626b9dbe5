/*
 * event/uuid.h - identifiers.
 *
 * New ones are version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then a counter seeded with random bits
 * (section 6.2, method 1), so that those of one process strictly increase; the rest is random.
 */
#ifndef ES_UUID_H
#define ES_UUID_H

#include <stdbool.h>
#include <stddef.h>

enum {
	ES_UUID_TEXT_SIZE = 37, /* 36 characters and a NUL */
};

struct es_uuid {
	unsigned char bytes[16];
};

/* A new version 7 identifier, larger than any made before by this process.  Thread-safe. */
struct es_uuid es_uuid_new(void);

/* A version 5 identifier (SHA-1 of the bytes): the same bytes always give the same one. */
struct es_uuid es_uuid_hash(const void *bytes, size_t size);

/* Accepts the 36-character form in either case; false for anything else. */
bool es_uuid_parse(const char *text, struct es_uuid *ret_uuid);

/* Lower case.  Returns text. */
char *es_uuid_format(const struct es_uuid *uuid, char text[static ES_UUID_TEXT_SIZE]);

bool es_uuid_equal(const struct es_uuid *one, const struct es_uuid *other);

#endif
