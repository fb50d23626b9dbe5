#include "store_contract.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

enum { MEBIBYTE = 1 << 20 };

#define PUT(key, value) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":" value "}"
#define DROP(key) "{\"type\":\"drop\",\"key\":\"" key "\"}"
#define REWIND(version) "{\"type\":\"rewind\",\"version\":" #version "}"
#define NOTHING "{\"type\":\"nothing\"}"
#define REFUSE "{\"type\":\"refuse\"}"

static void
is_state(struct es_store *store, const char *stream, int64_t version, const char *expected, const char *name)
{
	_cleanup_free_ char *one_by_one = sample_state(store, stream, version, 1);
	_cleanup_free_ char *together = sample_state(store, stream, version, 1000);

	is_string(together, expected, name);
	is_string(one_by_one, expected, "also one by one");
}

/* {"type":"put","key":"k<number>","value":"<size times x>"}; new. */
static char *
long_put(int number, size_t size)
{
	struct es_text text = ES_TEXT_INIT;

	es_text_add_format(&text, "{\"type\":\"put\",\"key\":\"k%d\",\"value\":\"", number);
	char *fill = malloc(size);
	if (fill == NULL)
		bail("no memory");
	memset(fill, 'x', size);
	es_text_add(&text, fill, size);
	free(fill);
	es_text_add_string(&text, "\"}");
	return es_text_steal(&text);
}

/* --- heads --- */

static void
test_heads(struct es_store *store)
{
	struct es_head head = sample_head(store, "heads");
	char log[ES_LOG_SIZE];

	is_int(head.version, 0, "a stream that nobody wrote to is at version 0");
	is_int(head.stream_id, 0, "and is not there");
	is_int(head.horizon, 1, "its horizon is 1");
	is_int(strlen(head.log), 8, "the log has a name of 8");
	bool hex = true;
	for (const char *at = head.log; *at != '\0'; at++)
		hex = hex && (isdigit((unsigned char)*at) || (*at >= 'a' && *at <= 'f'));
	ok(hex, "hex digits: %s", head.log);
	memcpy(log, head.log, sizeof log);

	is_state(store, "heads", 0, "", "its state is empty");
	is_int(sample_do(store, "heads", REFUSE, NULL), ES_REFUSED, "a refused request");
	is_int(sample_do(store, "heads", NOTHING, NULL), ES_OK, "one that changes nothing");
	is_int(sample_head(store, "heads").stream_id, 0, "do not make a stream");
	is_int(sample_do(store, "heads", PUT("a", "1"), NULL), ES_OK, "the first event");
	head = sample_head(store, "heads");
	is_int(head.version, 1, "does: version 1");
	ok(head.stream_id != 0, "it is there");
	is_int(head.horizon, 1, "its horizon is 1");
	is_string(head.log, log, "the log has kept its name");
}

/* --- what goes in comes out --- */

static void
test_round_trip(struct es_store *store)
{
	struct sample_request request;
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;

	sample_request_begin(&request, "trip",
	                     PUT("a/\xC3\xA4\xF0\x9F\x8D\xB5", "{\"text\":\"\\\"\\\\/\\n\\t<\xE2\x82\xAC>\"}"));
	request.append.actor = "\"anna\" \\ {b}";
	sample_apply(store, &request, 1, NULL);
	is_int(request.append.result, ES_OK, "an event with quotes, backslashes and long characters");
	is_int(request.append.event_count, 1, "is answered");
	is_string(request.events[0].data,
	          "{\"key\":\"a/\xC3\xA4\xF0\x9F\x8D\xB5\",\"value\":{\"text\":\"\\\"\\\\/\\n\\t<\xE2\x82\xAC>\"}}",
	          "with its data");
	ok(!request.append.replayed, "it is no repeat");
	const struct es_head head = sample_head(store, "trip");
	is_string(request.append.log, head.log, "the answer names the log");
	const struct es_events_query query = { .version = 1, .cursor = 1, .limit = 1 };
	is_int(store->operations->events(store, &head, &query, &page, &error), ES_OK, "and is read again");
	is_int(page.count, 1, "one event");
	const struct es_event_row *row = &page.events[0];
	char command_id[ES_UUID_TEXT_SIZE];
	is_string(row->id, request.events[0].id, "its id");
	is_int(row->position, request.events[0].position, "its position");
	is_int(row->recorded_at, request.events[0].recorded_at, "its time");
	is_string(row->actor, "\"anna\" \\ {b}", "its actor");
	is_string(row->type, "put", "its type");
	is_string(row->command_id, es_uuid_format(&request.append.command_id, command_id), "its command's id");
	is_int(row->base, 0, "its base");
	_cleanup_json_ struct json_object *stored = json_tokener_parse(row->data);
	_cleanup_json_ struct json_object *sent = json_tokener_parse(request.events[0].data);
	ok(json_object_equal(stored, sent), "its data");
	es_page_done(&page);
	sample_request_done(&request);

	is_int(sample_do(store, "trip", PUT("b", "2"), &request), ES_OK, "an event of nobody");
	sample_request_done(&request);
	const struct es_events_query newest = { .version = 2, .cursor = 2, .limit = 1 };
	is_int(store->operations->events(store, &head, &newest, &page, &error), ES_OK, "is read");
	ok(page.events[0].actor == NULL, "without an actor");
	es_page_done(&page);
}

