/*
 * What several answers have in common: names, numbers, heads and entity tags.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/number.h"
#include "ledger/ledger.h"

void *
ledger_thread_start(void *application)
{
	const struct ledger *ledger = application;

	return es_store_postgres_new(ledger->database, "ledger.fcgi reader");
}

void
ledger_thread_stop(void *local)
{
	es_store_free(local);
}

static bool
is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	const size_t length = strlen(name);

	return length >= 1 && length <= ES_STREAM_NAME_MAX && strchr(first, name[0]) != NULL &&
	       strspn(name, rest) == length;
}

const char *
ledger_name(struct http_request *request)
{
	const char *name = http_request_argument(request, "ledger");
	struct es_error error = ES_ERROR_INIT;

	if (is_name(name))
		return name;
	http_problem_result(request,
	                    es_fail(&error, ES_NOT_FOUND, NULL,
	                            "no ledger can have this name; names are 1 to %d of a-z, 0-9, dot, underscore and "
	                            "hyphen, and begin with a letter or digit",
	                            ES_STREAM_NAME_MAX),
	                    &error);
	return NULL;
}

bool
ledger_read_head(struct http_request *request, struct es_store *store, struct es_head *ret_head)
{
	struct es_error error = ES_ERROR_INIT;
	const char *name = ledger_name(request);

	if (name == NULL)
		return false;
	const enum es_result result = store->operations->head(store, name, ret_head, &error);
	if (result == ES_OK)
		return true;
	http_problem_result(request, result, &error);
	return false;
}

bool
ledger_has_version(struct http_request *request, const struct es_head *head, int64_t version, const char *field)
{
	struct es_error error = ES_ERROR_INIT;

	if (version > head->version) {
		error.version = head->version;
		http_problem_result(request,
		                    es_fail(&error, ES_NOT_FOUND, field,
		                            "there is no version %" PRId64 " yet; the newest is %" PRId64, version,
		                            head->version),
		                    &error);
		return false;
	}
	if (version < head->horizon - 1) {
		error.version = head->horizon - 1;
		http_problem_result(request,
		                    es_fail(&error, ES_GONE, field,
		                            "version %" PRId64 " is no longer kept; the oldest is %" PRId64, version,
		                            head->horizon - 1),
		                    &error);
		return false;
	}
	return true;
}

bool
ledger_number_parameter(struct http_request *request, const char *name, int64_t least, int64_t most, int64_t *number)
{
	const char *text = http_request_parameter(request, name);
	struct es_error error = ES_ERROR_INIT;

	if (text == NULL || http_parse_int64(text, least, most, number))
		return true;
	http_problem_result(request,
	                    es_fail(&error, ES_INVALID, name,
	                            "\"%s\" must be a whole number from %" PRId64 " to %" PRId64, name, least, most),
	                    &error);
	return false;
}

char *
ledger_tag(int64_t version, const char *log, char tag[static LEDGER_TAG_SIZE])
{
	snprintf(tag, LEDGER_TAG_SIZE, "\"%" PRId64 "-%s\"", version, log);
	return tag;
}

bool
ledger_not_modified(struct http_request *request, const char *tag)
{
	http_reply_header(request, "ETag", "%s", tag);
	if (!http_request_has_tag(request, tag))
		return false;
	http_reply_status(request, 304);
	http_reply_send(request);
	return true;
}
