#include "store_contract.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "contract_fixture.h"
#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

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

int
store_contract_run(struct es_store *store)
{
	static void (*const tests[])(struct es_store *) = {
		test_heads,
		test_round_trip,
		test_keys,
	};

	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tests[i](store);
	store_contract_read(store);
	store_contract_write(store);
	return done_testing();
}