static void
test_keys(struct es_store *store)
{
	char key[ES_KEY_MAX + 2];
	char body[ES_KEY_MAX + 100];

	memset(key, 'k', sizeof key);
	key[ES_KEY_MAX] = '\0';
	snprintf(body, sizeof body, "{\"type\":\"put\",\"key\":\"%s\",\"value\":1}", key);
	is_int(sample_do(store, "keys", body, NULL), ES_OK, "a key of 512 bytes");
	is_int(sample_do(store, "keys", body, NULL), ES_OK, "is found again and overwritten");
	key[ES_KEY_MAX] = 'k';
	key[ES_KEY_MAX + 1] = '\0';
	snprintf(body, sizeof body, "{\"type\":\"put\",\"key\":\"%s\",\"value\":1}", key);
	is_int(sample_do(store, "keys", body, NULL), ES_FAILED, "one of 513 is a bug of the decider");
	is_int(sample_do(store, "keys", PUT("", "1"), NULL), ES_FAILED, "an empty one as well");
	is_int(sample_do(store, "keys", PUT("a", "null"), NULL), ES_FAILED, "and a value that is null");
	is_int(sample_head(store, "keys").version, 2, "nothing was applied of those");
}

/* --- pages of facts --- */

static void
test_facts(struct es_store *store)
{
	struct es_error error = ES_ERROR_INIT;

	is_int(sample_do(store, "facts", PUT("z", "1"), NULL), ES_OK, "one");
	is_int(sample_do(store, "facts",
	                 "{\"type\":\"script\",\"steps\":[[\"put\",\"c\",3],[\"put\",\"a\",1],[\"put\",\"b\",2]]}",
	                 NULL),
	       ES_OK, "three at once");
	is_int(sample_do(store, "facts", PUT("d", "4"), NULL), ES_OK, "one more");
	is_int(sample_do(store, "facts", PUT("a", "5"), NULL), ES_OK, "one overwritten");
	is_state(store, "facts", 3, "z=1@1 a=1@2 b=2@2 c=3@2 d=4@3", "sorted by origin, then key");
	is_state(store, "facts", 4, "z=1@1 b=2@2 c=3@2 d=4@3 a=5@4", "an overwritten fact moves to the end");
	is_int(sample_do(store, "facts", REWIND(4), NULL), ES_OK, "rewound");
	is_state(store, "facts", 5, "z=1@1 a=1@2 b=2@2 c=3@2 d=4@3", "and returns to its place");
	is_state(store, "facts", 0, "", "at version 0 there is nothing");

	const struct es_head head = sample_head(store, "facts");
	for (int limit = 1; limit <= 6; limit++) {
		struct es_page page = { 0 };
		is_int(store->operations->facts(store, &head, 5, (struct es_place){ 2, "a" }, limit, &page, &error),
		       ES_OK, "a page after 2, a");
		is_int(page.count, limit < 3 ? limit : 3, "its rows");
		is_int(page.more, limit < 3, "whether there are more");
		is_string(page.facts[0].key, "b", "the first");
		es_page_done(&page);
	}
	struct es_page page = { 0 };
	is_int(store->operations->facts(store, &head, 5, (struct es_place){ 3, "d" }, 5, &page, &error), ES_OK,
	       "a page after the last");
	is_int(page.count, 0, "is empty");
	ok(!page.more, "and the end");
	es_page_done(&page);
	is_int(store->operations->facts(store, &head, 5, (struct es_place){ 1, "zz" }, 5, &page, &error), ES_OK,
	       "a page after a place that nobody holds");
	is_string(page.count > 0 ? page.facts[0].key : "", "a", "begins with what follows it");
	es_page_done(&page);
}

