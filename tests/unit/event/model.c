#include "model.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/text.h"
#include "tap.h"

void
model_done(struct model *model)
{
	for (int64_t v = 1; v <= model->head; v++)
		json_object_put(model->events[v].steps);
	model->head = 0;
}

static void
forget(struct model_state *state, const char *key)
{
	int kept = 0;

	for (int i = 0; i < state->count; i++)
		if (strcmp(state->facts[i].key, key) != 0)
			state->facts[kept++] = state->facts[i];
	state->count = kept;
}

static const char *
text_of(struct json_object *step, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(step, index));
}

static void
apply_step(struct json_object *step, const struct model_event *event, int64_t version, struct model_state *state)
{
	const char *verb = text_of(step, 0);
	struct model_fact fact = { .origin = version };

	snprintf(fact.key, sizeof fact.key, "%s%s", strstr(verb, "own") != NULL ? event->id : "", text_of(step, 1));
	forget(state, fact.key);
	if (strcmp(verb, "put") != 0 && strcmp(verb, "own") != 0)
		return;
	if (state->count == MODEL_FACTS_MAX)
		bail("the model holds at most %d facts", MODEL_FACTS_MAX);
	snprintf(fact.value, sizeof fact.value, "%s",
	         json_object_to_json_string_ext(json_object_array_get_idx(step, 2), JSON_C_TO_STRING_PLAIN));
	state->facts[state->count++] = fact;
}

static int
compare_facts(const void *one, const void *other)
{
	const struct model_fact *left = one;
	const struct model_fact *right = other;

	if (left->origin != right->origin)
		return left->origin < right->origin ? -1 : 1;
	return strcmp(left->key, right->key);
}

void
model_state(const struct model *model, int64_t version, struct model_state *ret_state)
{
	if (version == 0) {
		ret_state->count = 0;
		return;
	}
	const struct model_event *event = &model->events[version];
	model_state(model, event->base, ret_state);
	for (size_t i = 0; event->steps != NULL && i < json_object_array_length(event->steps); i++)
		apply_step(json_object_array_get_idx(event->steps, i), event, version, ret_state);
	qsort(ret_state->facts, (size_t)ret_state->count, sizeof *ret_state->facts, compare_facts);
}

char *
model_state_text(const struct model *model, int64_t version)
{
	struct es_text text = ES_TEXT_INIT;
	struct model_state state;

	model_state(model, version, &state);
	for (int i = 0; i < state.count; i++)
		es_text_add_format(&text, "%s%s=%s@%lld", i == 0 ? "" : " ", state.facts[i].key, state.facts[i].value,
		                   (long long)state.facts[i].origin);
	return es_text_steal(&text);
}

bool
model_is_active(const struct model *model, int64_t head, int64_t event)
{
	for (int64_t at = head; at > 0; at = model->events[at].base)
		if (at == event)
			return true;
	return false;
}

static void
add_event(struct model *model, const char *type, int64_t base, struct json_object *steps)
{
	if (model->head == MODEL_EVENTS_MAX)
		bail("the model holds at most %d events", MODEL_EVENTS_MAX);
	model->events[++model->head] = (struct model_event){ .type = type, .base = base, .steps = steps };
}

/* [[verb, key, value]]; takes value. */
static struct json_object *
one_step(const char *verb, const char *key, struct json_object *value)
{
	struct json_object *steps = json_object_new_array();
	struct json_object *step = json_object_new_array();

	json_object_array_add(step, json_object_new_string(verb));
	json_object_array_add(step, json_object_new_string(key));
	json_object_array_add(step, value);
	json_object_array_add(steps, step);
	return steps;
}

static bool
has_key(const struct model *model, const char *key)
{
	struct model_state state;

	model_state(model, model->head, &state);
	for (int i = 0; i < state.count; i++)
		if (strcmp(state.facts[i].key, key) == 0)
			return true;
	return false;
}

static enum es_result
apply_command(struct model *model, struct json_object *command)
{
	const char *type = json_object_get_string(json_object_object_get(command, "type"));
	const char *key = json_object_get_string(json_object_object_get(command, "key"));

	if (strcmp(type, "rewind") == 0) {
		const int64_t target = json_object_get_int64(json_object_object_get(command, "version"));
		if (target > model->head)
			return ES_NOT_FOUND;
		add_event(model, "rewound", target - 1, NULL);
	} else if (strcmp(type, "put") == 0) {
		add_event(model, "put", model->head,
		          one_step("put", key, json_object_get(json_object_object_get(command, "value"))));
	} else if (strcmp(type, "drop") == 0) {
		if (!has_key(model, key))
			return ES_NOT_FOUND;
		add_event(model, "dropped", model->head, one_step("remove", key, NULL));
	} else if (strcmp(type, "script") == 0) {
		add_event(model, "scripted", model->head, json_object_get(json_object_object_get(command, "steps")));
	} else if (strcmp(type, "refuse") == 0) {
		return ES_REFUSED;
	} else if (strcmp(type, "nothing") != 0) {
		bail("the model does not know \"%s\"", type);
	}
	return ES_OK;
}

enum es_result
model_apply(struct model *model, struct json_object *body)
{
	const int64_t before = model->head;
	const bool array = json_object_is_type(body, json_type_array);
	const size_t count = array ? json_object_array_length(body) : 1;
	enum es_result result = ES_OK;

	for (size_t i = 0; result == ES_OK && i < count; i++)
		result = apply_command(model, array ? json_object_array_get_idx(body, i) : body);
	while (result != ES_OK && model->head > before)
		json_object_put(model->events[model->head--].steps);
	return result;
}
