/*
 * What the callers of a round hear.
 */
#include <stdlib.h>
#include <string.h>

#include "event/round.h"

static void
answer(struct es_entry *entry, const struct es_event_row *rows, int count, bool replayed)
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
answer_decided(struct es_round *round, struct es_entry *entry)
{
	const struct es_batch *batch = &round->batch;
	const size_t count = (size_t)entry->event_count;
	struct es_event_row *rows = calloc(count == 0 ? 1 : count, sizeof *rows);
	char command_id[ES_UUID_TEXT_SIZE];
	struct es_error error = ES_ERROR_INIT;

	if (rows == NULL) {
		/* applied, but the answer cannot be made: the same key sent again has it */
		es_append_finish(entry->append, es_fail(&error, ES_OUTCOME_UNKNOWN, NULL, "no memory for the answer"),
		                 &error);
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
			.actor = entry->append->actor, /* an event's own may be of the request that it repeats */
			.command_id = command_id,
			.recorded_at = event->recorded_at,
		};
	}
	answer(entry, rows, (int)count, entry->state == ES_ENTRY_REPEATED);
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
read_page(struct es_round *round, const struct es_entry *entry, struct answer_pages *pages, struct es_error *error)
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

static enum es_result
read_pages(struct es_round *round, const struct es_entry *entry, struct answer_pages *pages, struct es_error *error)
{
	enum es_result result = ES_OK;

	pages->rows = calloc((size_t)entry->event_count + 1, sizeof *pages->rows);
	if (pages->rows == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the answer");
	while (result == ES_OK && pages->row_count < entry->event_count)
		result = read_page(round, entry, pages, error);
	return result;
}

/* Answers with the events that an earlier request recorded. */
static void
answer_from_store(struct es_round *round, struct es_entry *entry)
{
	struct answer_pages pages = { 0 };
	struct es_error error = ES_ERROR_INIT;
	enum es_result result = read_pages(round, entry, &pages, &error);

	/* it was applied when its key first came, which "not applied" would deny */
	if (result == ES_UNAVAILABLE || result == ES_FAILED)
		result = ES_OUTCOME_UNKNOWN;
	if (result == ES_OK)
		answer(entry, pages.rows, pages.row_count, true);
	else
		es_append_finish(entry->append, result, &error);
	free_pages(&pages);
}

static void
answer_entry(struct es_round *round, struct es_entry *entry)
{
	memcpy(entry->append->log, round->batch.log, ES_LOG_SIZE);
	if (entry->state == ES_ENTRY_REFUSED)
		es_append_finish(entry->append, entry->result, &entry->error);
	else if (entry->state == ES_ENTRY_REPEATED && entry->repeated_stream != 0)
		answer_from_store(round, entry);
	else if (entry->state != ES_ENTRY_DEFERRED)
		answer_decided(round, entry);
}

void
es_round_answer(struct es_round *round)
{
	for (int i = 0; i < round->count; i++)
		answer_entry(round, &round->entries[i]);
}

void
es_round_fail(struct es_round *round, enum es_result result)
{
	for (int i = 0; i < round->count; i++) {
		struct es_entry *entry = &round->entries[i];
		const bool applied_perhaps =
			round->lingers || entry->state == ES_ENTRY_DECIDED || entry->state == ES_ENTRY_REPEATED;
		/* what was refused or not decided yet is surely not applied */
		const enum es_result own = result == ES_OUTCOME_UNKNOWN && !applied_perhaps ? ES_UNAVAILABLE : result;
		es_append_finish(entry->append, own, &round->error);
		entry->state = ES_ENTRY_REFUSED;
	}
}
