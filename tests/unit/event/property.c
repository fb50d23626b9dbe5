#include "property.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "model.h"
#include "sample.h"
#include "tap.h"

enum {
	STREAMS = 3,
	REQUESTS_MAX = 8,  /* in a batch */
	BATCHES_MAX = 8,   /* in a log */
	COMMANDS_MAX = 4,  /* in an array */
	STEPS_MAX = 5,     /* in a script */
	KEYED_MAX = 16,    /* keys that are remembered, to be sent again */
	LOGS_A_STORE = 20, /* a store in memory looks at everything it holds */
};

enum property { ANSWERS, POSITIONS, REPEATS, STATES, LIVE, ACTIVE, TYPES, DIFFERENCES, CHANGES, PROPERTIES };

static const char *const property_names[PROPERTIES] = {
	[ANSWERS] = "each request is answered as the model says, in order, with dense versions",
	[POSITIONS] = "positions are dense, and rise within each stream",
	[REPEATS] = "a key sent again has the first answer",
	[STATES] = "the state at every version",
	[LIVE] = "the number of facts at the head",
	[ACTIVE] = "events in pages, both ways, with their base and whether they are active",
	[TYPES] = "pages of one type of events",
	[DIFFERENCES] = "the differences of two states",
	[CHANGES] = "S(v - 1) and the changes of v are S(v)",
};

/* A request whose key was remembered. */
struct keyed {
	int stream;
	char *body; /* owned */
	char key[ES_UUID_TEXT_SIZE];
	int64_t version;
	int events;
};

struct run {
	struct es_store *store;
	uint64_t random;
	int faults[PROPERTIES];
	long checks[PROPERTIES];
	int log;
	struct model models[STREAMS];
	char names[STREAMS][32];
	int64_t position;
	struct keyed keyed[KEYED_MAX];
	int keyed_count;
	long events;
	long rewinds;
};

/* xorshift64*: the same numbers for the same seed everywhere. */
static uint64_t
next_random(struct run *run)
{
	run->random ^= run->random >> 12;
	run->random ^= run->random << 25;
	run->random ^= run->random >> 27;
	return run->random * UINT64_C(2685821657736338717);
}

/* From 0 to most - 1. */
static int
below(struct run *run, int most)
{
	return (int)((next_random(run) >> 33) % (uint64_t)most);
}

static void
expect(struct run *run, enum property property, bool holds, const char *got, const char *expected)
{
	run->checks[property]++;
	if (holds)
		return;
	if (run->faults[property]++ == 0)
		printf("# log %d: %s\n#      got: %s\n# expected: %s\n", run->log, property_names[property], got,
		       expected);
}

static void
expect_int(struct run *run, enum property property, int64_t got, int64_t expected)
{
	char got_text[32];
	char expected_text[32];

	snprintf(got_text, sizeof got_text, "%lld", (long long)got);
	snprintf(expected_text, sizeof expected_text, "%lld", (long long)expected);
	expect(run, property, got == expected, got_text, expected_text);
}

static void
expect_text(struct run *run, enum property property, const char *got, const char *expected)
{
	expect(run, property, strcmp(got, expected) == 0, got, expected);
}

/* --- random requests --- */

