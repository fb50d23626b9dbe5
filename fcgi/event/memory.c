#include "event/memory.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"

/* One more zeroed element at the end of an array that grows by doubling.  NULL: no memory, which the store remembers.
 */
static void *
add_element(struct es_memory *memory, void *array, size_t *count, size_t size, void **ret_array)
{
	char *grown = array;

	/* a power of two is a full array */
	if ((*count & (*count - 1)) == 0) {
		grown = reallocarray(array, *count == 0 ? 1 : *count * 2, size);
		if (grown == NULL) {
			memory->failed = true;
			return NULL;
		}
		*ret_array = grown;
	}
	char *element = grown + *count * size;
	memset(element, 0, size);
	(*count)++;
	return element;
}

#define ADD_ELEMENT(memory, array, count) add_element(memory, array, &(count), sizeof *(array), (void **)&(array))

static char *
copy(struct es_memory *memory, const char *text)
{
	char *copied = strdup(text);

	if (copied == NULL)
		memory->failed = true;
	return copied;
}

struct memory_stream *
es_memory_find(struct es_memory *memory, const char *name)
{
	for (size_t i = 0; i < memory->stream_count; i++)
		if (strcmp(memory->streams[i].name, name) == 0)
			return &memory->streams[i];
	return NULL;
}

/* --- begin --- */

struct fetch {
	const struct memory_stream *stream;
	struct es_facts *facts;
};

static void
fetch_fact(const char *key, void *context)
{
	const struct fetch *fetch = context;

	for (size_t i = 0; i < fetch->stream->fact_count; i++) {
		const struct memory_fact *fact = &fetch->stream->facts[i];
		if (fact->until == 0 && strcmp(fact->key, key) == 0)
			es_facts_fetched(fetch->facts, key, fact->value);
	}
}

static void
fill_stream(struct es_memory *memory, struct es_batch_stream *stream, int64_t *next_id)
{
	const struct memory_stream *found = es_memory_find(memory, stream->name);

	stream->horizon = 1;
	stream->fresh = found == NULL;
	if (found == NULL) {
		stream->id = (*next_id)++;
		es_facts_set_live(stream->facts, 0);
		return;
	}
	stream->id = found - memory->streams + 1;
	stream->version = (int64_t)found->event_count;
	es_facts_set_live(stream->facts, found->event_count == 0 ? 0 : found->events[found->event_count - 1].live);
	struct fetch fetch = { .stream = found, .facts = stream->facts };
	es_facts_each_key(stream->facts, fetch_fact, &fetch);
}

static void
fill_target(struct es_memory *memory, const struct es_batch *batch, struct es_batch_target *target)
{
	const struct memory_stream *stream = es_memory_find(memory, batch->streams[target->stream].name);
	const int64_t before = target->version - 1;

	if (stream != NULL && before <= (int64_t)stream->event_count)
		target->live = before == 0 ? 0 : stream->events[before - 1].live;
}

static void
fill_key(const struct es_memory *memory, struct es_batch_key *key)
{
	for (size_t i = 0; i < memory->command_count; i++) {
		const struct memory_command *command = &memory->commands[i];
		if (!es_uuid_equal(&command->id, &key->append->command_id))
			continue;
		key->known = true;
		key->stream_id = command->stream_id;
		key->first_version = command->first_version;
		key->last_version = command->last_version;
		key->request_hash = command->request_hash;
	}
}

static enum es_result
begin(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_memory *memory = es_memory_of(store);
	int64_t next_id = (int64_t)memory->stream_count + 1;

	if (memory->failed)
		return es_fail(error, ES_FAILED, NULL, "the store in memory ran out of memory");
	memcpy(batch->log, memory->log, ES_LOG_SIZE);
	for (int i = 0; i < batch->stream_count; i++)
		fill_stream(memory, &batch->streams[i], &next_id);
	for (int i = 0; i < batch->target_count; i++)
		fill_target(memory, batch, &batch->targets[i]);
	for (int i = 0; i < batch->key_count; i++)
		fill_key(memory, &batch->keys[i]);
	return ES_OK;
}

