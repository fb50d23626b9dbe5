/* What every store makes of requests: repeated keys, and the answers of a batch. */
#include "contract_fixture.h"

#include <stdio.h>
#include <string.h>

#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

/* --- keys that come twice --- */

static void
begin_keyed(struct sample_request *request, const char *stream, const char *body, const char *key)
{
	sample_request_begin(request, stream, body);
	sample_request_key(request, key);
}

/* Applies the requests and checks that request i has results[i]. */
static void
apply(struct es_store *store, struct sample_request *requests, const enum es_result *results, int count,
      const char *name)
{
	sample_apply(store, requests, count, NULL);
	for (int i = 0; i < count; i++) {
		is_int(requests[i].done, 1, "done is called once");
		ok(requests[i].append.result == results[i], "%s: request %d: %s %s", name, i,
		   es_result_name(requests[i].append.result), requests[i].append.error.detail);
	}
}

static void
done(struct sample_request *requests, int count)
{
	for (int i = 0; i < count; i++)
		sample_request_done(&requests[i]);
}

static void
test_keyed(struct es_store *store)
{
	static const char key[] = "11111111-1111-4111-8111-111111111111";
	static const char other_key[] = "22222222-2222-4222-8222-222222222222";
	static const char third_key[] = "33333333-3333-4333-8333-333333333333";
	static const char nothing_key[] = "44444444-4444-4444-8444-444444444444";
	static const char body[] = "[" PUT("a", "1") "," PUT("b", "2") "]";
	struct sample_request requests[4];

	is_int(sample_do(store, "keyed", PUT("z", "0"), NULL), ES_OK, "something before");
	begin_keyed(&requests[0], "keyed", body, key);
	apply(store, requests, (enum es_result[]){ ES_OK }, 1, "the first with its key");
	ok(!requests[0].append.replayed, "is no repeat");
	char id[ES_UUID_TEXT_SIZE];
	memcpy(id, requests[0].events[1].id, sizeof id);
	const int64_t recorded_at = requests[0].events[1].recorded_at;
	done(requests, 1);
	is_int(sample_do(store, "keyed", REWIND(1), NULL), ES_OK, "something between");

	begin_keyed(&requests[0], "keyed", body, key);
	requests[0].append.expected[0] = (struct es_expected){ .version = 1 };
	requests[0].append.expected_count = 1;
	begin_keyed(&requests[1], "keyed", PUT("a", "1"), key);
	begin_keyed(&requests[2], "keyed-too", body, key);
	begin_keyed(&requests[3], "keyed", body, key);
	requests[3].append.actor = "somebody";
	if (!es_append_hash(&requests[3].append, body, strlen(body)))
		bail("no memory");
	apply(store, requests, (enum es_result[]){ ES_OK, ES_REFUSED, ES_REFUSED, ES_REFUSED }, 4, "the key again");
	ok(requests[0].append.replayed, "with the same body it is a repeat, whatever it expects");
	is_int(requests[0].append.version, 3, "of version 3");
	is_int(requests[0].append.event_count, 2, "with two events");
	is_string(requests[0].events[1].id, id, "the same ones");
	is_int(requests[0].events[1].recorded_at, recorded_at, "of the same time");
	is_string(requests[0].events[1].command_id, key, "with the key");
	is_int(requests[0].events[0].version, 2, "the first of them");
	for (int i = 1; i < 4; i++)
		is_string(requests[i].append.error.field, "Idempotency-Key",
		          "another body, stream or actor is refused for its key");
	done(requests, 4);
	is_int(sample_head(store, "keyed").version, 4, "nothing was applied");
	is_int(sample_head(store, "keyed-too").version, 0, "in no stream");

	begin_keyed(&requests[0], "keyed", PUT("c", "3"), other_key);
	begin_keyed(&requests[1], "keyed", PUT("c", "3"), other_key);
	begin_keyed(&requests[2], "keyed", PUT("c", "4"), other_key);
	begin_keyed(&requests[3], "keyed-too", PUT("c", "3"), other_key);
	apply(store, requests, (enum es_result[]){ ES_OK, ES_OK, ES_REFUSED, ES_REFUSED }, 4,
	      "a key four times in a batch");
	ok(!requests[0].append.replayed && requests[1].append.replayed, "the second is the repeat");
	is_int(requests[1].append.version, 5, "with the first one's version");
	is_string(requests[1].events[0].id, requests[0].events[0].id, "and its event");
	is_int(requests[1].events[0].recorded_at, requests[0].events[0].recorded_at, "and its time");
	is_int(requests[1].events[0].position, requests[0].events[0].position, "and its position");
	done(requests, 4);
	is_int(sample_head(store, "keyed").version, 5, "one event was recorded");

	begin_keyed(&requests[0], "keyed", DROP("y"), third_key);
	begin_keyed(&requests[1], "keyed", PUT("y", "1"), NULL);
	begin_keyed(&requests[2], "keyed", DROP("y"), third_key);
	apply(store, requests, (enum es_result[]){ ES_NOT_FOUND, ES_OK, ES_OK }, 3, "a refusal is not remembered");
	ok(!requests[2].append.replayed, "the same key is tried anew");
	done(requests, 3);
	begin_keyed(&requests[0], "keyed", REFUSE, nothing_key);
	apply(store, requests, (enum es_result[]){ ES_REFUSED }, 1, "a refusal");
	done(requests, 1);
	begin_keyed(&requests[0], "keyed", NOTHING, nothing_key);
	apply(store, requests, (enum es_result[]){ ES_OK }, 1, "does not use up its key, across batches");
	is_int(requests[0].append.version, 7, "what records nothing has the version as it stands");
	is_int(requests[0].append.event_count, 0, "and no event");
	done(requests, 1);
	is_int(sample_do(store, "keyed", PUT("y", "2"), NULL), ES_OK, "something between");
	begin_keyed(&requests[0], "keyed", NOTHING, nothing_key);
	apply(store, requests, (enum es_result[]){ ES_OK }, 1, "the same again");
	ok(requests[0].append.replayed, "is a repeat");
	is_int(requests[0].append.version, 7, "with the version of then");
	is_int(requests[0].append.event_count, 0, "and no event");
	done(requests, 1);
}

