#include "event/decision.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* One event as a command decided it. */
struct decided {
	const char *type;
	struct json_object *data; /* owned */
};

/* Of one request: its commands use it one after the other. */
struct es_decision {
	struct decided *events;
	int count;
	int capacity;
	bool failed;
};

void
es_decision_add(struct es_decision *decision, const char *type, struct json_object *data)
{
	if (decision->count == decision->capacity && decision->count < ES_EVENTS_MAX) {
		const int capacity = decision->capacity == 0 ? 1 : decision->capacity * 2;
		struct decided *events = reallocarray(decision->events, (size_t)capacity, sizeof *events);
		if (events != NULL) {
			decision->events = events;
			decision->capacity = capacity;
		}
	}
	if (decision->count == decision->capacity || decision->count == ES_EVENTS_MAX || data == NULL) {
		json_object_put(data);
		decision->failed = true;
		return;
	}
	decision->events[decision->count++] = (struct decided){ .type = type, .data = data };
}

static void
empty_decision(struct es_decision *decision)
{
	for (int i = 0; i < decision->count; i++)
		json_object_put(decision->events[i].data);
	decision->count = 0;
	decision->failed = false;
}

/* What one call works on. */
struct context {
	const struct es_decider *decider;
	const struct es_append *append;
	struct es_batch *batch;
	int stream_index;
	struct es_batch_stream *stream;
	int64_t version_before; /* the stream's, when the request's turn came */
};

