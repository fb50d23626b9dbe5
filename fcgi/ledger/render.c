#include "ledger/render.h"

#include "event/clock.h"

void
ledger_render_event(struct es_text *text, const struct es_event_row *event, bool with_active)
{
	char time[ES_TIME_TEXT_SIZE];

	es_text_add_string(text, "{\"version\":");
	es_text_add_int64(text, event->version);
	es_text_add_string(text, ",\"position\":");
	es_text_add_int64(text, event->position);
	es_text_add_string(text, ",\"id\":\"");
	es_text_add_string(text, event->id);
	es_text_add_string(text, "\",\"type\":");
	es_text_add_json(text, event->type);
	es_text_add_string(text, ",\"data\":");
	es_text_add_compact(text, event->data);
	es_text_add_string(text, ",\"base\":");
	es_text_add_int64(text, event->base);
	es_text_add_string(text, ",\"actor\":");
	if (event->actor == NULL)
		es_text_add_string(text, "null");
	else
		es_text_add_json(text, event->actor);
	es_text_add_string(text, ",\"command_id\":\"");
	es_text_add_string(text, event->command_id);
	es_text_add_string(text, "\",\"recorded_at\":\"");
	es_text_add_string(text, es_time_format(event->recorded_at, time));
	es_text_add_string(text, "\"");
	if (with_active)
		es_text_add_string(text, event->active ? ",\"active\":true" : ",\"active\":false");
	es_text_add_string(text, "}");
}

void
ledger_render_item(struct es_text *text, const char *key, const char *value, int64_t origin)
{
	es_text_add_string(text, "{\"id\":");
	es_text_add_json(text, key);
	es_text_add_string(text, ",");
	/* the value's members, without the brace before and after them */
	es_text_add_compact(text, value + 1);
	if (!es_text_failed(text))
		text->size--;
	es_text_add_string(text, ",\"version\":");
	es_text_add_int64(text, origin);
	es_text_add_string(text, "}");
}
