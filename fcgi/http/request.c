#include "http/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "event/clock.h"
#include "http/connection.h"
#include "http/etag.h"
#include "http/log.h"
#include "http/problem.h"
#include "http/status.h"
#include "http/tally.h"

enum {
	HEADER_VALUE_MAX = 4096, /* bytes: nginx takes 4 KiB of header lines by default (fastcgi_buffer_size) */
	RETRY_AFTER_MAX = 3,     /* seconds: the database is back soon, or back-off in the client takes over */
};

const char *
http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *
http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *
http_request_argument(const struct http_request *request, const char *name)
{
	return http_match_argument(&request->match, name);
}

const char *
http_request_parameter(const struct http_request *request, const char *name)
{
	return http_query_value(&request->query, name);
}

const char *
http_request_variable(const struct http_request *request, const char *name)
{
	const char *value = FCGX_GetParam(name, request->fastcgi.envp);

	return value == NULL || *value == '\0' ? NULL : value;
}

const char *
http_request_body(const struct http_request *request, size_t *ret_size)
{
	*ret_size = request->body_size;
	return request->body_size == 0 ? "" : request->body;
}

bool
http_request_has_tag(const struct http_request *request, const char *tag)
{
	const char *list = http_request_variable(request, "HTTP_IF_NONE_MATCH");

	return list != NULL && http_tag_listed(list, tag);
}

/* --- the reply --- */

void
http_reply_status(struct http_request *request, int status)
{
	request->status = status;
}

void
http_reply_header(struct http_request *request, const char *name, const char *format, ...)
{
	char value[HEADER_VALUE_MAX];
	va_list arguments;

	va_start(arguments, format);
	const int size = vsnprintf(value, sizeof value, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size >= sizeof value || strpbrk(value, "\r\n") != NULL) {
		request->is_broken = true;
		return;
	}
	if (strcasecmp(name, "Content-Type") == 0)
		request->has_type = true;
	es_text_add_string(&request->headers, name);
	es_text_add(&request->headers, ": ", 2);
	es_text_add(&request->headers, value, (size_t)size);
	es_text_add(&request->headers, "\r\n", 2);
}

struct es_text *
http_reply_body(struct http_request *request)
{
	return &request->reply;
}

/* Takes the lines of one header out of headers. */
static void
drop_header(struct es_text *headers, const char *name)
{
	const size_t name_size = strlen(name);
	char *line = headers->bytes;

	while (headers->size > 0 && *line != '\0') {
		char *next = strchr(line, '\n') + 1;
		if (strncasecmp(line, name, name_size) != 0 || line[name_size] != ':') {
			line = next;
			continue;
		}
		memmove(line, next, strlen(next) + 1);
		headers->size -= (size_t)(next - line);
	}
}

/* Turns the reply into a problem, without sending it. */
static void
become_problem(struct http_request *request, int status, const char *type, const struct es_error *error)
{
	request->status = status;
	es_text_clear(&request->reply);
	http_problem_write(&request->reply, status, type, error);
	drop_header(&request->headers, "Content-Type");
	drop_header(&request->headers, "Cache-Control");
	drop_header(&request->headers, "ETag");
	http_reply_header(request, "Content-Type", HTTP_PROBLEM_MEDIA_TYPE);
	http_reply_header(request, "Cache-Control", "no-store");
	/* Spread over 1 ... 3 s, so that those who were refused together do not come back together. */
	if (status == 503)
		http_reply_header(request, "Retry-After", "%d", 1 + (int)(es_clock_monotonic() % RETRY_AFTER_MAX));
}

static void
become_failure(struct http_request *request)
{
	struct es_error error = ES_ERROR_INIT;

	es_text_clear(&request->headers);
	request->is_broken = false;
	(void)es_fail(&error, ES_FAILED, NULL, "the reply could not be made");
	become_problem(request, 500, es_result_name(ES_FAILED), &error);
}

void
http_reply_send(struct http_request *request)
{
	struct http_connection *connection = request->connection;

	if (request->is_broken || es_text_failed(&request->headers) || es_text_failed(&request->reply))
		become_failure(request);

	struct es_text *head = &request->head;
	const bool has_body = request->status != 204 && request->status != 304;
	es_text_add_string(head, "Status: ");
	es_text_add_int64(head, request->status);
	es_text_add(head, " ", 1);
	es_text_add_string(head, http_status_title(request->status));
	es_text_add(head, "\r\n", 2);
	if (has_body) {
		if (!request->has_type)
			es_text_add_string(head, "Content-Type: application/json\r\n");
		es_text_add_string(head, "Content-Length: ");
		es_text_add_int64(head, (int64_t)request->reply.size);
		es_text_add(head, "\r\n", 2);
	}
	es_text_add(head, request->headers.bytes, request->headers.size);
	es_text_add(head, "\r\n", 2);

	const bool shows_body = has_body && strcmp(request->method, "HEAD") != 0;
	http_record_reply(&request->frame, connection->scan.id, head, request->reply.bytes,
	                  shows_body ? request->reply.size : 0);
	if (es_text_failed(head))
		request->frame.failed = true;
	http_tally_count(connection->tally, request->match.route, request->status,
	                 es_clock_monotonic() - request->started);
	connection->owner->replied(connection);
}

void
http_problem(struct http_request *request, int status, const char *type, const struct es_error *error)
{
	become_problem(request, status, type, error);
	http_reply_send(request);
}

void
http_problem_result(struct http_request *request, enum es_result result, const struct es_error *error)
{
	char reason[HTTP_LOG_QUOTE_SIZE];

	if (result == ES_FAILED)
		http_log("error", "a request failed", "route=%s reason=%s",
		         request->match.route == NULL ? "none" : request->match.route->name,
		         http_log_quote(es_error_reason(error), reason));
	http_problem(request, http_problem_status(result), es_result_name(result), error);
}

int
http_request_detach(struct http_request *request, unsigned *ret_id)
{
	struct http_connection *connection = request->connection;
	const int fd = connection->fd;

	*ret_id = connection->scan.id;
	http_tally_count(connection->tally, request->match.route, request->status,
	                 es_clock_monotonic() - request->started);
	connection->owner->detached(connection);
	return fd;
}
