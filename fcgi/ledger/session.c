/*
 * Who is asking and whether they may change anything, as the site has verified it: parameters that only the web server
 * sets, never a header of the client.
 */
#include <string.h>

#include "http/utf8.h"
#include "ledger/ledger.h"

enum es_result
ledger_actor(const struct http_request *request, const char **ret_actor, struct es_error *error)
{
	const char *actor = http_request_variable(request, "EVENTLEDGER_ACTOR");

	if (actor != NULL && (strlen(actor) > LEDGER_ACTOR_MAX || !http_utf8_valid(actor, strlen(actor))))
		return es_fail(error, ES_INVALID, NULL, "the name of who is asking is not UTF-8, or over %d bytes",
		               LEDGER_ACTOR_MAX);
	*ret_actor = actor;
	return ES_OK;
}

bool
ledger_is_writable(const struct http_request *request)
{
	const char *writable = http_request_variable(request, "EVENTLEDGER_WRITABLE");

	return writable == NULL || strcmp(writable, "1") == 0;
}

bool
ledger_refuse_reader(struct http_request *request)
{
	struct es_error error = ES_ERROR_INIT;

	if (ledger_is_writable(request))
		return false;
	(void)es_fail(&error, ES_REFUSED, NULL, "you may look at everything here, and change nothing");
	http_problem(request, 403, "read-only", &error);
	return true;
}

void
ledger_get_session(struct http_request *request, void *application, void *local)
{
	struct es_text *body = http_reply_body(request);
	struct es_error error = ES_ERROR_INIT;
	const char *actor = NULL;

	(void)application;
	(void)local;
	const enum es_result result = ledger_actor(request, &actor, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	/* Another person's answer to the same question is another one: nobody keeps it. */
	http_reply_header(request, "Cache-Control", "private, no-store");
	http_reply_header(request, "Vary", "Authorization, Cookie");
	es_text_add_string(body, "{\"actor\":");
	if (actor == NULL)
		es_text_add_string(body, "null");
	else
		es_text_add_json(body, actor);
	es_text_add_string(body, ledger_is_writable(request) ? ",\"writable\":true}" : ",\"writable\":false}");
	http_reply_send(request);
}