/* --- commit --- */

static void
add_fact(struct es_memory *memory, struct memory_stream *stream, const char *key, const char *value, int64_t origin,
         int64_t since, int64_t until)
{
	struct memory_fact *fact = ADD_ELEMENT(memory, stream->facts, stream->fact_count);

	if (fact != NULL)
		*fact = (struct memory_fact){ .key = copy(memory, key),
			                      .value = copy(memory, value),
			                      .origin = origin,
			                      .since = since,
			                      .until = until };
}

static void
write_facts(struct es_memory *memory, struct memory_stream *stream, const struct es_facts *facts)
{
	struct es_fact_close close;
	struct es_fact_write write;

	for (size_t at = 0; es_facts_next_close(facts, &at, &close);)
		for (size_t i = 0; i < stream->fact_count; i++)
			if (stream->facts[i].until == 0 && strcmp(stream->facts[i].key, close.key) == 0)
				stream->facts[i].until = close.until;
	for (size_t at = 0; es_facts_next_write(facts, &at, &write);)
		add_fact(memory, stream, write.key, json_object_to_json_string_ext(write.value, JSON_C_TO_STRING_PLAIN),
		         write.since, write.since, write.until);
}

/* Whether fact's very value (key and origin) has a row valid at version. */
static bool
was_valid(const struct memory_stream *stream, const struct memory_fact *fact, int64_t version)
{
	for (size_t i = 0; i < stream->fact_count; i++) {
		const struct memory_fact *other = &stream->facts[i];
		if (other->since <= version && (other->until == 0 || other->until > version) &&
		    other->origin == fact->origin && strcmp(other->key, fact->key) == 0)
			return true;
	}
	return false;
}

/* Closes what was not there before target, reopens what was and is gone; all else stays untouched. */
static void
rewind_facts(struct es_memory *memory, struct memory_stream *stream, int64_t target, int64_t version)
{
	const size_t count = stream->fact_count;

	for (size_t i = 0; i < count; i++) {
		struct memory_fact *fact = &stream->facts[i];
		if (fact->until == 0 && fact->since >= target && !was_valid(stream, fact, target - 1))
			fact->until = version;
	}
	for (size_t i = 0; i < count; i++) {
		const struct memory_fact fact = stream->facts[i];
		if (fact.since < target && fact.until >= target && !was_valid(stream, &fact, version))
			add_fact(memory, stream, fact.key, fact.value, fact.origin, version, 0);
	}
}

static void
record_event(struct es_memory *memory, struct memory_stream *stream, struct es_batch_event *event)
{
	struct memory_event *stored = ADD_ELEMENT(memory, stream->events, stream->event_count);
	char command_id[ES_UUID_TEXT_SIZE];

	if (stored == NULL)
		return;
	event->position = ++memory->position;
	event->recorded_at = memory->recorded_at;
	stored->live = event->live;
	stored->row = (struct es_event_row){
		.version = event->version,
		.position = event->position,
		.id = copy(memory, event->id_text),
		.type = copy(memory, event->type),
		.data = copy(memory, event->data),
		.base = event->base,
		.actor = event->actor == NULL ? NULL : copy(memory, event->actor),
		.command_id = copy(memory, es_uuid_format(event->command_id, command_id)),
		.recorded_at = event->recorded_at,
	};
}

static void
create_stream(struct es_memory *memory, const char *name)
{
	struct memory_stream *stream = ADD_ELEMENT(memory, memory->streams, memory->stream_count);

	if (stream != NULL)
		stream->name = copy(memory, name);
}

