/* Random requests, and their answers against the model's. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "model.h"
#include "run.h"
#include "sample.h"

enum {
	REQUESTS_MAX = 8, /* in a batch */
	COMMANDS_MAX = 4, /* in an array */
	STEPS_MAX = 5,    /* in a script */
};

/* --- random requests --- */

static void
add_step(struct run *run, struct es_text *text)
{
	static const char *const values[] = { "1", "\"two\"", "{\"three\":[3]}", "[]", "true", "4.5" };
	const char key = (char)('a' + run_below(run, 5));
	const char *value = values[run_below(run, 6)];

	switch (run_below(run, 6)) {
	case 0:
		es_text_add_format(text, "[\"remove\",\"%c\"]", key);
		break;
	case 1:
		es_text_add_format(text, "[\"own\",\"/%c\",%s]", key, value);
		break;
	case 2:
		es_text_add_format(text, "[\"disown\",\"/%c\"]", key);
		break;
	default:
		es_text_add_format(text, "[\"put\",\"%c\",%s]", key, value);
		break;
	}
}

static void
add_command(struct run *run, struct es_text *text, int64_t head, bool last)
{
	const char key = (char)('a' + run_below(run, 5));
	const int choice = run_below(run, last ? 20 : 15);

	if (choice < 5) {
		es_text_add_format(text, "{\"type\":\"put\",\"key\":\"%c\",\"value\":%d}", key, run_below(run, 100));
	} else if (choice < 8) {
		es_text_add_format(text, "{\"type\":\"drop\",\"key\":\"%c\"}", key);
	} else if (choice < 13) {
		es_text_add_string(text, "{\"type\":\"script\",\"steps\":[");
		for (int i = run_below(run, STEPS_MAX + 1); i > 0; i--) {
			add_step(run, text);
			es_text_add_string(text, i > 1 ? "," : "");
		}
		es_text_add_string(text, "]}");
	} else if (choice == 13) {
		es_text_add_string(text, "{\"type\":\"nothing\"}");
	} else if (choice == 14) {
		es_text_add_string(text, run_below(run, 3) == 0 ? "{\"type\":\"refuse\"}" : "{\"type\":\"nothing\"}");
	} else {
		/* mostly an event that is there, now and then one that is not yet or never will be */
		es_text_add_format(text, "{\"type\":\"rewind\",\"version\":%d}", 1 + run_below(run, (int)head + 2));
	}
}

static char *
random_body(struct run *run, int64_t head)
{
	struct es_text text = ES_TEXT_INIT;
	const int count = run_below(run, 3) == 0 ? 1 + run_below(run, COMMANDS_MAX) : 0;

	if (count == 0)
		add_command(run, &text, head, true);
	es_text_add_string(&text, count > 0 ? "[" : "");
	for (int i = 0; i < count; i++) {
		add_command(run, &text, head, i + 1 == count);
		es_text_add_string(&text, i + 1 < count ? "," : "]");
	}
	return es_text_steal(&text);
}

/* --- one batch --- */

/* What a request of the batch is, besides what it asks for. */
struct plan {
	int stream;
	int repeats; /* index of the key that is sent again, or -1 */
};

static void
check_repeat(struct run *run, const struct sample_request *request, const struct keyed *first)
{
	run_expect_int(run, REPEATS, request->append.result, ES_OK);
	run_expect_int(run, REPEATS, request->append.replayed, true);
	run_expect_int(run, REPEATS, request->append.version, first->version);
	run_expect_int(run, REPEATS, request->append.event_count, first->events);
	for (int i = 0; request->append.result == ES_OK && i < request->append.event_count; i++) {
		const int64_t version = first->version - first->events + 1 + i;
		run_expect_int(run, REPEATS, request->events[i].version, version);
		run_expect_text(run, REPEATS, request->events[i].id, run->models[first->stream].events[version].id);
		run_expect_text(run, REPEATS, request->events[i].command_id, first->key);
	}
}

