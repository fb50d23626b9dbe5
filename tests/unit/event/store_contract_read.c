/* What every store gives back: pages of facts, events and streams, and the version of a time. */
#include "contract_fixture.h"

#include <stdio.h>

#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

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

void
store_contract_read(struct es_store *store)
{
	static void (*const tests[])(struct es_store *) = {
		test_facts, test_bytes, test_events, test_text, test_examined, test_times, test_streams,
	};

	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tests[i](store);
}
