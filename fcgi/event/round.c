#include "event/round.h"

#include <stdlib.h>
#include <string.h>

#include "event/decision.h"

/*
 * A rewind that may change more facts than this, or look at more events, shares its transaction with no other stream,
 * whose requests would have to wait for it: so much takes about as long as any other batch.
 */
enum { SHARED_FACTS_MAX = 1000, SHARED_EVENTS_MAX = 10000 };

struct es_keys {
	struct es_facts *facts;
};

void
es_keys_add(struct es_keys *keys, const char *key)
{
	es_facts_declare(keys->facts, key);
}

/* --- preparing --- */

static int
compare_names(const void *one, const void *other)
{
	const struct es_batch_stream *left = one;
	const struct es_batch_stream *right = other;

	return strcmp(left->name, right->name);
}

static int
find_stream(const struct es_batch *batch, const char *name)
{
	const struct es_batch_stream wanted = { .name = name };
	const struct es_batch_stream *found =
		bsearch(&wanted, batch->streams, (size_t)batch->stream_count, sizeof *batch->streams, compare_names);

	return (int)(found - batch->streams);
}

/* The streams of all requests, each once, by name. */
static void
collect_streams(struct es_round *round)
{
	struct es_batch *batch = &round->batch;
	int kept = 0;

	for (int i = 0; i < round->count; i++)
		batch->streams[i] = (struct es_batch_stream){ .name = round->entries[i].append->stream };
	qsort(batch->streams, (size_t)round->count, sizeof *batch->streams, compare_names);
	for (int i = 0; i < round->count; i++)
		if (kept == 0 || strcmp(batch->streams[kept - 1].name, batch->streams[i].name) != 0)
			batch->streams[kept++] = batch->streams[i];
	batch->stream_count = kept;
	for (int i = 0; i < round->count; i++)
		round->entries[i].stream = find_stream(batch, round->entries[i].append->stream);
}

/* The facts, rewind targets and keys that entry's request needs to know. */
static void
collect_needs(struct es_round *round, struct es_entry *entry)
{
	struct es_batch *batch = &round->batch;
	struct es_append *append = entry->append;
	struct es_keys keys = { .facts = batch->streams[entry->stream].facts };

	entry->key = -1;
	if (append->keyed) {
		entry->key = batch->key_count;
		batch->keys[batch->key_count++] = (struct es_batch_key){ .append = append };
	}
	for (int i = 0; i < append->commands.count; i++) {
		const struct es_command *command = &append->commands.commands[i];
		if (command->type == NULL)
			batch->targets[batch->target_count++] = (struct es_batch_target){ .stream = entry->stream,
				                                                          .version = command->target,
				                                                          .live = -1 };
		else if (command->type->needs != NULL)
			command->type->needs(command->value, &keys);
	}
}

void
es_round_forget(struct es_round *round)
{
	struct es_batch *batch = &round->batch;

	for (int i = 0; i < batch->stream_count; i++)
		es_facts_free(batch->streams[i].facts);
	for (int i = 0; i < batch->event_count; i++)
		free(batch->events[i].data);
	free(batch->streams);
	free(batch->targets);
	free(batch->keys);
	free(batch->events);
	free(batch->answers);
	*batch = (struct es_batch){ 0 };
}

bool
es_round_prepare(struct es_round *round)
{
	struct es_batch *batch = &round->batch;
	const size_t count = (size_t)round->count;

	es_round_forget(round);
	batch->streams = calloc(count, sizeof *batch->streams);
	batch->targets = calloc(count, sizeof *batch->targets); /* a request holds one rewind at the most */
	batch->keys = calloc(count, sizeof *batch->keys);
	batch->answers = calloc(count, sizeof *batch->answers);
	if (batch->streams == NULL || batch->targets == NULL || batch->keys == NULL || batch->answers == NULL)
		return false;
	collect_streams(round);
	for (int i = 0; i < batch->stream_count; i++) {
		batch->streams[i].facts = es_facts_new();
		if (batch->streams[i].facts == NULL)
			return false;
	}
	batch->deadline = INT64_MAX;
	for (int i = 0; i < round->count; i++) {
		struct es_entry *entry = &round->entries[i];
		entry->state = ES_ENTRY_OPEN;
		entry->error = ES_ERROR_INIT;
		collect_needs(round, entry);
		if (entry->append->deadline < batch->deadline)
			batch->deadline = entry->append->deadline;
	}
	return true;
}

/* --- deciding --- */