/* Six values of a mebibyte each: four fill a page. */
static void
test_bytes(struct es_store *store)
{
	struct es_error error = ES_ERROR_INIT;
	struct es_page page = { 0 };

	for (int i = 1; i <= 6; i++) {
		_cleanup_free_ char *body = long_put(i, MEBIBYTE);
		if (sample_do(store, "bytes", body, NULL) != ES_OK)
			bail("cannot put a mebibyte");
	}
	const struct es_head head = sample_head(store, "bytes");
	is_int(store->operations->facts(store, &head, 6, (struct es_place){ 0, "" }, 100, &page, &error), ES_OK,
	       "facts of a mebibyte");
	is_int(page.count, 4, "a page ends at 4 MiB");
	ok(page.more, "there are more");
	const int64_t last = page.facts[3].origin;
	char key[16];
	snprintf(key, sizeof key, "%s", page.facts[3].key);
	es_page_done(&page);
	is_int(store->operations->facts(store, &head, 6, (struct es_place){ last, key }, 100, &page, &error), ES_OK,
	       "the next page");
	is_int(page.count, 2, "has the rest");
	ok(!page.more, "and is the last");
	es_page_done(&page);

	struct es_events_query query = { .version = 6, .cursor = 6, .limit = 100 };
	is_int(store->operations->events(store, &head, &query, &page, &error), ES_OK, "events of a mebibyte");
	is_int(page.count, 4, "a page ends at 4 MiB");
	ok(page.more, "there are more");
	is_int(page.examined, 3, "it has looked as far as its last row");
	es_page_done(&page);
	query = (struct es_events_query){
		.version = 6, .cursor = 0, .oldest_first = true, .type = "put", .limit = 100
	};
	is_int(store->operations->events(store, &head, &query, &page, &error), ES_OK, "oldest first, of one type");
	is_int(page.count, 4, "a page ends at 4 MiB");
	ok(page.more, "there are more");
	is_int(page.examined, 4, "it has looked as far as its last row");
	es_page_done(&page);

	is_int(store->operations->differences(store, &head, 0, 6, (struct es_place){ 0, "" }, 100, &page, &error),
	       ES_OK, "differences of a mebibyte");
	is_int(page.count, 4, "a page ends at 4 MiB");
	ok(page.more, "there are more");
	is_int(page.added, 6, "the totals count all pages");
	es_page_done(&page);
}

/* --- pages of events --- */

/* The versions of one page, as "5 4 3 more 3": its rows, whether there are more, how far it looked. */
static void
is_page(struct es_store *store, const char *stream, const struct es_events_query *query, const char *expected,
        const char *name)
{
	const struct es_head head = sample_head(store, stream);
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	struct es_page page = { 0 };
	struct es_error error = ES_ERROR_INIT;

	if (store->operations->events(store, &head, query, &page, &error) != ES_OK)
		bail("no events: %s", error.detail);
	for (int i = 0; i < page.count; i++)
		es_text_add_format(&text, "%s%lld ", page.events[i].active ? "" : "!",
		                   (long long)page.events[i].version);
	es_text_add_format(&text, "%s %lld", page.more ? "more" : "end", (long long)page.examined);
	is_string(text.bytes, expected, name);
	es_page_done(&page);
}

#define QUERY(...) (&(struct es_events_query){ __VA_ARGS__ })

