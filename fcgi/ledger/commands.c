/*
 * POST .../commands: parsed on the server's thread, applied and answered on a writer's.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "http/etag.h"
#include "http/json.h"
#include "http/number.h"
#include "ledger/items.h"
#include "ledger/ledger.h"
#include "ledger/render.h"

/* A request on its way through the writer.  Strings are the request's own. */
struct pending {
	struct es_append append; /* first: done gets it back */
	struct http_request *request;
};

static void
free_pending(struct pending *pending)
{
	es_commands_done(&pending->append.commands);
	free(pending);
}

static void
render_answer(struct http_request *request, const struct es_append *append)
{
	struct es_text *body = http_reply_body(request);
	char tag[LEDGER_TAG_SIZE];

	http_reply_status(request, append->replayed ? 200 : 201);
	http_reply_header(request, "ETag", "%s", ledger_tag(append->version, append->log, tag));
	http_reply_header(request, "Cache-Control", "no-store");
	if (append->replayed)
		http_reply_header(request, "Idempotent-Replayed", "true");
	es_text_add_string(body, "{\"log\":\"");
	es_text_add_string(body, append->log);
	es_text_add_string(body, "\",\"version\":");
	es_text_add_int64(body, append->version);
	es_text_add_string(body, ",\"events\":[");
	for (int i = 0; i < append->event_count; i++) {
		if (i > 0)
			es_text_add_string(body, ",");
		ledger_render_event(body, &append->events[i], false);
	}
	es_text_add_string(body, "]}");
}

static void
answer(struct es_append *append)
{
	struct pending *pending = (struct pending *)(void *)append;
	struct http_request *request = pending->request;

	if (append->result == ES_OK) {
		render_answer(request, append);
		http_reply_send(request);
	} else {
		http_problem_result(request, append->result, &append->error);
	}
	free_pending(pending);
}

/* A tag of If-Match: <version>, or <version>-<log>. */
static bool
parse_expected(const struct http_tag *tag, struct es_expected *expected)
{
	char text[LEDGER_TAG_SIZE];

	if (tag->size >= sizeof text)
		return false;
	memcpy(text, tag->text, tag->size);
	text[tag->size] = '\0';
	char *hyphen = strchr(text, '-');
	if (hyphen != NULL) {
		if (strlen(hyphen + 1) != ES_LOG_SIZE - 1)
			return false;
		memcpy(expected->log, hyphen + 1, ES_LOG_SIZE);
		*hyphen = '\0';
	}
	return http_parse_int64(text, 0, INT64_MAX, &expected->version);
}

static enum es_result
parse_if_match(const char *list, struct es_append *append, struct es_error *error)
{
	struct http_tag tag;
	const char *cursor = list;

	if (list == NULL)
		return ES_OK;
	while (http_tag_next(&cursor, &tag)) {
		if (tag.any) {
			append->expected_count = 0; /* every ledger has a state to match */
			return ES_OK;
		}
		if (append->expected_count == ES_EXPECTED_MAX)
			return es_fail(error, ES_INVALID, "If-Match", "at most %d versions can be named",
			               ES_EXPECTED_MAX);
		struct es_expected *expected = &append->expected[append->expected_count++];
		if (!parse_expected(&tag, expected))
			return es_fail(error, ES_INVALID, "If-Match",
			               "a version looks like \"57\" or \"57-<log>\", with its quotes");
	}
	if (*cursor != '\0' || append->expected_count == 0)
		return es_fail(error, ES_INVALID, "If-Match",
		               "a version looks like \"57\" or \"57-<log>\", with its quotes");
	return ES_OK;
}

static enum es_result
parse_headers(struct http_request *request, struct es_append *append, struct es_error *error)
{
	const char *key = http_request_variable(request, "HTTP_IDEMPOTENCY_KEY");

	append->keyed = key != NULL;
	if (key == NULL)
		append->command_id = es_uuid_new();
	else if (!es_uuid_parse(key, &append->command_id))
		return es_fail(error, ES_INVALID, "Idempotency-Key", "the key must be a uuid");
	const enum es_result result = ledger_actor(request, &append->actor, error);
	if (result != ES_OK)
		return result;
	return parse_if_match(http_request_variable(request, "HTTP_IF_MATCH"), append, error);
}

static enum es_result
parse_body(struct http_request *request, struct es_append *append, struct es_error *error)
{
	struct json_object *commands = NULL;
	const char *body = http_request_body(request, &append->size);

	enum es_result result = http_json_parse(body, append->size, &commands, error);
	if (result == ES_OK)
		result = es_commands_parse(&ledger_items, commands, &append->commands, error);
	json_object_put(commands);
	if (result == ES_OK && append->keyed && !es_append_hash(append, body, append->size))
		result = es_fail(error, ES_FAILED, NULL, "no memory for the request");
	return result;
}

void
ledger_post_commands(struct http_request *request, void *application, void *local)
{
	const struct ledger *ledger = application;
	struct es_error error = ES_ERROR_INIT;
	const char *name = ledger_name(request);

	(void)local;
	if (name == NULL || ledger_refuse_reader(request))
		return;
	struct pending *pending = calloc(1, sizeof *pending);
	if (pending == NULL) {
		http_problem_result(request, es_fail(&error, ES_FAILED, NULL, "no memory for the request"), &error);
		return;
	}
	pending->request = request;
	pending->append.stream = name;
	pending->append.done = answer;
	enum es_result result = parse_headers(request, &pending->append, &error);
	if (result == ES_OK)
		result = parse_body(request, &pending->append, &error);
	if (result != ES_OK) {
		free_pending(pending);
		http_problem_result(request, result, &error);
		return;
	}
	es_writer_submit(ledger->writer, &pending->append);
}
