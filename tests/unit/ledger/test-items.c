#include "ledger/items.h"

#include <json-c/json.h>
#include <string.h>

#include "event/batch.h"
#include "event/cleanup.h"
#include "event/clock.h"
#include "tap.h"

/* What the last request was answered. */
static struct es_error error;
static int64_t version;
static char id[ES_UUID_TEXT_SIZE];
static char data[256];
static char type[32];

static void
keep(struct es_append *append)
{
	error = append->error;
	version = append->version;
	if (append->event_count == 0)
		return;
	snprintf(id, sizeof id, "%s", append->events[0].id);
	snprintf(data, sizeof data, "%s", append->events[0].data);
	snprintf(type, sizeof type, "%s", append->events[0].type);
}

static enum es_result
send(struct es_store *store, const char *text)
{
	_cleanup_json_ struct json_object *body = json_tokener_parse(text);
	struct es_append append = { .stream = "main",
		                    .command_id = es_uuid_new(),
		                    .deadline = es_clock_monotonic() + ES_SECOND,
		                    .done = keep };

	error = ES_ERROR_INIT;
	enum es_result result = es_commands_parse(&ledger_items, body, &append.commands, &error);
	if (result == ES_OK)
		result = es_append_now(store, &ledger_items, &append);
	es_commands_done(&append.commands);
	return result;
}

/* The contents at a version, by place, separated by commas. */
static void
is_list(struct es_store *store, int64_t at, const char *expected)
{
	struct es_head head;
	struct es_page page = { 0 };
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;

	if (store->operations->head(store, "main", &head, &error) != ES_OK ||
	    store->operations->facts(store, &head, at, (struct es_place){ 0, "" }, 100, &page, &error) != ES_OK)
		bail("no state");
	for (int i = 0; i < page.count; i++) {
		_cleanup_json_ struct json_object *value = json_tokener_parse(page.facts[i].value);
		es_text_add_format(&text, "%s%s", i > 0 ? "," : "",
		                   json_object_get_string(json_object_object_get(value, "content")));
	}
	is_string(text.bytes, expected, "the list then");
	es_page_done(&page);
}

int
main(void)
{
	struct es_store *store = es_store_memory_new();
	char milk[ES_UUID_TEXT_SIZE];
	char body[128];
	char expected[128];

	is_int(send(store, "{\"type\":\"append\",\"content\":\" milk \"}"), ES_OK, "1 append milk");
	is_string(type, "item-appended", "its event");
	is_string(data, "{\"content\":\"milk\"}", "the content is trimmed");
	memcpy(milk, id, sizeof milk);
	is_int(send(store, "{\"type\":\"append\",\"content\":\"eggs\"}"), ES_OK, "2 append eggs");
	snprintf(body, sizeof body, "{\"type\":\"remove\",\"item\":\"%s\"}", milk);
	for (char *at = body + 25; *at != '"' && *at != '\0'; at++)
		if (*at >= 'a' && *at <= 'f')
			*at = (char)(*at - 'a' + 'A');
	is_int(send(store, body), ES_OK, "3 remove milk, its id in capitals");
	is_string(type, "item-removed", "its event");
	snprintf(expected, sizeof expected, "{\"item\":\"%s\",\"content\":\"milk\"}", milk);
	is_string(data, expected, "tells its story alone");
	is_int(send(store, body), ES_NOT_FOUND, "what is removed is not there");
	is_string(error.field, "item", "the member at fault");
	is_int(send(store, "{\"type\":\"rewind\",\"version\":3}"), ES_OK, "4 rewind 3");
	is_int(send(store, "{\"type\":\"append\",\"content\":\"tea\"}"), ES_OK, "5 append tea");
	is_int(send(store, "{\"type\":\"rewind\",\"version\":2}"), ES_OK, "6 rewind 2");
	is_int(send(store, "{\"type\":\"rewind\",\"version\":6}"), ES_OK, "7 rewind 6");
	is_int(version, 7, "seven versions");
	is_list(store, 2, "milk,eggs");
	is_list(store, 3, "eggs");
	is_list(store, 4, "milk,eggs");
	is_list(store, 5, "milk,eggs,tea");
	is_list(store, 6, "milk");
	is_list(store, 7, "milk,eggs,tea");
	is_int(send(store, "{\"type\":\"remove\",\"item\":\"milk\"}"), ES_NOT_FOUND, "an item that is no identifier");
	is_int(send(store, "{\"type\":\"remove\",\"item\":7}"), ES_INVALID, "an item that is a number");
	is_int(send(store, "{\"type\":\"remove\"}"), ES_INVALID, "no item");
	is_int(send(store, "{\"type\":\"remove\",\"item\":\"x\",\"content\":\"x\"}"), ES_INVALID, "an unknown member");
	es_store_free(store);
	return done_testing();
}
