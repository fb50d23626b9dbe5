#include "sse/routes.h"

#include <string.h>
#include <unistd.h>

#include "http/metrics.h"
#include "http/request.h"
#include "sse/cursor.h"
#include "sse/feed.h"

enum {
	REQUEST_ID = 1, /* the records in the rings carry it; nginx never uses another */
};

static void
open_stream(struct http_request *request, void *application, void *local)
{
	const struct sse_application *program = application;
	const char *argument = http_request_argument(request, "ledger");
	struct es_error error = ES_ERROR_INIT;
	char name[SSE_NAME_MAX + 1];
	int64_t version;
	unsigned id;

	(void)local;
	if (!sse_name_valid(argument)) {
		(void)es_fail(&error, ES_NOT_FOUND, NULL, "\"%s\" is not a ledger's name", argument);
		http_problem_result(request, ES_NOT_FOUND, &error);
		return;
	}
	const enum es_result parsed = sse_cursor_parse(http_request_variable(request, "HTTP_LAST_EVENT_ID"),
	                                               http_request_parameter(request, "after"), &version, &error);
	if (parsed != ES_OK) {
		http_problem_result(request, parsed, &error);
		return;
	}
	if (strcmp(http_request_method(request), "HEAD") == 0) {
		http_reply_header(request, "Content-Type", "text/event-stream");
		http_reply_header(request, "Cache-Control", "no-store");
		http_reply_send(request);
		return;
	}
	memcpy(name, argument, strlen(argument) + 1);
	const int fd = http_request_detach(request, &id);
	if (id == REQUEST_ID)
		sse_loop_subscribe(program->loop, fd, name, version);
	else
		close(fd);
}

static void
write_metrics(struct http_request *request, void *application, void *local)
{
	const struct sse_application *program = application;

	(void)local;
	http_reply_header(request, "Content-Type", "text/plain; version=0.0.4");
	http_reply_header(request, "Cache-Control", "no-store");
	sse_metrics_write(program->metrics, http_reply_body(request));
	http_server_metrics(program->server, http_reply_body(request), "eventledger_sse");
	http_reply_send(request);
}

const struct http_route sse_routes[] = {
	{ .pattern = "/sse/ledgers/{ledger}", .name = "stream", .parameters = "after", .get = open_stream },
	{ .pattern = "/metrics/sse", .name = "metrics", .get = write_metrics },
	{ .pattern = NULL },
};
