#include "sample.h"

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "tap.h"

void (*sample_pause)(void);

static _Atomic int requests_done;

/* --- put, drop, careless --- */

/* Every command keeps its whole body. */
struct sample_command {
	struct json_object *body; /* owned */
};

static enum es_result
parse_body(struct json_object *body, void *command, struct es_error *error)
{
	(void)error;
	((struct sample_command *)command)->body = json_object_get(body);
	return ES_OK;
}

static void
free_body(void *command)
{
	json_object_put(((struct sample_command *)command)->body);
}

static struct json_object *
member(const void *command, const char *name)
{
	return json_object_object_get(((const struct sample_command *)command)->body, name);
}

static const char *
key_of(const void *command)
{
	return json_object_get_string(member(command, "key"));
}

static void
needs_key(const void *command, struct es_keys *keys)
{
	es_keys_add(keys, key_of(command));
}

static enum es_result
decide_put(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	struct json_object *data = json_object_new_object();

	(void)facts;
	(void)error;
	json_object_object_add(data, "key", json_object_get(member(command, "key")));
	json_object_object_add(data, "value", json_object_get(member(command, "value")));
	es_decision_add(decision, "put", data);
	return ES_OK;
}

static void
evolve_put(const struct es_event *event, struct es_facts *facts)
{
	es_facts_put(facts, json_object_get_string(json_object_object_get(event->data, "key")),
	             json_object_get(json_object_object_get(event->data, "value")));
}

static enum es_result
decide_drop(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	if (es_facts_get(facts, key_of(command)) == NULL)
		return es_fail(error, ES_NOT_FOUND, "key", "there is no \"%s\"", key_of(command));
	struct json_object *data = json_object_new_object();
	json_object_object_add(data, "key", json_object_get(member(command, "key")));
	es_decision_add(decision, "dropped", data);
	return ES_OK;
}

static void
evolve_dropped(const struct es_event *event, struct es_facts *facts)
{
	es_facts_remove(facts, json_object_get_string(json_object_object_get(event->data, "key")));
}

/* --- script --- */

static const char *
step_text(struct json_object *step, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(step, index));
}

static void
needs_of_script(const void *command, struct es_keys *keys)
{
	struct json_object *steps = member(command, "steps");

	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);
		if (strstr(step_text(step, 0), "own") == NULL)
			es_keys_add(keys, step_text(step, 1));
	}
}

static enum es_result
decide_script(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	struct json_object *data = json_object_new_object();

	(void)facts;
	(void)error;
	json_object_object_add(data, "steps", json_object_get(member(command, "steps")));
	es_decision_add(decision, "scripted", data);
	return ES_OK;
}

static void
evolve_scripted(const struct es_event *event, struct es_facts *facts)
{
	struct json_object *steps = json_object_object_get(event->data, "steps");

	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);
		const char *verb = step_text(step, 0);
		char key[1024];

		if (strstr(verb, "own") != NULL)
			snprintf(key, sizeof key, "%s%s", event->id, step_text(step, 1));
		else
			snprintf(key, sizeof key, "%s", step_text(step, 1));
		if (strcmp(verb, "put") == 0 || strcmp(verb, "own") == 0)
			es_facts_put(facts, key, json_object_get(json_object_array_get_idx(step, 2)));
		else
			es_facts_remove(facts, key);
	}
}

/* --- the rest --- */

static enum es_result
decide_several(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	const int count = json_object_get_int(member(command, "count"));

	(void)facts;
	(void)error;
	for (int i = 1; i <= count; i++) {
		struct json_object *data = json_object_new_object();
		json_object_object_add(data, "number", json_object_new_int(i));
		es_decision_add(decision, "counted", data);
	}
	return ES_OK;
}

static void
evolve_counted(const struct es_event *event, struct es_facts *facts)
{
	(void)event;
	(void)facts;
}

static enum es_result
decide_nothing(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command;
	(void)facts;
	(void)decision;
	(void)error;
	return ES_OK;
}

static enum es_result
decide_refuse(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command;
	(void)facts;
	(void)decision;
	return es_fail(error, ES_REFUSED, NULL, "refused as asked");
}

/* Reads a key that nobody named: a bug that the library must catch. */
static enum es_result
decide_careless(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)error;
	es_facts_get(facts, key_of(command));
	es_decision_add(decision, "counted", json_object_new_object());
	return ES_OK;
}

static enum es_result
decide_pause(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command;
	(void)facts;
	(void)error;
	if (sample_pause != NULL)
		sample_pause();
	es_decision_add(decision, "counted", json_object_new_object());
	return ES_OK;
}

#define COMMAND(word, ...)                                                                                          \
	{                                                                                                           \
		.name = #word, .size = sizeof(struct sample_command), .parse = parse_body, .decide = decide_##word, \
		.done = free_body, __VA_ARGS__                                                                      \
	}

static const struct es_command_type commands[] = {
	COMMAND(put, .needs = needs_key), COMMAND(drop, .needs = needs_key), COMMAND(script, .needs = needs_of_script),
	COMMAND(several, .needs = NULL),  COMMAND(nothing, .needs = NULL),   COMMAND(refuse, .needs = NULL),
	COMMAND(careless, .needs = NULL), COMMAND(pause, .needs = NULL),     { 0 },
};

