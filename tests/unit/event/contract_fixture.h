/*
 * tests/unit/event/contract_fixture.h - what the parts of the store's contract share: commands, and a look at a state.
 */
#ifndef CONTRACT_FIXTURE_H
#define CONTRACT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "event/store.h"

enum { MEBIBYTE = 1 << 20 };

#define PUT(key, value) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":" value "}"
#define DROP(key) "{\"type\":\"drop\",\"key\":\"" key "\"}"
#define REWIND(version) "{\"type\":\"rewind\",\"version\":" #version "}"
#define NOTHING "{\"type\":\"nothing\"}"
#define REFUSE "{\"type\":\"refuse\"}"

/* Asserts that the state at version, in the text of sample_state, is the expected one, however long the pages are. */
void is_state(struct es_store *store, const char *stream, int64_t version, const char *expected, const char *name);

/* {"type":"put","key":"k<number>","value":"<size times x>"}; new. */
char *long_put(int number, size_t size);

/* The parts that store_contract_run runs after its own tests, in this order. */
void store_contract_read(struct es_store *store);
void store_contract_write(struct es_store *store);

#endif