/* An answer of more bytes than a page of events holds. */
static void
test_long_repeat(struct es_store *store)
{
	static const char key[] = "55555555-5555-4555-8555-555555555555";
	_cleanup_text_ struct es_text body = ES_TEXT_INIT;
	struct sample_request request;

	es_text_add_string(&body, "[");
	for (int i = 1; i <= 6; i++) {
		_cleanup_free_ char *put = long_put(i, MEBIBYTE);
		es_text_add_string(&body, i > 1 ? "," : "");
		es_text_add_string(&body, put);
	}
	es_text_add_string(&body, "]");
	for (int i = 0; i < 2; i++) {
		begin_keyed(&request, "long-repeat", body.bytes, key);
		apply(store, &request, (enum es_result[]){ ES_OK }, 1, i == 0 ? "six mebibytes" : "the same again");
		is_int(request.append.replayed, i, "whether it is a repeat");
		is_int(request.append.event_count, 6, "all six events are in the answer");
		is_int(request.append.event_count == 6 ? request.events[5].version : 0, 6, "up to the last");
		done(&request, 1);
	}
}

/* --- batches --- */

static void
test_rewinds_in_a_batch(struct es_store *store)
{
	static const char *const bodies[] = { PUT("a", "1"), REWIND(1),     PUT("b", "2"), REWIND(3),
		                              DROP("b"),     PUT("c", "3"), REWIND(4),     DROP("b") };
	enum { COUNT = sizeof bodies / sizeof bodies[0] };
	static const enum es_result results[COUNT + 1] = { ES_OK, ES_OK, ES_OK, ES_OK, ES_NOT_FOUND,
		                                           ES_OK, ES_OK, ES_OK, ES_OK };
	struct sample_request requests[COUNT + 1];

	for (int i = 0; i < COUNT; i++)
		sample_request_begin(&requests[i], "rewinds", bodies[i]);
	sample_request_begin(&requests[COUNT], "rewinds-too", PUT("a", "1"));
	apply(store, requests, results, COUNT + 1, "rewinds among others, in one list");
	int64_t version = 0;
	for (int i = 0; i < COUNT; i++)
		if (results[i] == ES_OK)
			is_int(requests[i].append.version, ++version, "each has its version in the order of arrival");
	is_state(store, "rewinds", 2, "", "the first rewound");
	is_state(store, "rewinds", 3, "b=2@3", "then one put");
	is_state(store, "rewinds", 4, "", "that rewound");
	is_state(store, "rewinds", 5, "c=3@5", "nothing was there to drop, one put");
	is_state(store, "rewinds", 6, "b=2@3", "back to before the second rewind");
	is_state(store, "rewinds", 7, "", "and that dropped");
	for (int i = 1; i < COUNT; i++)
		ok(requests[i].order > requests[i - 1].order, "answered in their order");
	ok(requests[COUNT].order < requests[2].order, "another stream does not wait behind a rewind");
	done(requests, COUNT + 1);
}

