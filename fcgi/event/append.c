#include "event/append.h"

#include <json-c/json.h>
#include <string.h>

#include "event/batch.h"
#include "event/clock.h"
#include "event/text.h"

uint64_t
es_stream_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

bool
es_append_hash(struct es_append *append, const void *body, size_t size)
{
	struct es_text text = ES_TEXT_INIT;

	/* lengths first, so that no two requests give the same bytes */
	es_text_add_format(&text, "%zu %zu ", strlen(append->stream),
	                   append->actor == NULL ? 0 : strlen(append->actor) + 1);
	es_text_add_string(&text, append->stream);
	es_text_add_string(&text, append->actor == NULL ? "" : append->actor);
	es_text_add(&text, body, size);
	const bool hashed = !es_text_failed(&text);
	if (hashed)
		append->request_hash = es_uuid_hash(text.bytes, text.size);
	es_text_done(&text);
	return hashed;
}

void
es_append_finish(struct es_append *append, enum es_result result, const struct es_error *error)
{
	append->result = result;
	append->error = *error;
	append->events = NULL;
	append->event_count = 0;
	if (append->done != NULL)
		append->done(append);
}

enum es_result
es_append_now(struct es_store *store, const struct es_decider *decider, struct es_append *append)
{
	if (append->deadline == 0)
		append->deadline = es_clock_monotonic() + ES_APPEND_TIME;
	append->next = NULL;
	es_batch_apply(store, decider, append, NULL);
	return append->result;
}

enum es_result
es_append_text(struct es_store *store, const struct es_decider *decider, const char *stream, const char *commands,
               int64_t *ret_version, struct es_error *error)
{
	struct es_append append = { .stream = stream, .command_id = es_uuid_new(), .size = strlen(commands) };
	struct json_object *body = json_tokener_parse(commands);

	if (body == NULL)
		return es_fail(error, ES_INVALID, NULL, "this is not JSON");
	enum es_result result = es_commands_parse(decider, body, &append.commands, error);
	if (result == ES_OK) {
		result = es_append_now(store, decider, &append);
		*error = append.error;
	}
	if (result == ES_OK)
		*ret_version = append.version;
	es_commands_done(&append.commands);
	json_object_put(body);
	return result;
}
