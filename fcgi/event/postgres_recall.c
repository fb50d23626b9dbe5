/*
 * What a connection remembers of the streams that it wrote to.
 *
 * A batch whose streams are all remembered is decided at once, and its writing looks whether the memory was right: one
 * round trip instead of two.  Where others write to the same streams memories are often wrong, and each costs a round
 * trip more; so the connection doubts them for twice as many batches each time.
 */
#include <string.h>

#include "event/postgres.h"

static void
note_key(const char *key, void *context)
{
	bool *found = context;

	(void)key;
	*found = true;
}

/* Whether the batch needs more than heads: only a look can tell, under the locks. */
static bool
needs_more(const struct es_batch *batch)
{
	bool found = batch->target_count > 0;

	for (int i = 0; i < batch->stream_count && !found; i++)
		es_facts_each_key(batch->streams[i].facts, note_key, &found);
	return found;
}

/* Another connection may be one to a server that has lost what the last one wrote. */
static void
forget_other_connections(struct es_postgres *postgres)
{
	const int64_t reconnects = es_database_reconnects(postgres->database);

	if (reconnects == postgres->reconnects)
		return;
	es_heads_clear(postgres->heads);
	postgres->log[0] = '\0';
	postgres->reconnects = reconnects;
}

bool
es_postgres_recall(struct es_postgres *postgres, struct es_batch *batch)
{
	forget_other_connections(postgres);
	if (postgres->log[0] == '\0' || needs_more(batch))
		return false;
	if (postgres->doubted > 0) {
		postgres->doubted--;
		return false;
	}
	/* who waits for a lock can be told in time only while nothing is sent that may be written */
	if (batch->deadline < es_clock_monotonic() + POSTGRES_ANSWER_TIME || !es_database_is_quiet(postgres->database))
		return false;
	for (int i = 0; i < batch->stream_count; i++) {
		struct es_batch_stream *stream = &batch->streams[i];
		const struct es_remembered *head = es_heads_find(postgres->heads, stream->name);
		if (head == NULL)
			return false;
		stream->id = head->id;
		stream->fresh = false;
		stream->horizon = head->horizon;
		stream->version = head->version;
		stream->head_event = head->event;
		es_facts_set_live(stream->facts, head->live);
	}
	memcpy(batch->log, postgres->log, ES_LOG_SIZE);
	return true;
}

static void
remember(struct es_postgres *postgres, const struct es_batch_stream *stream, const struct es_batch_event *event)
{
	struct es_remembered head = { .id = stream->id,
		                      .horizon = stream->horizon,
		                      .version = event->version,
		                      .event = event->id,
		                      .live = event->live };

	strncpy(head.name, stream->name, sizeof head.name - 1);
	es_heads_remember(postgres->heads, &head);
}

void
es_postgres_remember(struct es_postgres *postgres, const struct es_batch *batch)
{
	forget_other_connections(postgres);
	if (strcmp(postgres->log, batch->log) != 0)
		es_heads_clear(postgres->heads);
	memcpy(postgres->log, batch->log, ES_LOG_SIZE);
	for (int i = 0; i < batch->event_count; i++) {
		const struct es_batch_event *event = &batch->events[i];
		const struct es_batch_stream *stream = &batch->streams[event->stream];
		if (event->version == stream->version)
			remember(postgres, stream, event);
	}
	if (batch->remembered)
		postgres->doubt /= 2;
}

void
es_postgres_forget(struct es_postgres *postgres, const struct es_batch *batch)
{
	for (int i = 0; i < batch->stream_count; i++)
		es_heads_forget(postgres->heads, batch->streams[i].name);
	postgres->doubt = postgres->doubt == 0 ? 1 : 2 * postgres->doubt;
	if (postgres->doubt > POSTGRES_DOUBT_MAX)
		postgres->doubt = POSTGRES_DOUBT_MAX;
	postgres->doubted = postgres->doubt;
}