static void
test_events(struct es_store *store)
{
	/* the worked example of the design */
	static const char *const bodies[] = { PUT("milk", "1"), PUT("eggs", "2"), DROP("milk"), REWIND(3),
		                              PUT("tea", "5"),  REWIND(2),        REWIND(6) };
	static const char *const states[] = { "",
		                              "milk=1@1",
		                              "milk=1@1 eggs=2@2",
		                              "eggs=2@2",
		                              "milk=1@1 eggs=2@2",
		                              "milk=1@1 eggs=2@2 tea=5@5",
		                              "milk=1@1",
		                              "milk=1@1 eggs=2@2 tea=5@5" };

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		is_int(sample_do(store, "events", bodies[i], NULL), ES_OK, bodies[i]);
	for (int v = 0; v <= 7; v++)
		is_state(store, "events", v, states[v], "the state after it");

	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .limit = 10), "7 !6 5 4 !3 2 1 end 1",
	        "all, newest first");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .limit = 7), "7 !6 5 4 !3 2 1 end 1",
	        "as many as there are");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .limit = 3), "7 !6 5 more 5", "three");
	is_page(store, "events", QUERY(.version = 7, .cursor = 4, .limit = 3), "4 !3 2 more 2", "three more");
	is_page(store, "events", QUERY(.version = 7, .cursor = 1, .limit = 3), "1 end 1", "the last");
	is_page(store, "events", QUERY(.version = 6, .cursor = 6, .limit = 10), "6 !5 !4 !3 !2 1 end 1",
	        "as of version 6");
	is_page(store, "events", QUERY(.version = 5, .cursor = 5, .limit = 10), "5 4 !3 2 1 end 1", "as of version 5");
	is_page(store, "events", QUERY(.version = 3, .cursor = 3, .limit = 10), "3 2 1 end 1", "as of version 3");
	is_page(store, "events", QUERY(.version = 7, .cursor = 0, .oldest_first = true, .limit = 10),
	        "1 2 !3 4 5 !6 7 end 7", "all, oldest first");
	is_page(store, "events", QUERY(.version = 7, .cursor = 0, .oldest_first = true, .limit = 7),
	        "1 2 !3 4 5 !6 7 end 7", "as many as there are");
	is_page(store, "events", QUERY(.version = 7, .cursor = 2, .oldest_first = true, .limit = 3), "!3 4 5 more 5",
	        "three after the second");
	is_page(store, "events", QUERY(.version = 4, .cursor = 2, .oldest_first = true, .limit = 3), "!3 4 end 4",
	        "up to version 4");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .oldest_first = true, .limit = 3), "end 7",
	        "after the last");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .type = "rewound", .limit = 10), "7 !6 4 end 1",
	        "of a type");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .type = "rewound", .limit = 2), "7 !6 more 6",
	        "two of a type");
	is_page(store, "events", QUERY(.version = 7, .cursor = 5, .type = "rewound", .limit = 2), "4 end 1",
	        "the rest");
	is_page(store, "events", QUERY(.version = 7, .cursor = 7, .type = "none", .limit = 2), "end 1", "of no type");
	is_page(store, "events", QUERY(.version = 7, .cursor = 2, .oldest_first = true, .type = "put", .limit = 2),
	        "5 end 7", "of a type, oldest first");
}

static void
test_text(struct es_store *store)
{
	static const struct {
		const char *text;
		const char *page;
	} cases[] = {
		{ "milk", "2 1 end 1" },      { "MILK", "2 1 end 1" }, { "oat m", "2 end 1" },
		{ "value", "end 1" },         { "key", "end 1" },      { "deep", "3 end 1" },
		{ "5%_.*", "4 end 1" },       { ".*", "4 end 1" },     { "\"q\"", "5 end 1" },
		{ "back\\slash", "5 end 1" }, { "42", "end 1" },       { "\xC3\xA4", "6 end 1" },
		{ "two\nlines", "6 end 1" },  { "nobody", "end 1" },   { "(", "4 end 1" },
	};

	if (sample_do(
		    store, "text",
		    "[" PUT("k", "\"Milk\"") "," PUT("k", "\"oat milk\"") "," PUT("k", "[{\"a\":[\"so deep\"]}]") "," PUT(
			    "k",
			    "\"5%_.*(\"") "," PUT("k",
	                                          "\"\\\"q\\\" back\\\\slash\"") "," PUT("k",
	                                                                                 "\"\xC3\xA4 "
	                                                                                 "two\\nlines\"") "," PUT("z",
	                                                                                                          "42") "]",
		    NULL) != ES_OK)
		bail("cannot write what is to be searched");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_page(store, "text", QUERY(.version = 7, .cursor = 7, .text = cases[i].text, .limit = 10),
		        cases[i].page, "a search for a text");
	is_page(store, "text", QUERY(.version = 7, .cursor = 7, .text = "milk", .type = "dropped", .limit = 10),
	        "end 1", "text and type together");
}

/* One event among 21,000 others, at either end. */
static void
test_examined(struct es_store *store)
{
	if (sample_do(store, "long", PUT("a", "1"), NULL) != ES_OK)
		bail("cannot write a long log");
	for (int i = 0; i < 21; i++)
		if (sample_do(store, "long", "{\"type\":\"several\",\"count\":1000}", NULL) != ES_OK)
			bail("cannot write a long log");
	is_page(store, "long", QUERY(.version = 21001, .cursor = 21001, .type = "put", .limit = 10), "more 1002",
	        "a filtered page looks at 20,000 events");
	is_page(store, "long", QUERY(.version = 21001, .cursor = 1001, .type = "put", .limit = 10), "1 end 1",
	        "the next page finds it");
	is_page(store, "long", QUERY(.version = 21001, .cursor = 20000, .type = "put", .limit = 10), "1 end 1",
	        "20,000 from the end are enough");
	is_page(store, "long", QUERY(.version = 21001, .cursor = 1, .oldest_first = true, .type = "put", .limit = 10),
	        "more 20001", "oldest first as well");
	is_page(store, "long",
	        QUERY(.version = 21001, .cursor = 20001, .oldest_first = true, .type = "put", .limit = 10), "end 21001",
	        "and then the rest");
	is_page(store, "long", QUERY(.version = 21001, .cursor = 21001, .text = "nothing", .limit = 10), "more 1002",
	        "a search is bounded too");
}

