/*
 * ledger/render.h - events and items as JSON: the same object everywhere.
 */
#ifndef LEDGER_RENDER_H
#define LEDGER_RENDER_H

#include <stdbool.h>

#include "event/store.h"
#include "event/text.h"

/* {"version","position","id","type","data","base","actor","command_id","recorded_at"}, and "active" where asked. */
void ledger_render_event(struct es_text *text, const struct es_event_row *event, bool with_active);

/* {"id","content","version"}: the fact's key, the members of its value (a JSON object), and its origin. */
void ledger_render_item(struct es_text *text, const char *key, const char *value, int64_t origin);

#endif
