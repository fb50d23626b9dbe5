#include "ledger/render.h"

#include "event/cleanup.h"
#include "tap.h"

int
main(void)
{
	_cleanup_text_ struct es_text text = ES_TEXT_INIT;
	struct es_event_row row = {
		.version = 58,
		.position = 1042,
		.id = "0190163d-8694-739b-aea5-966c26f8ad91",
		.type = "item-appended",
		.data = "{\"content\": \"a \\\"b\\\" : c\"}",
		.base = 57,
		.actor = NULL,
		.command_id = "11111111-1111-4111-8111-111111111111",
		.recorded_at = 1795502876123456,
		.active = true,
	};
	const char *const event = "{\"version\":58,\"position\":1042,\"id\":\"0190163d-8694-739b-aea5-966c26f8ad91\","
				  "\"type\":\"item-appended\",\"data\":{\"content\":\"a \\\"b\\\" : c\"},\"base\":57,"
				  "\"actor\":null,\"command_id\":\"11111111-1111-4111-8111-111111111111\","
				  "\"recorded_at\":\"2026-11-24T06:47:56.123456Z\"";
	char expected[600];

	ledger_render_event(&text, &row, false);
	snprintf(expected, sizeof expected, "%s}", event);
	is_string(text.bytes, expected, "an event");
	es_text_clear(&text);
	ledger_render_event(&text, &row, true);
	snprintf(expected, sizeof expected, "%s,\"active\":true}", event);
	is_string(text.bytes, expected, "an active one");
	es_text_clear(&text);
	row.active = false;
	row.actor = "anna \"b\"";
	row.data = "{}";
	ledger_render_event(&text, &row, true);
	ok(strstr(text.bytes, "\"data\":{},") != NULL && strstr(text.bytes, "\"actor\":\"anna \\\"b\\\"\"") != NULL &&
	           strstr(text.bytes, "\"active\":false}") != NULL,
	   "an inactive one of somebody: %s", text.bytes);

	es_text_clear(&text);
	ledger_render_item(&text, "key", "{\"content\": \"x } y\"}", 7);
	ledger_render_item(&text, "k\"2", "{\"content\":\"z\"}", 8);
	is_string(text.bytes,
	          "{\"id\":\"key\",\"content\":\"x } "
	          "y\",\"version\":7}{\"id\":\"k\\\"2\",\"content\":\"z\",\"version\":8}",
	          "items");
	return done_testing();
}
