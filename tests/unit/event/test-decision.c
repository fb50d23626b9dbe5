#include "event/decision.h"

#include <json-c/json.h>
#include <string.h>

#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

/* A batch of one stream, as begin leaves it. */
struct fixture {
	struct es_batch batch;
	struct es_batch_stream stream;
	struct es_batch_target target;
	struct es_error error;
};

static void
begin(struct fixture *fixture, int64_t version, int live)
{
	*fixture = (struct fixture){
		.stream = { .name = "s", .facts = es_facts_new(), .id = 1, .horizon = 1, .version = version },
		.batch = { .stream_count = 1, .log = "0123abcd" },
		.error = ES_ERROR_INIT,
	};
	if (fixture->stream.facts == NULL)
		bail("no memory");
	fixture->batch.streams = &fixture->stream;
	fixture->batch.targets = &fixture->target;
	es_facts_set_live(fixture->stream.facts, live);
	es_facts_declare(fixture->stream.facts, "a");
	es_facts_declare(fixture->stream.facts, "b");
	es_facts_declare(fixture->stream.facts, "c");
}

static void
end(struct fixture *fixture)
{
	for (int i = 0; i < fixture->batch.event_count; i++)
		free(fixture->batch.events[i].data);
	free(fixture->batch.events);
	es_facts_free(fixture->stream.facts);
}

/* Decides body, under the expectation where that is not NULL. */
static enum es_result
decide(struct fixture *fixture, const char *body, const struct es_expected *expected, int expected_count)
{
	struct sample_request request;

	sample_request_begin(&request, "s", body);
	request.append.expected_count = expected_count;
	for (int i = 0; i < expected_count; i++)
		request.append.expected[i] = expected[i];
	fixture->error = ES_ERROR_INIT;
	const enum es_result result = es_decide(&sample_decider, &request.append, 0, &fixture->batch, &fixture->error);
	/* what the events borrow from the request is not looked at below */
	sample_request_done(&request);
	return result;
}

#define PUT(key) "{\"type\":\"put\",\"key\":\"" key "\",\"value\":1}"
#define DROP(key) "{\"type\":\"drop\",\"key\":\"" key "\"}"

static void
test_live_limit(void)
{
	struct fixture fixture;

	begin(&fixture, 7, ES_LIVE_MAX - 1);
	is_int(decide(&fixture, PUT("a"), NULL, 0), ES_OK, "fact number 100,000");
	is_int(fixture.batch.events[0].live, 100000, "its event says so");
	is_int(decide(&fixture, PUT("b"), NULL, 0), ES_REFUSED, "one more is refused");
	ok(strstr(fixture.error.detail, "100000") != NULL, "with the limit: %s", fixture.error.detail);
	is_int(decide(&fixture, "[" PUT("b") "," DROP("b") "]", NULL, 0), ES_REFUSED, "also for a moment");
	is_int(fixture.error.index, 0, "where it happens");
	is_int(decide(&fixture, "[" DROP("a") "," PUT("b") "]", NULL, 0), ES_OK, "one in place of another");
	is_int(decide(&fixture, PUT("b"), NULL, 0), ES_OK, "another value of the same");
	is_int(fixture.batch.events[3].live, 100000, "still 100,000");
	is_int(fixture.batch.event_count, 4, "the refused left no event");
	is_int(fixture.stream.version, 11, "and no version");
	end(&fixture);
}

