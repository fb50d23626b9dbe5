#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "model.h"
#include "run.h"
#include "sample.h"
#include "tap.h"

enum {
	BATCHES_MAX = 8,   /* in a log */
	LOGS_A_STORE = 20, /* a store in memory looks at everything it holds */
};

/* --- the whole log, read back --- */

static void
check_states(struct run *run, int stream)
{
	const struct model *model = &run->models[stream];

	for (int64_t v = 0; v <= model->head; v++) {
		_cleanup_free_ char *got = sample_state(run->store, run->names[stream], v, 1 + run_below(run, 10));
		_cleanup_free_ char *expected = model_state_text(model, v);
		run_expect_text(run, STATES, got, expected);
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
		run_expect(run, LIVE, page.count == 0 || strcmp(page.streams[0].name, run->names[stream]) != 0,
		           "a stream without events in the list", "none");
	} else {
		run_expect_text(run, LIVE, page.count == 0 ? "" : page.streams[0].name, run->names[stream]);
		run_expect_int(run, LIVE, page.count == 0 ? -1 : page.streams[0].live, state.count);
		run_expect_int(run, LIVE, page.count == 0 ? -1 : page.streams[0].version, model->head);
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
		                         .limit = 1 + run_below(run, 12) };
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
				run_expect(run, property, false, "an event too many", "none");
				break;
			}
			run_expect_int(run, property, row->version, next);
			run_expect_int(run, property, row->base, model->events[next].base);
			run_expect_int(run, property, row->active, model_is_active(model, version, next));
			run_expect_text(run, property, row->type, model->events[next].type);
			run_expect_text(run, property, row->id, model->events[next].id);
		}
		/* an exact end may need one more page, an empty one; never the same again */
		more = page.more;
		const int64_t cursor = oldest_first ? page.examined : page.examined - 1;
		run_expect(run, property, !more || cursor != query.cursor, "the same page again", "another page");
		more = more && cursor != query.cursor;
		query.cursor = cursor;
		es_page_done(&page);
	}
	while (type != NULL && next >= 1 && next <= version && strcmp(model->events[next].type, type) != 0)
		next += step;
	run_expect_int(run, property, next, oldest_first ? version + 1 : 0);
}

static void
run_log(struct run *run)
{
	for (int i = 0; i < STREAMS; i++)
		snprintf(run->names[i], sizeof run->names[i], "log-%d-%c", run->log, 'b' + 2 * i);
	for (int batches = 2 + run_below(run, BATCHES_MAX - 1); batches > 0; batches--)
		run_batch(run);
	for (int i = 0; i < STREAMS; i++) {
		const int64_t head = run->models[i].head;
		check_states(run, i);
		check_live(run, i);
		check_events(run, i, head, false, NULL);
		check_events(run, i, head, true, NULL);
		check_events(run, i, run_below(run, (int)head + 1), run_below(run, 2) == 0, NULL);
		check_events(run, i, head, run_below(run, 2) == 0, "rewound");
		run_check_differences(run, i);
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