static const struct es_event_type events[] = {
	{ .name = "put", .evolve = evolve_put },
	{ .name = "dropped", .evolve = evolve_dropped },
	{ .name = "scripted", .evolve = evolve_scripted },
	{ .name = "counted", .evolve = evolve_counted },
	{ 0 },
};

const struct es_decider sample_decider = { .name = "sample", .commands = commands, .events = events };

/* --- requests --- */

static void
keep_answer(struct es_append *append)
{
	struct sample_request *request = append->context;

	request->done++;
	request->order = ++requests_done;
	request->done_at = es_clock_monotonic();
	free(request->events);
	request->events = calloc((size_t)append->event_count + 1, sizeof *request->events);
	for (int i = 0; i < append->event_count; i++) {
		const struct es_event_row *row = &append->events[i];
		struct sample_event *kept = &request->events[i];
		kept->version = row->version;
		kept->position = row->position;
		kept->base = row->base;
		kept->recorded_at = row->recorded_at;
		snprintf(kept->id, sizeof kept->id, "%s", row->id);
		snprintf(kept->command_id, sizeof kept->command_id, "%s", row->command_id);
		snprintf(kept->type, sizeof kept->type, "%s", row->type);
		snprintf(kept->data, sizeof kept->data, "%s", row->data);
	}
	append->events = NULL; /* not ours any more when this returns */
}

void
sample_request_begin(struct sample_request *request, const char *stream, const char *body)
{
	struct es_error error = ES_ERROR_INIT;
	_cleanup_json_ struct json_object *parsed = json_tokener_parse(body);

	*request = (struct sample_request){ .append = { .stream = stream,
		                                        .command_id = es_uuid_new(),
		                                        .deadline = es_clock_monotonic() + 20 * ES_SECOND,
		                                        .size = strlen(body),
		                                        .done = keep_answer,
		                                        .context = request },
		                            .body = strdup(body) };
	if (es_commands_parse(&sample_decider, parsed, &request->append.commands, &error) != ES_OK)
		bail("\"%.100s\" is no command: %s", body, error.detail);
}

void
sample_request_key(struct sample_request *request, const char *key)
{
	request->append.keyed = true;
	if (key != NULL && !es_uuid_parse(key, &request->append.command_id))
		bail("\"%s\" is no key", key);
	if (!es_append_hash(&request->append, request->body, strlen(request->body)))
		bail("no memory");
}

void
sample_request_done(struct sample_request *request)
{
	es_commands_done(&request->append.commands);
	free(request->events);
	free(request->body);
	request->events = NULL;
	request->body = NULL;
}

void
sample_apply(struct es_store *store, struct sample_request *requests, int count, const struct es_batch_hooks *hooks)
{
	for (int i = 0; i < count; i++)
		requests[i].append.next = i + 1 < count ? &requests[i + 1].append : NULL;
	es_batch_apply(store, &sample_decider, &requests[0].append, hooks);
}

enum es_result
sample_do(struct es_store *store, const char *stream, const char *body, struct sample_request *ret_request)
{
	struct sample_request own = { 0 };
	struct sample_request *request = ret_request != NULL ? ret_request : &own;

	sample_request_begin(request, stream, body);
	const enum es_result result = es_append_now(store, &sample_decider, &request->append);
	if (request->done != 1)
		bail("done was called %d times", request->done);
	if (ret_request == NULL)
		sample_request_done(request);
	return result;
}

struct es_head
sample_head(struct es_store *store, const char *stream)
{
	struct es_error error = ES_ERROR_INIT;
	struct es_head head;

	if (store->operations->head(store, stream, &head, &error) != ES_OK)
		bail("no head of \"%s\": %s", stream, error.detail);
	return head;
}

char *
sample_state(struct es_store *store, const char *stream, int64_t version, int limit)
{
	const struct es_head head = sample_head(store, stream);
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;
	char after_key[1024] = "";
	int64_t after = 0;

	for (bool more = true; more;) {
		struct es_page page = { 0 };
		if (store->operations->facts(store, &head, version, (struct es_place){ after, after_key }, limit, &page,
		                             &error) != ES_OK)
			bail("no state %lld of \"%s\": %s", (long long)version, stream, error.detail);
		for (int i = 0; i < page.count; i++) {
			_cleanup_json_ struct json_object *value = json_tokener_parse(page.facts[i].value);
			es_text_add_format(&text, "%s%s=%s@%lld", text.size == 0 ? "" : " ", page.facts[i].key,
			                   json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
			                   (long long)page.facts[i].origin);
		}
		if (page.count > limit || (page.more && page.count == 0))
			bail("a page of %d facts where %d were asked for", page.count, limit);
		if (page.count > 0) {
			after = page.facts[page.count - 1].origin;
			snprintf(after_key, sizeof after_key, "%s", page.facts[page.count - 1].key);
		}
		more = page.more;
		es_page_done(&page);
	}
	return es_text_steal(&text);
}
