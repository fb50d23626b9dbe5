/*
 * What a batch makes of a store that remembers, fails and forgets: against one that says what it is told to.
 *
 * PostgreSQL cannot be made to lose a connection, find nothing, and be away in just this order.
 */
#include "event/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/sample.h"
#include "tap.h"

/* What the store answers in turn; after the last one, ES_UNAVAILABLE. */
struct script {
	const enum es_result *begins; /* ES_OK: locked and looked; ES_CONFLICT: remembered, unless it must be certain */
	const enum es_result *commits;
	const enum es_result *finds;
};

struct scripted {
	struct es_store store; /* first */
	struct script script;
	int64_t version;    /* what is true */
	int64_t remembered; /* what is remembered */
	int begun;
	int certain; /* begins that had to be */
	int committed;
	int aborted;
};

static enum es_result
next(const enum es_result **script)
{
	return *(*script) == ES_RESULT_MAX ? ES_UNAVAILABLE : *(*script)++;
}

static enum es_result
begin(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct scripted *scripted = (struct scripted *)(void *)store;
	const enum es_result result = next(&scripted->script.begins);

	scripted->begun++;
	scripted->certain += batch->certain ? 1 : 0;
	if (result == ES_UNAVAILABLE)
		return es_fail(error, ES_UNAVAILABLE, NULL, "away");
	batch->remembered = result == ES_CONFLICT && !batch->certain;
	for (int i = 0; i < batch->stream_count; i++)
		batch->streams[i].version = batch->remembered ? scripted->remembered : scripted->version;
	return ES_OK;
}

static enum es_result
commit(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct scripted *scripted = (struct scripted *)(void *)store;

	(void)batch;
	(void)error;
	scripted->committed++;
	return next(&scripted->script.commits);
}

static enum es_result
find(struct es_store *store, struct es_batch *batch, struct es_error *error)
{
	struct scripted *scripted = (struct scripted *)(void *)store;

	(void)batch;
	(void)error;
	return next(&scripted->script.finds);
}

static void
abort_batch(struct es_store *store)
{
	((struct scripted *)(void *)store)->aborted++;
}

static int64_t
at_once(struct es_store *store)
{
	(void)store;
	return 0;
}

static const struct es_store_operations operations = {
	.begin = begin, .commit = commit, .abort = abort_batch, .find = find, .next_attempt = at_once
};

#define SCRIPT(...) ((const enum es_result[]){ __VA_ARGS__, ES_RESULT_MAX })

/* One request that records an event, against the script. */
static enum es_result
apply(struct scripted *scripted, const char *body, struct sample_request *request)
{
	scripted->store.operations = &operations;
	scripted->version = 7;
	scripted->remembered = 5;
	sample_request_begin(request, "stream", body);
	request->append.deadline = es_clock_monotonic() + ES_SECOND / 2;
	sample_apply(&scripted->store, request, 1, NULL);
	return request->append.result;
}

#define RECORD "{\"type\":\"several\",\"count\":1}"

static void
test_memory(void)
{
	struct sample_request request;

	struct scripted right = { .script = { SCRIPT(ES_CONFLICT), SCRIPT(ES_OK), SCRIPT(ES_FAILED) } };
	is_int(apply(&right, RECORD, &request), ES_OK, "a memory that is right");
	is_int(request.append.version, 6, "is what was decided on");
	is_int(right.begun, 1, "at once");
	sample_request_done(&request);

	struct scripted wrong = { .script = { SCRIPT(ES_CONFLICT, ES_CONFLICT), SCRIPT(ES_CONFLICT, ES_OK),
		                              SCRIPT(ES_FAILED) } };
	is_int(apply(&wrong, RECORD, &request), ES_OK, "a memory that is wrong");
	is_int(request.append.version, 8, "does not count");
	ok(wrong.begun == 2 && wrong.certain == 1, "it is looked at once");
	sample_request_done(&request);

	static const char *const refused[] = { "{\"type\":\"refuse\"}", "{\"type\":\"nothing\"}" };
	for (int i = 0; i < 2; i++) {
		struct scripted scripted = { .script = { SCRIPT(ES_CONFLICT, ES_CONFLICT), SCRIPT(ES_OK),
			                                 SCRIPT(ES_FAILED) } };
		is_int(apply(&scripted, refused[i], &request), i == 0 ? ES_REFUSED : ES_OK,
		       "who has nothing to be written");
		ok(scripted.certain == 1 && scripted.committed == 0 && scripted.aborted == 1,
		   "is not answered from memory");
		if (i == 1)
			is_int(request.append.version, 7, "but with the version that is true");
		sample_request_done(&request);
	}
}