static void
test_events(void)
{
	struct fixture fixture;

	begin(&fixture, 7, 0);
	is_int(decide(&fixture, "{\"type\":\"several\",\"count\":1000}", NULL, 0), ES_OK, "1,000 events");
	is_int(fixture.stream.version, 1007, "of as many versions");
	bool right = true;
	for (int i = 0; i < fixture.batch.event_count; i++) {
		const struct es_batch_event *event = &fixture.batch.events[i];
		char data[32];
		snprintf(data, sizeof data, "{\"number\":%d}", i + 1);
		right = right && event->version == 8 + i && event->base == 7 + i && strcmp(event->data, data) == 0 &&
		        strcmp(event->type, "counted") == 0;
	}
	ok(right, "each continues from the one before");
	is_int(fixture.stream.first_version, 8, "the first of the batch");
	ok(decide(&fixture, "{\"type\":\"several\",\"count\":1001}", NULL, 0) != ES_OK, "1,001 of one command");
	is_int(decide(&fixture, "[{\"type\":\"several\",\"count\":500},{\"type\":\"several\",\"count\":500}]", NULL, 0),
	       ES_OK, "1,000 of two commands");
	is_int(decide(&fixture, "[{\"type\":\"several\",\"count\":500},{\"type\":\"several\",\"count\":501}]", NULL, 0),
	       ES_REFUSED, "1,001 of two commands");
	is_int(fixture.stream.version, 2007, "the refused left no version");
	is_int(fixture.batch.event_count, 2000, "and no event");
	is_int(decide(&fixture, "{\"type\":\"nothing\"}", NULL, 0), ES_OK, "no event at all");
	is_int(fixture.stream.version, 2007, "no version");
	end(&fixture);
}

static void
test_refusals(void)
{
	struct fixture fixture;

	begin(&fixture, 0, 0);
	is_int(decide(&fixture, "{\"type\":\"refuse\"}", NULL, 0), ES_REFUSED, "refused");
	is_int(fixture.error.index, -1, "one command has no index");
	is_int(decide(&fixture, "[" PUT("a") "," DROP("b") "]", NULL, 0), ES_NOT_FOUND, "the second of two refused");
	is_int(fixture.error.index, 1, "its index");
	is_int(fixture.stream.version, 0, "nothing of the first is left: no version");
	is_int(fixture.stream.first_version, 0, "no first version");
	is_int(es_facts_live(fixture.stream.facts), 0, "no fact");
	is_int(decide(&fixture, DROP("a"), NULL, 0), ES_NOT_FOUND, "nothing to read");
	is_int(decide(&fixture, "{\"type\":\"careless\",\"key\":\"z\"}", NULL, 0), ES_FAILED,
	       "reading a key that was not named is a bug");
	ok(strstr(fixture.error.detail, "\"z\"") != NULL, "that names it: %s", fixture.error.detail);
	is_int(decide(&fixture, "[" PUT("a") "," DROP("a") "," PUT("a") "]", NULL, 0), ES_OK,
	       "a command sees what those before it did");
	is_int(fixture.stream.first_version, 1, "the first version");
	is_int(decide(&fixture, DROP("a"), NULL, 0), ES_OK, "and what the requests before it did");
	is_int(fixture.stream.version, 4, "four versions");
	is_int(fixture.batch.event_count, 4, "four events");
	is_int(fixture.stream.first_version, 1, "the first version stays");
	end(&fixture);
}

static void
test_expectations(void)
{
	struct fixture fixture;

	begin(&fixture, 0, 0);
	is_int(decide(&fixture, PUT("a"), &(struct es_expected){ 1, "" }, 1), ES_CONFLICT, "1 where there is nothing");
	is_int(fixture.error.version, 0, "the version there is");
	is_int(decide(&fixture, PUT("a"), &(struct es_expected){ 0, "" }, 1), ES_OK, "0 where there is nothing");
	is_int(decide(&fixture, PUT("a"), &(struct es_expected){ 0, "" }, 1), ES_CONFLICT,
	       "0 again: earlier requests of the batch count");
	is_int(fixture.error.version, 1, "the version now");
	is_int(decide(&fixture, "[" PUT("a") "," PUT("b") "]", &(struct es_expected){ 1, "" }, 1), ES_OK,
	       "compared once for a request of two commands");
	is_int(decide(&fixture, PUT("a"), &(struct es_expected){ 3, "0123abce" }, 1), ES_CONFLICT, "of another log");
	is_int(decide(&fixture, PUT("a"), &(struct es_expected){ 3, "0123abcd" }, 1), ES_OK, "of this log");
	const struct es_expected several[] = { { 3, "" }, { 4, "0123abce" }, { 4, "" } };
	is_int(decide(&fixture, PUT("a"), several, 2), ES_CONFLICT, "two that do not hold");
	is_int(decide(&fixture, PUT("a"), several, 3), ES_OK, "the third does");
	is_int(fixture.stream.version, 5, "five versions");
	end(&fixture);
}

