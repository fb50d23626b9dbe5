#include "event/batch.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "event/decision.h"
#include "event/text.h"

/* How often those who wait hear that the store is away: they are to know within a second. */
#define AWAY_INTERVAL (200 * ES_MILLISECOND)

/* Where one request of a round stands. */
enum state {
	OPEN,     /* to be decided */
	DECIDED,  /* accepted: its events are in the batch */
	REFUSED,  /* the error says why */
	REPEATED, /* has the answer of an earlier request */
	DEFERRED, /* behind a rewind of its stream: the next round's */
};

struct entry {
	struct es_append *append;
	int stream; /* index */
	int key;    /* index, or -1 */
	enum state state;
	enum es_result result;
	struct es_error error;
	int first_event; /* in the batch: those of the request, or of the one in this batch that it repeats */
	int event_count;
	int64_t version;
	int64_t repeated_first; /* REPEATED from the store: the versions of the answer */
	int64_t repeated_stream;
};

/* One transaction: its requests and what the store sees of them. */
struct round {
	struct es_store *store;
	const struct es_decider *decider;
	const struct es_batch_hooks *hooks;
	struct entry *entries;
	int count;
	struct es_batch batch;
	bool is_rest; /* no request of the list comes after these */
	struct es_error error; /* of the store */
};

/* How a round ended. */
enum outcome {
	SETTLED, /* every request but the deferred has its result */
	SPLIT,   /* some request's data is at fault: try them one by one */
};

struct es_keys {
	struct es_facts *facts;
};

void
es_keys_add(struct es_keys *keys, const char *key)
{
	es_facts_declare(keys->facts, key);
}

bool
es_append_hash(struct es_append *append, const void *body, size_t size)
{
	struct es_text text = ES_TEXT_INIT;

	/* lengths first, so that no two requests give the same bytes */
	es_text_add_format(&text, "%zu %zu ", strlen(append->stream), append->actor == NULL ? 0 : strlen(append->actor) + 1);
	es_text_add_string(&text, append->stream);
	es_text_add_string(&text, append->actor == NULL ? "" : append->actor);
	es_text_add(&text, body, size);
	const bool hashed = !es_text_failed(&text);
	if (hashed)
		append->request_hash = es_uuid_hash(text.bytes, text.size);
	es_text_done(&text);
	return hashed;
}

/* --- preparing a round --- */

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
	const struct es_batch_stream *found = bsearch(&wanted, batch->streams, (size_t)batch->stream_count,
	                                              sizeof *batch->streams, compare_names);

	return (int)(found - batch->streams);
}

/* The streams of all requests, each once, by name. */
static void
collect_streams(struct round *round)
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
collect_needs(struct round *round, struct entry *entry)
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
			batch->targets[batch->target_count++] = (struct es_batch_target){
				.stream = entry->stream, .version = command->target, .live = -1
			};
		else if (command->type->needs != NULL)
			command->type->needs(command->value, &keys);
	}
}

static void
forget_round(struct round *round)
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

/* Makes the batch anew from the round's requests.  False: no memory. */
static bool
prepare_round(struct round *round)
{
	struct es_batch *batch = &round->batch;
	const size_t count = (size_t)round->count;

	forget_round(round);
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
		struct entry *entry = &round->entries[i];
		entry->state = OPEN;
		entry->error = ES_ERROR_INIT;
		collect_needs(round, entry);
		if (entry->append->deadline < batch->deadline)
			batch->deadline = entry->append->deadline;
	}
	return true;
}

/* --- deciding --- */

static void
refuse(struct entry *entry, enum es_result result)
{
	entry->state = REFUSED;
	entry->result = result;
}

static void
refuse_reused_key(struct entry *entry)
{
	refuse(entry, es_fail(&entry->error, ES_REFUSED, "Idempotency-Key",
	                      "this key came with another request before; use a new one for each request"));
}

/* Whether entry repeats a request that has its answer already: from the store, or from this batch. */
static bool
answer_repeated(struct round *round, struct entry *entry)
{
	const struct es_batch_key *key = &round->batch.keys[entry->key];

	if (key->known) {
		if (!es_uuid_equal(&key->request_hash, &entry->append->request_hash)) {
			refuse_reused_key(entry);
			return true;
		}
		entry->state = REPEATED;
		entry->version = key->last_version;
		entry->event_count = (int)(key->last_version - key->first_version + 1);
		entry->repeated_first = key->first_version;
		entry->repeated_stream = key->stream_id;
		return true;
	}
	for (struct entry *earlier = round->entries; earlier != entry; earlier++) {
		if (earlier->state != DECIDED || !earlier->append->keyed ||
		    !es_uuid_equal(&earlier->append->command_id, &entry->append->command_id))
			continue;
		if (!es_uuid_equal(&earlier->append->request_hash, &entry->append->request_hash)) {
			refuse_reused_key(entry);
			return true;
		}
		entry->state = REPEATED;
		entry->version = earlier->version;
		entry->first_event = earlier->first_event;
		entry->event_count = earlier->event_count;
		entry->repeated_stream = 0;
		return true;
	}
	return false;
}