static void
test_lost_commit(void)
{
	struct sample_request request;

	struct scripted locked = { .script = { SCRIPT(ES_OK), SCRIPT(ES_OUTCOME_UNKNOWN), SCRIPT(ES_NOT_FOUND) } };
	is_int(apply(&locked, RECORD, &request), ES_UNAVAILABLE, "what held the locks and is not found is not applied");
	sample_request_done(&request);

	struct scripted loose = { .script = { SCRIPT(ES_CONFLICT), SCRIPT(ES_OUTCOME_UNKNOWN), SCRIPT(ES_NOT_FOUND) } };
	is_int(apply(&loose, RECORD, &request), ES_OUTCOME_UNKNOWN, "what was only remembered may still come to be");
	is_int(loose.begun, 2, "once the locks are lost: it is not tried a third time");
	sample_request_done(&request);

	/* the first attempt may have come to be since the second one lost its locks */
	static const enum es_result ends[] = { ES_OUTCOME_UNKNOWN, ES_UNAVAILABLE, ES_FAILED };
	for (int i = 0; i < 3; i++) {
		struct scripted again = { .script = { SCRIPT(ES_CONFLICT, ES_OK, ES_OK),
			                              SCRIPT(ES_OUTCOME_UNKNOWN, ends[i], ES_OK),
			                              SCRIPT(ES_NOT_FOUND, ES_NOT_FOUND) } };
		is_int(apply(&again, RECORD, &request), ES_OUTCOME_UNKNOWN, "a second attempt that fails is the last");
		ok(again.begun == 2 && again.committed == 2, "whatever it failed of");
		sample_request_done(&request);
	}

	struct scripted redone = { .script = { SCRIPT(ES_CONFLICT, ES_OK), SCRIPT(ES_OUTCOME_UNKNOWN, ES_OK),
		                               SCRIPT(ES_NOT_FOUND) } };
	is_int(apply(&redone, RECORD, &request), ES_OK, "unless it is written after all");
	is_int(request.append.version, 8, "by those that hold the locks");
	sample_request_done(&request);
}

static char *given_actor;
static char repeated_actor[32];

/* What a request borrowed goes with it, as in the program. */
static void
free_actor(struct es_append *append)
{
	(void)append;
	memset(given_actor, '!', strlen(given_actor));
	free(given_actor);
}

static void
keep_actor(struct es_append *append)
{
	for (int i = 0; i < append->event_count; i++)
		snprintf(repeated_actor, sizeof repeated_actor, "%s", append->events[i].actor);
}

/* A key twice in one batch: the second answer is made when the first request is gone. */
static void
test_repeated_actor(void)
{
	struct scripted scripted = { .store.operations = &operations,
		                     .script = { SCRIPT(ES_OK), SCRIPT(ES_OK), SCRIPT(ES_FAILED) } };
	struct sample_request requests[2];
	const struct es_uuid key = es_uuid_new();
	char text[ES_UUID_TEXT_SIZE];

	es_uuid_format(&key, text);
	given_actor = strdup("anna");
	for (int i = 0; i < 2; i++) {
		sample_request_begin(&requests[i], "stream", RECORD);
		requests[i].append.actor = i == 0 ? given_actor : "anna";
		sample_request_key(&requests[i], text);
		requests[i].append.deadline = es_clock_monotonic() + ES_SECOND;
		requests[i].append.done = i == 0 ? free_actor : keep_actor;
	}
	requests[0].append.next = &requests[1].append;
	es_batch_apply(&scripted.store, &sample_decider, &requests[0].append, NULL);
	ok(requests[1].append.result == ES_OK && requests[1].append.replayed, "a key that comes twice in one batch");
	is_string(repeated_actor, "anna", "tells who did it, when the first request is gone");
	for (int i = 0; i < 2; i++)
		sample_request_done(&requests[i]);
}

int
main(void)
{
	test_memory();
	test_lost_commit();
	test_repeated_actor();
	return done_testing();
}