static void
add_step(struct run *run, struct es_text *text)
{
	static const char *const values[] = { "1", "\"two\"", "{\"three\":[3]}", "[]", "true", "4.5" };
	const char key = (char)('a' + below(run, 5));
	const char *value = values[below(run, 6)];

	switch (below(run, 6)) {
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
	const char key = (char)('a' + below(run, 5));
	const int choice = below(run, last ? 20 : 15);

	if (choice < 5) {
		es_text_add_format(text, "{\"type\":\"put\",\"key\":\"%c\",\"value\":%d}", key, below(run, 100));
	} else if (choice < 8) {
		es_text_add_format(text, "{\"type\":\"drop\",\"key\":\"%c\"}", key);
	} else if (choice < 13) {
		es_text_add_string(text, "{\"type\":\"script\",\"steps\":[");
		for (int i = below(run, STEPS_MAX + 1); i > 0; i--) {
			add_step(run, text);
			es_text_add_string(text, i > 1 ? "," : "");
		}
		es_text_add_string(text, "]}");
	} else if (choice == 13) {
		es_text_add_string(text, "{\"type\":\"nothing\"}");
	} else if (choice == 14) {
		es_text_add_string(text, below(run, 3) == 0 ? "{\"type\":\"refuse\"}" : "{\"type\":\"nothing\"}");
	} else {
		/* mostly an event that is there, now and then one that is not yet or never will be */
		es_text_add_format(text, "{\"type\":\"rewind\",\"version\":%d}", 1 + below(run, (int)head + 2));
	}
}

static char *
random_body(struct run *run, int64_t head)
{
	struct es_text text = ES_TEXT_INIT;
	const int count = below(run, 3) == 0 ? 1 + below(run, COMMANDS_MAX) : 0;

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
	expect_int(run, REPEATS, request->append.result, ES_OK);
	expect_int(run, REPEATS, request->append.replayed, true);
	expect_int(run, REPEATS, request->append.version, first->version);
	expect_int(run, REPEATS, request->append.event_count, first->events);
	for (int i = 0; request->append.result == ES_OK && i < request->append.event_count; i++) {
		const int64_t version = first->version - first->events + 1 + i;
		expect_int(run, REPEATS, request->events[i].version, version);
		expect_text(run, REPEATS, request->events[i].id, run->models[first->stream].events[version].id);
		expect_text(run, REPEATS, request->events[i].command_id, first->key);
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

	expect_int(run, ANSWERS, request->append.result, expected);
	if (request->append.result != expected || expected != ES_OK)
		return;
	expect_int(run, ANSWERS, request->append.version, model->head);
	expect_int(run, ANSWERS, request->append.event_count, model->head - before);
	for (int i = 0; i < request->append.event_count && before + 1 + i <= model->head; i++) {
		struct model_event *event = &model->events[before + 1 + i];
		expect_int(run, ANSWERS, request->events[i].version, before + 1 + i);
		expect_int(run, ANSWERS, request->events[i].base, event->base);
		expect_text(run, ANSWERS, request->events[i].type, event->type);
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
			expect(run, POSITIONS, position > last[plans[i].stream], "one that goes back",
			       "rising positions");
			last[plans[i].stream] = position;
			positions[found++] = position;
		}
	}
	qsort(positions, (size_t)found, sizeof *positions, compare_positions);
	if (run->position == 0 && found > 0)
		run->position = positions[0] - 1;
	for (int i = 0; i < found; i++)
		expect_int(run, POSITIONS, positions[i], ++run->position);
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

static void
run_batch(struct run *run)
{
	struct sample_request requests[REQUESTS_MAX];
	struct plan plans[REQUESTS_MAX];
	const int count = 1 + below(run, REQUESTS_MAX);

	for (int i = 0; i < count; i++) {
		plans[i] = (struct plan){ .stream = below(run, STREAMS), .repeats = -1 };
		if (run->keyed_count > 0 && below(run, 8) == 0) {
			plans[i].repeats = below(run, run->keyed_count);
			const struct keyed *keyed = &run->keyed[plans[i].repeats];
			plans[i].stream = keyed->stream;
			sample_request_begin(&requests[i], run->names[keyed->stream], keyed->body);
			sample_request_key(&requests[i], keyed->key);
			continue;
		}
		_cleanup_free_ char *body = random_body(run, run->models[plans[i].stream].head);
		sample_request_begin(&requests[i], run->names[plans[i].stream], body);
		if (below(run, 3) == 0)
			sample_request_key(&requests[i], NULL);
	}
	sample_apply(run->store, requests, count, NULL);
	for (int i = 0; i < count; i++) {
		expect_int(run, ANSWERS, requests[i].done, 1);
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

/* --- the whole log, read back --- */

static void
check_states(struct run *run, int stream)
{
	const struct model *model = &run->models[stream];

	for (int64_t v = 0; v <= model->head; v++) {
		_cleanup_free_ char *got = sample_state(run->store, run->names[stream], v, 1 + below(run, 10));
		_cleanup_free_ char *expected = model_state_text(model, v);
		expect_text(run, STATES, got, expected);
	}
}

static void
check_live(struct run *run, int stream)
{
	const struct model *model = &run->models[stream];
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;
	struct model_state state;
	char after[32];

	/* the page after the name that is the next smaller one begins with the stream */
	snprintf(after, sizeof after, "%s", run->names[stream]);
	after[strlen(after) - 1]--;
	if (run->store->operations->streams(run->store, after, 1, &page, &error) != ES_OK)
		bail("no list of streams: %s", error.detail);
	model_state(model, model->head, &state);
	if (model->head == 0) {
		expect(run, LIVE, page.count == 0 || strcmp(page.streams[0].name, run->names[stream]) != 0,
		       "a stream without events in the list", "none");
	} else {
		expect_text(run, LIVE, page.count == 0 ? "" : page.streams[0].name, run->names[stream]);
		expect_int(run, LIVE, page.count == 0 ? -1 : page.streams[0].live, state.count);
		expect_int(run, LIVE, page.count == 0 ? -1 : page.streams[0].version, model->head);
	}
	es_page_done(&page);
}

/* All events of type (NULL: all) as of version, page by page; checks each one and that none is missing. */
static void
check_events(struct run *run, int stream, int64_t version, bool oldest_first, const char *type)
{
	const enum property property = type == NULL ? ACTIVE : TYPES;
	const struct model *model = &run->models[stream];
	const struct es_head head = sample_head(run->store, run->names[stream]);
	struct es_events_query query = { .version = version,
		                         .cursor = oldest_first ? 0 : version,
		                         .oldest_first = oldest_first,
		                         .type = type,
		                         .limit = 1 + below(run, 12) };
	struct es_error error = ES_ERROR_INIT;
	int64_t next = oldest_first ? 1 : version;
	const int64_t step = oldest_first ? 1 : -1;

	for (bool more = head.version > 0; more;) {
		struct es_page page = { 0 };
		if (run->store->operations->events(run->store, &head, &query, &page, &error) != ES_OK)
			bail("no events: %s", error.detail);
		for (int i = 0; i < page.count; i++, next += step) {
			const struct es_event_row *row = &page.events[i];
			while (type != NULL && next >= 1 && next <= version &&
			       strcmp(model->events[next].type, type) != 0)
				next += step;
			if (next < 1 || next > version) {
				expect(run, property, false, "an event too many", "none");
				break;
			}
			expect_int(run, property, row->version, next);
			expect_int(run, property, row->base, model->events[next].base);
			expect_int(run, property, row->active, model_is_active(model, version, next));
			expect_text(run, property, row->type, model->events[next].type);
			expect_text(run, property, row->id, model->events[next].id);
		}
		/* an exact end may need one more page, an empty one; never the same again */
		more = page.more;
		const int64_t cursor = oldest_first ? page.examined : page.examined - 1;
		expect(run, property, !more || cursor != query.cursor, "the same page again", "another page");
		more = more && cursor != query.cursor;
		query.cursor = cursor;
		es_page_done(&page);
	}
	while (type != NULL && next >= 1 && next <= version && strcmp(model->events[next].type, type) != 0)
		next += step;
	expect_int(run, property, next, oldest_first ? version + 1 : 0);
}

/* One difference as text: "+key=value@origin", "-...", or "~key=value@origin>value@origin". */
static void
add_difference(struct es_text *text, const struct model_fact *from, const struct model_fact *to)
{
	if (from == NULL)
		es_text_add_format(text, "+%s=%s@%lld ", to->key, to->value, (long long)to->origin);
	else if (to == NULL)
		es_text_add_format(text, "-%s=%s@%lld ", from->key, from->value, (long long)from->origin);
	else
		es_text_add_format(text, "~%s=%s@%lld>%s@%lld ", from->key, from->value, (long long)from->origin,
		                   to->value, (long long)to->origin);
}

static const struct model_fact *
find_fact(const struct model_state *state, const char *key)
{
	for (int i = 0; i < state->count; i++)
		if (strcmp(state->facts[i].key, key) == 0)
			return &state->facts[i];
	return NULL;
}

/* One place of the merged list: a fact of the later state, or one that is gone from it. */
struct place {
	const struct model_fact *at;
	const struct model_fact *from;
	const struct model_fact *to;
};

static int
compare_places(const void *one, const void *other)
{
	const struct place *left = one;
	const struct place *right = other;

	if (left->at->origin != right->at->origin)
		return left->at->origin < right->at->origin ? -1 : 1;
	return strcmp(left->at->key, right->at->key);
}

static char *
expected_differences(const struct model *model, int64_t from, int64_t to)
{
	struct model_state before;
	struct model_state after;
	struct place places[2 * MODEL_FACTS_MAX];
	struct es_text text = ES_TEXT_INIT;
	int count = 0;
	int added = 0;
	int removed = 0;
	int changed = 0;

	model_state(model, from, &before);
	model_state(model, to, &after);
	for (int i = 0; i < after.count; i++) {
		const struct model_fact *fact = &after.facts[i];
		const struct model_fact *old = find_fact(&before, fact->key);
		if (old != NULL && old->origin == fact->origin)
			continue;
		places[count++] = (struct place){ .at = fact, .from = old, .to = fact };
		added += old == NULL ? 1 : 0;
		changed += old != NULL ? 1 : 0;
	}
	for (int i = 0; i < before.count; i++) {
		if (find_fact(&after, before.facts[i].key) != NULL)
			continue;
		places[count++] = (struct place){ .at = &before.facts[i], .from = &before.facts[i] };
		removed++;
	}
	qsort(places, (size_t)count, sizeof *places, compare_places);
	for (int i = 0; i < count; i++)
		add_difference(&text, places[i].from, places[i].to);
	es_text_add_format(&text, "%d %d %d", added, removed, changed);
	return es_text_steal(&text);
}

/* Copies one side of a row; NULL where there is none. */
static const struct model_fact *
read_side(struct model_fact *fact, const char *key, const char *value, int64_t origin)
{
	if (value == NULL)
		return NULL;
	_cleanup_json_ struct json_object *parsed = json_tokener_parse(value);
	snprintf(fact->key, sizeof fact->key, "%s", key);
	snprintf(fact->value, sizeof fact->value, "%s", json_object_to_json_string_ext(parsed, JSON_C_TO_STRING_PLAIN));
	fact->origin = origin;
	return fact;
}

static char *
read_differences(struct run *run, int stream, int64_t from, int64_t to, int limit)
{
	const struct es_head head = sample_head(run->store, run->names[stream]);
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;
	struct es_place after = { 0, "" };
	char after_key[64] = "";
	char totals[64] = "0 0 0";

	for (bool more = true; more;) {
		struct es_page page = { 0 };
		after.key = after_key;
		if (run->store->operations->differences(run->store, &head, from, to, after, limit, &page, &error) !=
		    ES_OK)
			bail("no differences: %s", error.detail);
		for (int i = 0; i < page.count; i++) {
			const struct es_difference_row *row = &page.differences[i];
			struct model_fact sides[2];
			add_difference(&text, read_side(&sides[0], row->key, row->from_value, row->from_origin),
			               read_side(&sides[1], row->key, row->to_value, row->to_origin));
			after.origin = row->to_value != NULL ? row->to_origin : row->from_origin;
			snprintf(after_key, sizeof after_key, "%s", row->key);
		}
		/* on every page the same */
		snprintf(totals, sizeof totals, "%lld %lld %lld", (long long)page.added, (long long)page.removed,
		         (long long)page.changed);
		more = page.more && page.count > 0;
		es_page_done(&page);
	}
	es_text_add_string(&text, totals);
	return es_text_steal(&text);
}

static void
check_differences(struct run *run, int stream)
{
	const struct model *model = &run->models[stream];

	for (int i = 0; i < 6; i++) {
		const int64_t from = below(run, (int)model->head + 1);
		const int64_t to = below(run, (int)model->head + 1);
		_cleanup_free_ char *expected = expected_differences(model, from, to);
		_cleanup_free_ char *got = read_differences(run, stream, from, to, 1 + below(run, 6));
		expect_text(run, DIFFERENCES, got, expected);
	}
	for (int64_t v = 1; v <= model->head; v++) {
		_cleanup_free_ char *expected = expected_differences(model, v - 1, v);
		_cleanup_free_ char *got = read_differences(run, stream, v - 1, v, 100);
		expect_text(run, CHANGES, got, expected);
	}
}

static void
run_log(struct run *run)
{
	for (int i = 0; i < STREAMS; i++)
		snprintf(run->names[i], sizeof run->names[i], "log-%d-%c", run->log, 'b' + 2 * i);
	for (int batches = 2 + below(run, BATCHES_MAX - 1); batches > 0; batches--)
		run_batch(run);
	for (int i = 0; i < STREAMS; i++) {
		const int64_t head = run->models[i].head;
		check_states(run, i);
		check_live(run, i);
		check_events(run, i, head, false, NULL);
		check_events(run, i, head, true, NULL);
		check_events(run, i, below(run, (int)head + 1), below(run, 2) == 0, NULL);
		check_events(run, i, head, below(run, 2) == 0, "rewound");
		check_differences(run, i);
	}
	for (int i = 0; i < STREAMS; i++)
		model_done(&run->models[i]);
	for (int i = 0; i < run->keyed_count; i++)
		free(run->keyed[i].body);
	run->keyed_count = 0;
}

int
property_run(struct es_store *(*open_store)(void), int logs, uint64_t seed, const struct property_check *checks)
{
	struct run *run = calloc(1, sizeof *run);

	if (run == NULL)
		bail("no memory");
	printf("# seed %llu\n", (unsigned long long)seed);
	run->random = seed;
	for (run->log = 1; run->log <= logs; run->log++) {
		if (run->log % LOGS_A_STORE == 1) {
			es_store_free(run->store);
			run->store = open_store();
			run->position = 0;
		}
		if (run->store == NULL)
			bail("no store");
		run_log(run);
	}
	es_store_free(run->store);
	printf("# %d logs, %ld events, %ld of them rewinds\n", logs, run->events, run->rewinds);
	for (int i = 0; i < PROPERTIES; i++)
		ok(run->faults[i] == 0 && run->checks[i] > 0, "%s (looked at %ld times)", property_names[i],
		   run->checks[i]);
	free(run);
	for (; checks != NULL && checks->name != NULL; checks++)
		is_int(checks->faults(), 0, checks->name);
	return done_testing();
}