static void
test_expectations(struct es_store *store)
{
	const struct es_head head = sample_head(store, "expected");
	struct sample_request requests[5];

	for (int i = 0; i < 5; i++) {
		sample_request_begin(&requests[i], "expected", PUT("a", "1"));
		requests[i].append.expected_count = 1;
	}
	requests[0].append.expected[0] = (struct es_expected){ .version = 1 };
	requests[1].append.expected[0] = (struct es_expected){ .version = 0 };
	requests[2].append.expected[0] = (struct es_expected){ .version = 0 };
	requests[3].append.expected[0] = (struct es_expected){ .version = 1 };
	memcpy(requests[3].append.expected[0].log, head.log, ES_LOG_SIZE);
	requests[4].append.expected[0] = (struct es_expected){ .version = 2, .log = "zzzzzzzz" };
	requests[4].append.expected[1] = (struct es_expected){ .version = 7 };
	requests[4].append.expected_count = 2;
	apply(store, requests, (enum es_result[]){ ES_CONFLICT, ES_OK, ES_CONFLICT, ES_OK, ES_CONFLICT }, 5,
	      "expectations");
	is_int(requests[0].append.error.version, 0, "a conflict tells the version there is");
	is_int(requests[2].append.error.version, 1, "as it stands in the batch");
	is_int(requests[4].append.error.version, 2, "every time");
	is_string(requests[0].append.log, head.log, "and of which log");
	done(requests, 5);
	is_int(sample_head(store, "expected").version, 2, "two were applied");
}

static void
test_atomic(struct es_store *store)
{
	struct sample_request requests[3];

	sample_request_begin(&requests[0], "atomic", PUT("a", "1"));
	sample_request_begin(&requests[1], "atomic",
	                     "[" PUT("b", "2") "," DROP("a") "," DROP("z") "," PUT("c", "3") "]");
	sample_request_begin(&requests[2], "atomic", "[" PUT("d", "4") "," DROP("a") "," REWIND(2) "]");
	apply(store, requests, (enum es_result[]){ ES_OK, ES_NOT_FOUND, ES_OK }, 3,
	      "an array in the middle is refused");
	is_int(requests[1].append.error.index, 2, "for its third command");
	is_int(requests[2].append.version, 4, "the next one has the next versions");
	is_int(requests[2].append.event_count, 3, "three of them");
	done(requests, 3);
	is_state(store, "atomic", 1, "a=1@1", "the first");
	is_state(store, "atomic", 2, "a=1@1 d=4@2", "the third: put");
	is_state(store, "atomic", 3, "d=4@2", "drop");
	is_state(store, "atomic", 4, "a=1@1", "and rewound before both");
}

static void
test_careless(struct es_store *store)
{
	struct sample_request requests[3];

	sample_request_begin(&requests[0], "careless", PUT("a", "1"));
	sample_request_begin(&requests[1], "careless", "{\"type\":\"careless\",\"key\":\"b\"}");
	sample_request_begin(&requests[2], "careless", PUT("c", "1"));
	apply(store, requests, (enum es_result[]){ ES_OK, ES_FAILED, ES_OK }, 3, "a bug in one decision");
	done(requests, 3);
	is_state(store, "careless", 2, "a=1@1 c=1@2", "leaves the others untouched");
}

/* Own keys, overwriting, and the last word on a key within one event. */
static void
test_scripts(struct es_store *store)
{
	struct sample_request request;
	char expected[256];

	is_int(sample_do(
		       store, "scripts",
		       "{\"type\":\"script\",\"steps\":[[\"put\",\"a\",1],[\"own\",\"/x\",2],[\"own\",\"/y\",3],"
		       "[\"disown\",\"/y\"],[\"put\",\"a\",4],[\"put\",\"b\",5],[\"remove\",\"b\"],[\"own\",\"\",6]]}",
		       &request),
	       ES_OK, "one event of many words");
	const char *id = request.events[0].id;
	ok(strcmp(id, "a") < 0, "an identifier sorts before a letter");
	snprintf(expected, sizeof expected, "%s=6@1 %s/x=2@1 a=4@1", id, id);
	is_state(store, "scripts", 1, expected, "the last word on each key counts");
	is_int(sample_do(store, "scripts",
	                 "{\"type\":\"script\",\"steps\":[[\"remove\",\"a\"],[\"put\",\"a\",7],[\"remove\",\"none\"],"
	                 "[\"put\",\"c\",8],[\"disown\",\"/none\"]]}",
	                 NULL),
	       ES_OK, "removed and put by one event");
	snprintf(expected, sizeof expected, "%s=6@1 %s/x=2@1 a=7@2 c=8@2", id, id);
	is_state(store, "scripts", 2, expected, "is a changed fact: a new origin");
	const struct es_head head = sample_head(store, "scripts");
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;
	is_int(store->operations->differences(store, &head, 1, 2, (struct es_place){ 0, "" }, 10, &page, &error), ES_OK,
	       "what differs");
	is_int(page.added, 1, "one added");
	is_int(page.removed, 0, "none removed");
	is_int(page.changed, 1, "one changed");
	es_page_done(&page);
	sample_request_done(&request);
}

void
store_contract_write(struct es_store *store)
{
	static void (*const tests[])(struct es_store *) = {
		test_keyed,    test_long_repeat, test_rewinds_in_a_batch, test_expectations, test_atomic,
		test_careless, test_scripts,
	};

	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tests[i](store);
}
