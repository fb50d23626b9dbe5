/* The differences of two states, read from the store, against those of the model's states. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "model.h"
#include "run.h"
#include "sample.h"
#include "tap.h"

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
			const struct model_fact *old =
				read_side(&sides[0], row->key, row->from_value, row->from_origin);
			const struct model_fact *new = read_side(&sides[1], row->key, row->to_value, row->to_origin);
			if (old == NULL && new == NULL)
				bail("a difference without sides: %s", row->key);
			add_difference(&text, old, new);
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

void
run_check_differences(struct run *run, int stream)
{
	const struct model *model = &run->models[stream];

	for (int i = 0; i < 6; i++) {
		const int64_t from = run_below(run, (int)model->head + 1);
		const int64_t to = run_below(run, (int)model->head + 1);
		_cleanup_free_ char *expected = expected_differences(model, from, to);
		_cleanup_free_ char *got = read_differences(run, stream, from, to, 1 + run_below(run, 6));
		run_expect_text(run, DIFFERENCES, got, expected);
	}
	for (int64_t v = 1; v <= model->head; v++) {
		_cleanup_free_ char *expected = expected_differences(model, v - 1, v);
		_cleanup_free_ char *got = read_differences(run, stream, v - 1, v, 100);
		run_expect_text(run, CHANGES, got, expected);
	}
}