/* Compares an answer with what the model makes of the same request, and tells the model the ids. */
static void
check_answer(struct run *run, const struct sample_request *request, const struct plan *plan)
{
	struct model *model = &run->models[plan->stream];
	const int64_t before = model->head;
	_cleanup_json_ struct json_object *body = json_tokener_parse(request->body);
	const enum es_result expected = model_apply(model, body);

	run_expect_int(run, ANSWERS, request->append.result, expected);
	if (request->append.result != expected || expected != ES_OK)
		return;
	run_expect_int(run, ANSWERS, request->append.version, model->head);
	run_expect_int(run, ANSWERS, request->append.event_count, model->head - before);
	for (int i = 0; i < request->append.event_count && before + 1 + i <= model->head; i++) {
		struct model_event *event = &model->events[before + 1 + i];
		run_expect_int(run, ANSWERS, request->events[i].version, before + 1 + i);
		run_expect_int(run, ANSWERS, request->events[i].base, event->base);
		run_expect_text(run, ANSWERS, request->events[i].type, event->type);
		snprintf(event->id, sizeof event->id, "%s", request->events[i].id);
		run->rewinds += event->steps == NULL ? 1 : 0;
		run->events++;
	}
}

static int
compare_positions(const void *one, const void *other)
{
	const int64_t left = *(const int64_t *)one;
	const int64_t right = *(const int64_t *)other;

	return left < right ? -1 : left > right ? 1 : 0;
}

static void
check_positions(struct run *run, const struct sample_request *requests, const struct plan *plans, int count)
{
	int64_t positions[REQUESTS_MAX * COMMANDS_MAX] = { 0 };
	int64_t last[STREAMS] = { 0 };
	int found = 0;

	for (int i = 0; i < count; i++) {
		if (plans[i].repeats >= 0 || requests[i].append.result != ES_OK)
			continue;
		for (int n = 0; n < requests[i].append.event_count; n++) {
			const int64_t position = requests[i].events[n].position;
			run_expect(run, POSITIONS, position > last[plans[i].stream], "one that goes back",
			           "rising positions");
			last[plans[i].stream] = position;
			positions[found++] = position;
		}
	}
	qsort(positions, (size_t)found, sizeof *positions, compare_positions);
	if (run->position == 0 && found > 0)
		run->position = positions[0] - 1;
	for (int i = 0; i < found; i++)
		run_expect_int(run, POSITIONS, positions[i], ++run->position);
}

static void
remember_key(struct run *run, const struct sample_request *request, int stream)
{
	if (run->keyed_count == KEYED_MAX)
		return;
	struct keyed *keyed = &run->keyed[run->keyed_count++];
	keyed->stream = stream;
	keyed->body = strdup(request->body);
	keyed->version = request->append.version;
	keyed->events = request->append.event_count;
	es_uuid_format(&request->append.command_id, keyed->key);
}

void
run_batch(struct run *run)
{
	struct sample_request requests[REQUESTS_MAX];
	struct plan plans[REQUESTS_MAX];
	const int count = 1 + run_below(run, REQUESTS_MAX);

	for (int i = 0; i < count; i++) {
		plans[i] = (struct plan){ .stream = run_below(run, STREAMS), .repeats = -1 };
		if (run->keyed_count > 0 && run_below(run, 8) == 0) {
			plans[i].repeats = run_below(run, run->keyed_count);
			const struct keyed *keyed = &run->keyed[plans[i].repeats];
			plans[i].stream = keyed->stream;
			sample_request_begin(&requests[i], run->names[keyed->stream], keyed->body);
			sample_request_key(&requests[i], keyed->key);
			continue;
		}
		_cleanup_free_ char *body = random_body(run, run->models[plans[i].stream].head);
		sample_request_begin(&requests[i], run->names[plans[i].stream], body);
		if (run_below(run, 3) == 0)
			sample_request_key(&requests[i], NULL);
	}
	sample_apply(run->store, requests, count, NULL);
	for (int i = 0; i < count; i++) {
		run_expect_int(run, ANSWERS, requests[i].done, 1);
		if (plans[i].repeats >= 0)
			check_repeat(run, &requests[i], &run->keyed[plans[i].repeats]);
		else
			check_answer(run, &requests[i], &plans[i]);
	}
	check_positions(run, requests, plans, count);
	for (int i = 0; i < count; i++) {
		if (plans[i].repeats < 0 && requests[i].append.keyed && requests[i].append.result == ES_OK)
			remember_key(run, &requests[i], plans[i].stream);
		sample_request_done(&requests[i]);
	}
}