static void
decide_entry(struct round *round, struct entry *entry)
{
	struct es_batch *batch = &round->batch;
	struct es_batch_stream *stream = &batch->streams[entry->stream];

	if (entry->key >= 0 && answer_repeated(round, entry))
		return;
	/* the facts after a rewind are known to the store alone: it ends the batch for its stream */
	if (stream->rewind_version != 0) {
		entry->state = DEFERRED;
		return;
	}
	entry->first_event = batch->event_count;
	const enum es_result result = es_decide(round->decider, entry->append, entry->stream, batch, &entry->error);
	if (result != ES_OK) {
		refuse(entry, result);
		return;
	}
	entry->state = DECIDED;
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

/* --- answering --- */

static void
finish(struct es_append *append, enum es_result result, const struct es_error *error)
{
	append->result = result;
	append->error = *error;
	append->events = NULL;
	append->event_count = 0;
	if (append->done != NULL)
		append->done(append);
}

static void
answer(struct entry *entry, const struct es_event_row *rows, int count, bool replayed)
{
	struct es_append *append = entry->append;

	append->result = ES_OK;
	append->version = entry->version;
	append->events = rows;
	append->event_count = count;
	append->replayed = replayed;
	if (append->done != NULL)
		append->done(append);
	else
		append->events = NULL; /* they live no longer */
}

/* Answers from the events of this batch. */
static void
answer_decided(struct round *round, struct entry *entry)
{
	const struct es_batch *batch = &round->batch;
	const size_t count = (size_t)entry->event_count;
	struct es_event_row *rows = calloc(count == 0 ? 1 : count, sizeof *rows);
	char command_id[ES_UUID_TEXT_SIZE];
	struct es_error error = ES_ERROR_INIT;

	if (rows == NULL) {
		/* applied, but the answer cannot be made: the same key sent again has it */
		finish(entry->append, es_fail(&error, ES_OUTCOME_UNKNOWN, NULL, "no memory for the answer"), &error);
		return;
	}
	es_uuid_format(&entry->append->command_id, command_id);
	for (size_t i = 0; i < count; i++) {
		const struct es_batch_event *event = &batch->events[(size_t)entry->first_event + i];
		rows[i] = (struct es_event_row){
			.version = event->version,
			.position = event->position,
			.id = event->id_text,
			.type = event->type,
			.data = event->data,
			.base = event->base,
			.actor = event->actor,
			.command_id = command_id,
			.recorded_at = event->recorded_at,
		};
	}
	answer(entry, rows, (int)count, entry->state == REPEATED);
	free(rows);
}

/* The pages that an answer is put together from: one ends at ES_PAGE_BYTES, an answer may be longer. */
struct answer_pages {
	struct es_page *pages;
	size_t count;
	struct es_event_row *rows;
	int row_count;
};

static void
free_pages(struct answer_pages *pages)
{
	for (size_t i = 0; i < pages->count; i++)
		es_page_done(&pages->pages[i]);
	free(pages->pages);
	free(pages->rows);
}

/* Reads the next page of the events after those that are there. */
static enum es_result
read_page(struct round *round, const struct entry *entry, struct answer_pages *pages, struct es_error *error)
{
	const struct es_head head = { .stream_id = entry->repeated_stream, .version = entry->version };
	const struct es_events_query query = {
		.version = entry->version,
		.cursor = entry->repeated_first - 1 + pages->row_count,
		.oldest_first = true,
		.limit = entry->event_count - pages->row_count,
	};
	struct es_page *grown = reallocarray(pages->pages, pages->count + 1, sizeof *grown);

	if (grown == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the answer");
	pages->pages = grown;
	struct es_page *page = &grown[pages->count++];
	*page = (struct es_page){ 0 };
	const enum es_result result = round->store->operations->events(round->store, &head, &query, page, error);
	if (result != ES_OK)
		return result;
	if (page->count == 0)
		return es_fail(error, ES_GONE, NULL, "the events of the first answer are no longer kept");
	memcpy(pages->rows + pages->row_count, page->events, (size_t)page->count * sizeof *pages->rows);
	pages->row_count += page->count;
	return ES_OK;
}

/* Answers with the events that an earlier request recorded. */
static void
answer_from_store(struct round *round, struct entry *entry)
{
	struct answer_pages pages = { .rows = calloc((size_t)entry->event_count + 1, sizeof *pages.rows) };
	struct es_error error = ES_ERROR_INIT;
	enum es_result result = ES_OK;

	if (pages.rows == NULL)
		result = es_fail(&error, ES_FAILED, NULL, "no memory for the answer");
	while (result == ES_OK && pages.row_count < entry->event_count)
		result = read_page(round, entry, &pages, &error);
	/* it was applied when its key first came, which "not applied" would deny */
	if (result == ES_UNAVAILABLE || result == ES_FAILED)
		result = ES_OUTCOME_UNKNOWN;
	if (result == ES_OK)
		answer(entry, pages.rows, pages.row_count, true);
	else
		finish(entry->append, result, &error);
	free_pages(&pages);
}

static void
answer_entry(struct round *round, struct entry *entry)
{
	memcpy(entry->append->log, round->batch.log, ES_LOG_SIZE);
	if (entry->state == REFUSED)
		finish(entry->append, entry->result, &entry->error);
	else if (entry->state == REPEATED && entry->repeated_stream != 0)
		answer_from_store(round, entry);
	else if (entry->state != DEFERRED)
		answer_decided(round, entry);
}

/* The same bad news for every request that is not done. */
static enum outcome
fail_all(struct round *round, enum es_result result)
{
	for (int i = 0; i < round->count; i++) {
		struct entry *entry = &round->entries[i];
		const bool applied_perhaps = entry->state == DECIDED || entry->state == REPEATED;
		/* what was refused or not decided yet is surely not applied */
		const enum es_result own =
		        result == ES_OUTCOME_UNKNOWN && !applied_perhaps ? ES_UNAVAILABLE : result;
		finish(entry->append, own, &round->error);
		entry->state = REFUSED;
	}
	return SETTLED;
}

/* --- a round --- */

static void
tell_away(const struct round *round)
{
	if (round->hooks->away != NULL)
		round->hooks->away(round->hooks->context, &round->error);
}

/* Waits until the store may be tried again, telling all along that it is away.  False: the deadline comes first. */
static bool
wait_for_store(const struct round *round)
{
	const int64_t next = round->store->operations->next_attempt(round->store);

	if (next >= round->batch.deadline)
		return false;
	/* once at the least, so that a store that fails at once is not asked without a pause */
	do {
		const int64_t soon = es_clock_monotonic() + AWAY_INTERVAL;
		tell_away(round);
		poll(NULL, 0, es_clock_poll_timeout(next > es_clock_monotonic() && next < soon ? next : soon));
	} while (es_clock_monotonic() < next);
	return es_clock_monotonic() < round->batch.deadline;
}

/* The connection died around the commit: finds out whether the batch is there.  ES_OK, ES_NOT_FOUND, or unknown. */
static enum es_result
recover(struct round *round)
{
	for (;;) {
		const enum es_result found = round->store->operations->find(round->store, &round->batch, &round->error);
		if (found == ES_OK || found == ES_NOT_FOUND)
			return found;
		if (!wait_for_store(round)) {
			es_fail(&round->error, ES_OUTCOME_UNKNOWN, NULL,
			        "the database went away during the commit; send the request again with the same Idempotency-Key");
			return ES_OUTCOME_UNKNOWN;
		}
	}
}

static void
decide_all(struct round *round)
{
	for (int i = 0; i < round->count; i++)
		decide_entry(round, &round->entries[i]);
}

static bool
has_deferred(const struct round *round)
{
	for (int i = 0; i < round->count; i++)
		if (round->entries[i].state == DEFERRED)
			return true;
	return false;
}

/* One transaction.  ES_OK: durable, or nothing to write. */
static enum es_result
run_transaction(struct round *round)
{
	const struct es_store_operations *operations = round->store->operations;
	struct es_batch *batch = &round->batch;
	const int64_t started = es_clock_monotonic();

	if (!prepare_round(round))
		return es_fail(&round->error, ES_FAILED, NULL, "no memory for a batch");
	const enum es_result begun = operations->begin(round->store, batch, &round->error);
	if (begun != ES_OK)
		return begun;
	const int64_t decided = es_clock_monotonic();
	decide_all(round);
	if (batch->event_count == 0 && batch->answer_count == 0) {
		operations->abort(round->store);
		return ES_OK;
	}
	enum es_result result = operations->commit(round->store, batch, &round->error);
	if (result == ES_OUTCOME_UNKNOWN)
		result = recover(round);
	if (result == ES_OK && round->hooks->committed != NULL)
		round->hooks->committed(round->hooks->context,
		                        &(struct es_batch_report){
		                                .appends = round->count,
		                                .events = batch->event_count,
		                                .begin_time = decided - started,
		                                .commit_time = es_clock_monotonic() - decided,
		                                .last = round->is_rest && !has_deferred(round),
		                        });
	return result;
}

static enum outcome
run_round(struct round *round)
{
	bool tried_again = false;

	for (;;) {
		const enum es_result result = run_transaction(round);
		if (result == ES_OK)
			break;
		if (result == ES_OUTCOME_UNKNOWN)
			return fail_all(round, ES_OUTCOME_UNKNOWN);
		if (result == ES_NOT_FOUND && es_clock_monotonic() < round->batch.deadline) {
			continue; /* lost before it was applied, and there is still time */
		} else if (result == ES_NOT_FOUND || result == ES_UNAVAILABLE) {
			/* a connection may have died while it lay idle: a fresh one is worth one try */
			if (result == ES_UNAVAILABLE && !tried_again && es_clock_monotonic() < round->batch.deadline) {
				tried_again = true;
				continue;
			}
			tell_away(round);
			return fail_all(round, ES_UNAVAILABLE);
		}
		if (round->count > 1)
			return SPLIT;
		/* its key may have come with another request a moment ago: that is known by now */
		if (result == ES_REFUSED && round->entries[0].append->keyed && !tried_again) {
			tried_again = true;
			continue;
		}
		return fail_all(round, result);
	}
	for (int i = 0; i < round->count; i++)
		answer_entry(round, &round->entries[i]);
	return SETTLED;
}

/* Takes the first count requests off the list. */
static int
take(struct entry *entries, int count, struct es_append **list)
{
	int taken = 0;

	while (*list != NULL && taken < count) {
		entries[taken++] = (struct entry){ .append = *list };
		*list = (*list)->next;
	}
	return taken;
}

/* The requests that a round left for the next, linked in their order. */
static struct es_append *
deferred(const struct round *round)
{
	struct es_append *first = NULL;
	struct es_append **end = &first;

	for (int i = 0; i < round->count; i++) {
		if (round->entries[i].state != DEFERRED)
			continue;
		*end = round->entries[i].append;
		end = &(*end)->next;
	}
	*end = NULL;
	return first;
}

static void
fail_list(struct es_append *list)
{
	struct es_error error = ES_ERROR_INIT;

	es_fail(&error, ES_FAILED, NULL, "no memory for a batch");
	while (list != NULL) {
		struct es_append *append = list;
		list = append->next; /* done may free it */
		finish(append, ES_FAILED, &error);
	}
}

void
es_batch_apply(struct es_store *store, const struct es_decider *decider, struct es_append *list,
               const struct es_batch_hooks *hooks)
{
	static const struct es_batch_hooks no_hooks;
	int count = 0;

	for (const struct es_append *append = list; append != NULL; append = append->next)
		count++;
	struct entry *entries = calloc((size_t)count + 1, sizeof *entries);
	if (entries == NULL) {
		fail_list(list);
		return;
	}
	struct round round = {
		.store = store, .decider = decider, .hooks = hooks == NULL ? &no_hooks : hooks, .entries = entries
	};
	int at_once = count; /* one by one after a batch whose data was at fault */
	while (list != NULL) {
		round.error = ES_ERROR_INIT;
		struct es_append *const first = list;
		round.count = take(entries, at_once, &list);
		round.is_rest = list == NULL;
		if (run_round(&round) == SPLIT) {
			list = first;
			at_once = 1;
			continue;
		}
		struct es_append *rest = deferred(&round);
		if (rest == NULL)
			continue;
		struct es_append *last = rest;
		while (last->next != NULL)
			last = last->next;
		last->next = list;
		list = rest;
	}
	forget_round(&round);
	free(entries);
}

enum es_result
es_append_now(struct es_store *store, const struct es_decider *decider, struct es_append *append)
{
	append->next = NULL;
	es_batch_apply(store, decider, append, NULL);
	return append->result;
}