static const struct es_event_type *
find_event_type(const struct es_decider *decider, const char *name)
{
	for (const struct es_event_type *type = decider->events; type->name != NULL; type++)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

/* Room for one more event; it grows by doubling.  NULL: no memory. */
static struct es_batch_event *
next_event(struct es_batch *batch)
{
	const int count = batch->event_count;

	/* a power of two is a full array */
	if ((count & (count - 1)) == 0) {
		struct es_batch_event *events =
			reallocarray(batch->events, count == 0 ? 1 : (size_t)count * 2, sizeof *events);
		if (events == NULL)
			return NULL;
		batch->events = events;
	}
	return &batch->events[count];
}

/* Adds an event to the batch as the stream's next version; takes nothing. */
static enum es_result
record(struct context *context, const char *type, struct json_object *data, int64_t base, int live,
       struct es_error *error)
{
	struct es_batch_event *event = next_event(context->batch);
	const char *text =
		json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (event == NULL || text == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for an event");
	*event = (struct es_batch_event){
		.stream = context->stream_index,
		.version = context->stream->version + 1,
		.id = es_uuid_new(),
		.type = type,
		.data = strdup(text),
		.base = base,
		.actor = context->append->actor,
		.command_id = &context->append->command_id,
		.live = live,
	};
	if (event->data == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for an event");
	es_uuid_format(&event->id, event->id_text);
	context->batch->event_count++;
	context->stream->version++;
	return ES_OK;
}

/* Records one decided event and evolves the facts by it. */
static enum es_result
evolve(struct context *context, const struct decided *decided, struct es_error *error)
{
	const struct es_event_type *type = find_event_type(context->decider, decided->type);
	struct es_facts *facts = context->stream->facts;

	if (type == NULL)
		return es_fail(error, ES_FAILED, NULL, "the decider recorded event \"%.60s\", which its table lacks",
		               decided->type);
	enum es_result result = record(context, type->name, decided->data, context->stream->version, 0, error);
	if (result != ES_OK)
		return result;
	struct es_batch_event *recorded = &context->batch->events[context->batch->event_count - 1];
	const struct es_event event = {
		.version = recorded->version, .id = recorded->id_text, .type = type->name, .data = decided->data
	};
	es_facts_begin_event(facts, event.version, event.id);
	type->evolve(&event, facts);
	result = es_facts_check(facts, error);
	recorded->live = es_facts_live(facts);
	if (result == ES_OK && recorded->live > ES_LIVE_MAX)
		return es_fail(error, ES_REFUSED, NULL, "\"%s\" would hold more than %d; remove something first",
		               context->stream->name, ES_LIVE_MAX);
	return result;
}

static enum es_result
decide_command(struct context *context, const struct es_command *command, struct es_decision *decision,
               struct es_error *error)
{
	const struct es_facts *facts = context->stream->facts;
	enum es_result result = command->type->decide(command->value, facts, decision, error);

	if (es_facts_check(facts, error) != ES_OK)
		result = ES_FAILED;
	if (result == ES_OK && decision->failed)
		result = es_fail(error, ES_FAILED, NULL, "no memory for what command \"%s\" decided, or over %d events",
		                 command->type->name, ES_EVENTS_MAX);
	for (int i = 0; result == ES_OK && i < decision->count; i++)
		result = evolve(context, &decision->events[i], error);
	empty_decision(decision);
	return result;
}

/* How many facts were alive after a version that the batch itself made, or that begin fetched; -1 if neither. */
static int
live_at(const struct context *context, int64_t version)
{
	const struct es_batch *batch = context->batch;

	if (version == 0)
		return 0;
	for (int i = batch->event_count - 1; i >= 0; i--)
		if (batch->events[i].stream == context->stream_index && batch->events[i].version == version)
			return batch->events[i].live;
	for (int i = 0; i < batch->target_count; i++)
		if (batch->targets[i].stream == context->stream_index && batch->targets[i].version == version + 1)
			return batch->targets[i].live;
	return -1;
}

static enum es_result
decide_rewind(struct context *context, int64_t target, struct es_error *error)
{
	struct es_batch_stream *stream = context->stream;

	if (target > stream->version) {
		error->version = context->version_before;
		return es_fail(error, ES_NOT_FOUND, "version", "there is no event %lld to rewind; the newest is %lld",
		               (long long)target, (long long)context->version_before);
	}
	if (target < stream->horizon) {
		error->version = stream->horizon;
		return es_fail(error, ES_GONE, "version", "event %lld is no longer kept; the oldest is %lld",
		               (long long)target, (long long)stream->horizon);
	}
	const int live = live_at(context, target - 1);
	if (live < 0)
		return es_fail(error, ES_FAILED, NULL, "the state before event %lld is not known", (long long)target);

	struct json_object *data = json_object_new_object();
	if (data == NULL || json_object_object_add(data, "version", json_object_new_int64(target)) != 0) {
		json_object_put(data);
		return es_fail(error, ES_FAILED, NULL, "no memory for an event");
	}
	const enum es_result result = record(context, ES_REWOUND, data, target - 1, live, error);
	json_object_put(data);
	if (result == ES_OK) {
		stream->rewind_target = target;
		stream->rewind_version = stream->version;
	}
	return result;
}

static enum es_result
check_expected(const struct es_append *append, const struct es_batch *batch, const struct es_batch_stream *stream,
               struct es_error *error)
{
	if (append->expected_count == 0)
		return ES_OK;
	for (int i = 0; i < append->expected_count; i++) {
		const struct es_expected *expected = &append->expected[i];
		if (expected->version == stream->version &&
		    (expected->log[0] == '\0' || strcmp(expected->log, batch->log) == 0))
			return ES_OK;
	}
	error->version = stream->version;
	return es_fail(error, ES_CONFLICT, NULL, "\"%s\" stands at version %lld; look at what changed and decide again",
	               stream->name, (long long)stream->version);
}

enum es_result
es_decide(const struct es_decider *decider, const struct es_append *append, int stream_index, struct es_batch *batch,
          struct es_error *error)
{
	struct context context = {
		.decider = decider,
		.append = append,
		.batch = batch,
		.stream_index = stream_index,
		.stream = &batch->streams[stream_index],
		.version_before = batch->streams[stream_index].version,
	};
	struct es_batch_stream *stream = context.stream;
	const int events_before = batch->event_count;
	const struct es_facts_savepoint savepoint = es_facts_save(stream->facts);

	enum es_result result = check_expected(append, batch, stream, error);
	if (result != ES_OK)
		return result;
	struct es_decision decision = { 0 };
	for (int i = 0; result == ES_OK && i < append->commands.count; i++) {
		const struct es_command *command = &append->commands.commands[i];
		result = command->type == NULL ? decide_rewind(&context, command->target, error)
		                               : decide_command(&context, command, &decision, error);
		if (result != ES_OK && append->commands.count > 1)
			error->index = i;
	}
	free(decision.events);
	if (result == ES_OK && batch->event_count - events_before > ES_EVENTS_MAX)
		result = es_fail(error, ES_REFUSED, NULL, "one request may record at most %d events", ES_EVENTS_MAX);
	if (result != ES_OK) {
		/* as if it had never been asked */
		es_facts_rollback(stream->facts, savepoint);
		while (batch->event_count > events_before)
			free(batch->events[--batch->event_count].data);
		stream->version = context.version_before;
		stream->rewind_target = 0;
		stream->rewind_version = 0;
	} else if (stream->first_version == 0 && batch->event_count > events_before) {
		stream->first_version = context.version_before + 1;
	}
	return result;
}