static void
refuse(struct es_entry *entry, enum es_result result)
{
	entry->state = ES_ENTRY_REFUSED;
	entry->result = result;
}

static void
refuse_reused_key(struct es_entry *entry)
{
	refuse(entry, es_fail(&entry->error, ES_REFUSED, "Idempotency-Key",
	                      "this key came with another request before; use a new one for each request"));
}

/* Whether entry repeats a request that has its answer already: from the store, or from this batch. */
static bool
answer_repeated(struct es_round *round, struct es_entry *entry)
{
	const struct es_batch_key *key = &round->batch.keys[entry->key];

	if (key->known) {
		if (!es_uuid_equal(&key->request_hash, &entry->append->request_hash)) {
			refuse_reused_key(entry);
			return true;
		}
		entry->state = ES_ENTRY_REPEATED;
		entry->version = key->last_version;
		entry->event_count = (int)(key->last_version - key->first_version + 1);
		entry->repeated_first = key->first_version;
		entry->repeated_stream = key->stream_id;
		return true;
	}
	for (struct es_entry *earlier = round->entries; earlier != entry; earlier++) {
		if (earlier->state != ES_ENTRY_DECIDED || !earlier->append->keyed ||
		    !es_uuid_equal(&earlier->append->command_id, &entry->append->command_id))
			continue;
		if (!es_uuid_equal(&earlier->append->request_hash, &entry->append->request_hash)) {
			refuse_reused_key(entry);
			return true;
		}
		entry->state = ES_ENTRY_REPEATED;
		entry->version = earlier->version;
		entry->first_event = earlier->first_event;
		entry->event_count = earlier->event_count;
		entry->repeated_stream = 0;
		return true;
	}
	return false;
}

/* Whether entry's request holds a rewind that may take long. */
static bool
is_great(const struct es_batch *batch, const struct es_entry *entry)
{
	const struct es_batch_stream *stream = &batch->streams[entry->stream];

	for (int i = 0; i < entry->append->commands.count; i++) {
		const struct es_command *command = &entry->append->commands.commands[i];
		if (command->type != NULL)
			continue;
		int facts = es_facts_live(stream->facts);
		for (int at = 0; at < batch->target_count; at++) {
			const struct es_batch_target *target = &batch->targets[at];
			if (target->stream == entry->stream && target->version == command->target) {
				facts += target->live; /* two requests may name it: each has the same */
				break;
			}
		}
		return facts > SHARED_FACTS_MAX || stream->version - command->target > SHARED_EVENTS_MAX;
	}
	return false;
}

/* alone: nothing else is in the batch, and this may take as long as it wants. */
static void
decide_entry(struct es_round *round, struct es_entry *entry, bool alone)
{
	struct es_batch *batch = &round->batch;
	struct es_batch_stream *stream = &batch->streams[entry->stream];

	if (entry->key >= 0 && answer_repeated(round, entry))
		return;
	stream->deferred = !alone && (stream->deferred || is_great(batch, entry));
	/* the facts after a rewind are known to the store alone: it ends the batch for its stream */
	if (stream->deferred || stream->rewind_version != 0) {
		entry->state = ES_ENTRY_DEFERRED;
		return;
	}
	entry->first_event = batch->event_count;
	const enum es_result result = es_decide(round->decider, entry->append, entry->stream, batch, &entry->error);
	if (result != ES_OK) {
		refuse(entry, result);
		return;
	}
	entry->state = ES_ENTRY_DECIDED;
	entry->event_count = batch->event_count - entry->first_event;
	entry->version = stream->version;
	if (entry->key >= 0)
		batch->answers[batch->answer_count++] = (struct es_batch_answer){
			.append = entry->append,
			.stream = entry->stream,
			.first_version = stream->version - entry->event_count + 1,
			.last_version = stream->version,
		};
}

void
es_round_decide(struct es_round *round)
{
	const struct es_batch *batch = &round->batch;

	for (int i = 0; i < round->count; i++)
		decide_entry(round, &round->entries[i], /* alone= */ batch->stream_count == 1);
}

bool
es_round_accepts_all(const struct es_round *round)
{
	for (int i = 0; i < round->count; i++) {
		const struct es_entry *entry = &round->entries[i];
		const bool repeats = entry->state == ES_ENTRY_REPEATED && entry->repeated_stream == 0;
		const bool writes = entry->state == ES_ENTRY_DECIDED && (entry->event_count > 0 || entry->key >= 0);
		if (!repeats && !writes)
			return false;
	}
	return true;
}
