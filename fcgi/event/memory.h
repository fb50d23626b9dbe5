/*
 * event/memory.h - what the two halves of the store in memory share: memory.c writes, memory_read.c reads.
 *
 * It keeps the same rows as the database, in plain arrays, and answers by looking at all of them: easy to be right
 * about, fast enough for tests.  Strings, once stored, stay until the store is freed.
 */
#ifndef ES_MEMORY_H
#define ES_MEMORY_H

#include "event/store.h"

struct memory_fact {
	char *key;
	char *value;
	int64_t origin;
	int64_t since;
	int64_t until; /* 0: open */
};

struct memory_event {
	struct es_event_row row; /* its strings are owned */
	int live;
};

struct memory_stream {
	char *name;
	struct memory_event *events; /* event v at v - 1 */
	size_t event_count;
	struct memory_fact *facts;
	size_t fact_count;
};

struct memory_command {
	struct es_uuid id;
	int64_t stream_id;
	int64_t first_version;
	int64_t last_version;
	struct es_uuid request_hash;
};

struct es_memory {
	struct es_store store; /* first: see struct es_store */
	char log[ES_LOG_SIZE];
	struct memory_stream *streams; /* stream n at n - 1 */
	size_t stream_count;
	struct memory_command *commands;
	size_t command_count;
	int64_t position;
	int64_t recorded_at;
	bool failed; /* memory ran out in the middle of a write */
};

static inline struct es_memory *
es_memory_of(struct es_store *store)
{
	return (struct es_memory *)(void *)store;
}

/* NULL where there is none. */
struct memory_stream *es_memory_find(struct es_memory *memory, const char *name);

enum es_result es_memory_head(struct es_store *store, const char *stream, struct es_head *ret_head,
                              struct es_error *error);
enum es_result es_memory_facts(struct es_store *store, const struct es_head *head, int64_t version,
                               struct es_place after, int limit, struct es_page *ret_page, struct es_error *error);
enum es_result es_memory_events(struct es_store *store, const struct es_head *head, const struct es_events_query *query,
                                struct es_page *ret_page, struct es_error *error);
enum es_result es_memory_differences(struct es_store *store, const struct es_head *head, int64_t from, int64_t to,
                                     struct es_place after, int limit, struct es_page *ret_page,
                                     struct es_error *error);
enum es_result es_memory_version_at(struct es_store *store, const struct es_head *head, int64_t time,
                                    int64_t *ret_version, struct es_error *error);
enum es_result es_memory_streams(struct es_store *store, const char *after, int limit, struct es_page *ret_page,
                                 struct es_error *error);

#endif