static void
test_rewinds(void)
{
	struct fixture fixture;

	begin(&fixture, 7, 3);
	fixture.stream.horizon = 4;
	fixture.target = (struct es_batch_target){ .stream = 0, .version = 6, .live = 42 };
	fixture.batch.target_count = 1;
	is_int(decide(&fixture, "{\"type\":\"rewind\",\"version\":8}", NULL, 0), ES_NOT_FOUND, "above the head");
	is_int(fixture.error.version, 7, "which is told");
	is_string(fixture.error.field, "version", "the member at fault");
	is_int(decide(&fixture, "{\"type\":\"rewind\",\"version\":3}", NULL, 0), ES_GONE, "below the horizon");
	is_int(fixture.error.version, 4, "which is told");
	is_int(decide(&fixture, "{\"type\":\"rewind\",\"version\":5}", NULL, 0), ES_FAILED, "a state nobody fetched");
	is_int(decide(&fixture, "[" PUT("a") ",{\"type\":\"rewind\",\"version\":9}]", NULL, 0), ES_NOT_FOUND,
	       "above what the array itself makes");
	is_int(fixture.error.index, 1, "its index");
	is_int(fixture.stream.version, 7, "nothing is left of it");
	is_int(fixture.stream.rewind_version, 0, "no rewind either");
	is_int(decide(&fixture, "[" PUT("a") "," PUT("b") ",{\"type\":\"rewind\",\"version\":9}]", NULL, 0), ES_OK,
	       "of what the array itself made");
	is_int(fixture.batch.events[2].base, 8, "continues before it");
	is_int(fixture.batch.events[2].live, 4, "with as many facts as then");
	is_string(fixture.batch.events[2].type, "rewound", "is an event");
	is_string(fixture.batch.events[2].data, "{\"version\":9}", "that names its target");
	is_int(fixture.stream.rewind_target, 9, "the store is told the target");
	is_int(fixture.stream.rewind_version, 10, "and the version");
	end(&fixture);

	begin(&fixture, 7, 3);
	fixture.target = (struct es_batch_target){ .stream = 0, .version = 6, .live = 42 };
	fixture.batch.target_count = 1;
	is_int(decide(&fixture, "{\"type\":\"rewind\",\"version\":6}", NULL, 0), ES_OK, "of an event in the store");
	is_int(fixture.batch.events[0].base, 5, "continues before it");
	is_int(fixture.batch.events[0].live, 42, "with the number that was fetched");
	end(&fixture);

	begin(&fixture, 7, 3);
	is_int(decide(&fixture, "{\"type\":\"rewind\",\"version\":1}", NULL, 0), ES_OK, "of the first event");
	is_int(fixture.batch.events[0].base, 0, "continues from nothing");
	is_int(fixture.batch.events[0].live, 0, "with nothing");
	end(&fixture);
}

/* --- a decider that records what its table lacks --- */

static enum es_result
decide_unknown(const void *command, const struct es_facts *facts, struct es_decision *decision, struct es_error *error)
{
	(void)command;
	(void)facts;
	(void)error;
	es_decision_add(decision, "unheard-of", json_object_new_object());
	return ES_OK;
}

static void
test_unknown_event(void)
{
	static const struct es_command_type type = { .name = "x", .size = 1, .decide = decide_unknown };
	static const struct es_event_type events[] = { { 0 } };
	const struct es_decider decider = { .name = "test", .commands = &type, .events = events };
	struct es_command command = { .type = &type };
	const struct es_append append = { .stream = "s", .commands = { .commands = &command, .count = 1 } };
	struct fixture fixture;

	begin(&fixture, 0, 0);
	is_int(es_decide(&decider, &append, 0, &fixture.batch, &fixture.error), ES_FAILED,
	       "an event that the table lacks is a bug");
	ok(strstr(fixture.error.detail, "\"unheard-of\"") != NULL, "that is named: %s", fixture.error.detail);
	end(&fixture);
}

int
main(void)
{
	test_live_limit();
	test_events();
	test_refusals();
	test_expectations();
	test_rewinds();
	test_unknown_event();
	return done_testing();
}