static enum es_result
commit(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct es_memory *memory = es_memory_of(store);
	const int64_t now = es_clock_wall();

	if (now > memory->recorded_at)
		memory->recorded_at = now;
	/* numbers were given to all fresh streams, used or not: keep them in step */
	for (int i = 0; i < batch->stream_count && !memory->failed; i++)
		if (batch->streams[i].fresh)
			create_stream(memory, batch->streams[i].name);
	for (int i = 0; i < batch->stream_count && !memory->failed; i++) {
		const struct es_batch_stream *stream = &batch->streams[i];
		struct memory_stream *stored = &memory->streams[stream->id - 1];
		write_facts(memory, stored, stream->facts);
		if (stream->rewind_version != 0)
			rewind_facts(memory, stored, stream->rewind_target, stream->rewind_version);
	}
	for (int i = 0; i < batch->event_count && !memory->failed; i++)
		record_event(memory, &memory->streams[batch->streams[batch->events[i].stream].id - 1],
		             &batch->events[i]);
	for (int i = 0; i < batch->answer_count && !memory->failed; i++) {
		const struct es_batch_answer *answer = &batch->answers[i];
		struct memory_command *command = ADD_ELEMENT(memory, memory->commands, memory->command_count);
		if (command != NULL)
			*command = (struct memory_command){ .id = answer->append->command_id,
				                            .stream_id = batch->streams[answer->stream].id,
				                            .first_version = answer->first_version,
				                            .last_version = answer->last_version,
				                            .request_hash = answer->append->request_hash };
	}
	if (memory->failed)
		return es_fail(error, ES_FAILED, NULL, "the store in memory ran out of memory");
	return ES_OK;
}

static void
abort_batch(struct es_store *store)
{
	(void)store; /* begin changed nothing */
}

static enum es_result
find(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	(void)store;
	(void)batch;
	return es_fail(error, ES_FAILED, NULL, "a commit to memory is never lost");
}

static enum es_result
connect_store(struct es_store *store, int64_t deadline, struct es_error *error)
{
	(void)store;
	(void)deadline;
	(void)error;
	return ES_OK;
}

static int64_t
zero(struct es_store *store)
{
	(void)store;
	return 0;
}

static void
free_stream(struct memory_stream *stream)
{
	union {
		const char *constant;
		char *owned;
	} text[5];

	for (size_t i = 0; i < stream->event_count; i++) {
		const struct es_event_row *row = &stream->events[i].row;
		text[0].constant = row->id;
		text[1].constant = row->type;
		text[2].constant = row->data;
		text[3].constant = row->actor;
		text[4].constant = row->command_id;
		for (int n = 0; n < 5; n++)
			free(text[n].owned);
	}
	for (size_t i = 0; i < stream->fact_count; i++) {
		free(stream->facts[i].key);
		free(stream->facts[i].value);
	}
	free(stream->events);
	free(stream->facts);
	free(stream->name);
}

static void
free_store(struct es_store *store)
{
	struct es_memory *memory = es_memory_of(store);

	for (size_t i = 0; i < memory->stream_count; i++)
		free_stream(&memory->streams[i]);
	free(memory->streams);
	free(memory->commands);
	free(memory);
}

static const struct es_store_operations operations = {
	.begin = begin,
	.commit = commit,
	.abort = abort_batch,
	.find = find,
	.connect = connect_store,
	.next_attempt = zero,
	.reconnects = zero,
	.head = es_memory_head,
	.facts = es_memory_facts,
	.events = es_memory_events,
	.differences = es_memory_differences,
	.version_at = es_memory_version_at,
	.streams = es_memory_streams,
	.free = free_store,
};

struct es_store *
es_store_memory_new(void)
{
	struct es_memory *memory = calloc(1, sizeof *memory);

	if (memory == NULL)
		return NULL;
	memory->store.operations = &operations;
	const struct es_uuid random = es_uuid_new();
	for (size_t i = 0; i < 4; i++)
		snprintf(memory->log + 2 * i, 3, "%02x", random.bytes[12 + i]);
	return &memory->store;
}