/* --- times, streams --- */

static void
test_times(struct es_store *store)
{
	struct sample_request requests[3];
	struct es_error error = ES_ERROR_INIT;
	int64_t version = -1;

	for (int i = 0; i < 3; i++) {
		if (sample_do(store, "times", "[" PUT("a", "1") "," PUT("b", "2") "]", &requests[i]) != ES_OK)
			bail("cannot write");
		/* the next one shall have another time */
		for (const int64_t now = es_clock_wall(); es_clock_wall() < now + 2;)
			;
	}
	const struct es_head head = sample_head(store, "times");
	for (int i = 0; i < 3; i++) {
		const int64_t time = requests[i].events[0].recorded_at;
		ok(i == 0 || time > requests[i - 1].events[1].recorded_at, "times rise");
		is_int(requests[i].events[1].recorded_at, time, "one request has one time");
		is_int(store->operations->version_at(store, &head, time, &version, &error), ES_OK,
		       "the version at its time");
		is_int(version, 2 * (i + 1), "is its last");
		is_int(store->operations->version_at(store, &head, time - 1, &version, &error), ES_OK,
		       "a microsecond before");
		is_int(version, 2 * (int64_t)i, "is the last of the one before");
	}
	is_int(store->operations->version_at(store, &head, 0, &version, &error), ES_OK, "in 1970");
	is_int(version, 0, "there was nothing");
	is_int(store->operations->version_at(store, &head, es_clock_wall() + 3600 * ES_SECOND, &version, &error), ES_OK,
	       "in an hour");
	is_int(version, 6, "there is what there is");
	for (int i = 0; i < 3; i++)
		sample_request_done(&requests[i]);
}

static void
test_streams(struct es_store *store)
{
	struct es_error error = ES_ERROR_INIT;
	struct es_page page = { 0 };
	struct sample_request request;

	is_int(sample_do(store, "zz-2", PUT("a", "1"), NULL), ES_OK, "a stream");
	is_int(sample_do(store, "zz-1", "[" PUT("a", "1") "," PUT("b", "1") "]", &request), ES_OK, "another");
	is_int(sample_do(store, "zz-3", DROP("a"), NULL), ES_NOT_FOUND, "one that is not made");
	is_int(store->operations->streams(store, "zz-", 1, &page, &error), ES_OK, "a page of one stream");
	is_int(page.count, 1, "has one");
	ok(page.more, "and there are more");
	is_string(page.streams[0].name, "zz-1", "the first by name");
	is_int(page.streams[0].version, 2, "its version");
	is_int(page.streams[0].live, 2, "its facts");
	is_int(page.streams[0].changed_at, request.events[1].recorded_at, "when it changed");
	es_page_done(&page);
	is_int(store->operations->streams(store, "zz-1", 1, &page, &error), ES_OK, "the page after it");
	is_string(page.count == 1 ? page.streams[0].name : "", "zz-2", "has the second");
	ok(!page.more, "and is the last");
	es_page_done(&page);
	is_int(store->operations->streams(store, "zz-2", 1, &page, &error), ES_OK, "after the last");
	is_int(page.count, 0, "there is none");
	es_page_done(&page);
	sample_request_done(&request);
}

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
		tap_ok(requests[i].append.result == results[i], __FILE__, __LINE__, "%s: request %d: %s %s", name, i,
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

int
store_contract_run(struct es_store *store)
{
	static void (*const tests[])(struct es_store *) = {
		test_heads,
		test_round_trip,
		test_keys,
		test_facts,
		test_bytes,
		test_events,
		test_text,
		test_examined,
		test_times,
		test_streams,
		test_keyed,
		test_long_repeat,
		test_rewinds_in_a_batch,
		test_expectations,
		test_atomic,
		test_careless,
		test_scripts,
	};

	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tests[i](store);
	return done_testing();
}
