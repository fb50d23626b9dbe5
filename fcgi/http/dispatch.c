#include "http/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "http/connection.h"
#include "http/request.h"
#include "http/rules.h"
#include "http/server.h"

/*
 * Copies the request's path, room for its arguments, and its query into store, each ended by a NUL.  The query may be
 * decoded in place later.
 */
static bool
split_target(struct http_request *request, const char *target, char **ret_values, char **ret_query)
{
	const size_t size = strlen(target);
	const size_t path_size = strcspn(target, "?");
	const size_t needed = size + path_size + 3;

	if (needed > request->store_capacity) {
		char *store = realloc(request->store, needed);
		if (store == NULL)
			return false;
		request->store = store;
		request->store_capacity = needed;
	}
	char *to = request->store;
	memcpy(to, target, path_size);
	to[path_size] = '\0';
	request->path = to;
	to += path_size + 1;
	*ret_values = to;
	to += path_size + 1;
	*ret_query = to;
	const char *query = target[path_size] == '?' ? target + path_size + 1 : "";
	memcpy(to, query, strlen(query) + 1);
	return true;
}

static void
refuse(struct http_request *request, int status, const char *type, const char *field, const char *detail)
{
	struct es_error error = ES_ERROR_INIT;

	(void)es_fail(&error, ES_INVALID, field, "%s", detail);
	http_problem(request, status, type, &error);
}

/* The rules for a POST; true if it was refused by one. */
static bool
break_rules(struct http_request *request)
{
	if (!http_is_own_origin(http_request_variable(request, "HTTP_ORIGIN"),
	                        http_request_variable(request, "HTTP_HOST"))) {
		refuse(request, 403, "foreign-origin", "Origin", "requests from pages of other sites are not allowed");
		return true;
	}
	if (!http_is_json(http_request_variable(request, "CONTENT_TYPE"))) {
		refuse(request, 415, "unsupported-media-type", "Content-Type", "send application/json");
		return true;
	}
	return false;
}

void
http_dispatch(struct http_request *request, const struct http_options *options, void *local)
{
	struct es_error error = ES_ERROR_INIT;
	char *values;
	char *query;

	const char *method = http_request_variable(request, "REQUEST_METHOD");
	const char *target = http_request_variable(request, "REQUEST_URI");
	if (method == NULL || target == NULL) {
		refuse(request, 400, "invalid", NULL, "REQUEST_METHOD and REQUEST_URI are needed");
		return;
	}
	request->method = method;
	if (!split_target(request, target, &values, &query)) {
		refuse(request, 500, "failed", NULL, "out of memory");
		return;
	}
	if (!http_router_find(options->routes, request->path, values, &request->match)) {
		request->match.route = NULL;
		refuse(request, 404, "not-found", NULL, "no such path");
		return;
	}

	const struct http_route *route = request->match.route;
	http_handler *handler = http_route_handler(route, method);
	if (handler == NULL) {
		http_reply_header(request, "Allow", "%s", http_route_allow(route));
		if (strcmp(method, "OPTIONS") == 0) {
			http_reply_status(request, 204);
			http_reply_send(request);
		} else {
			refuse(request, 405, "method-not-allowed", NULL, "see Allow for the methods of this path");
		}
		return;
	}
	if (request->is_too_large) {
		(void)es_fail(&error, ES_INVALID, NULL, "the body is larger than %zu bytes", options->body_max);
		http_problem(request, 413, "content-too-large", &error);
		return;
	}
	if (strcmp(method, "POST") == 0 && break_rules(request))
		return;
	const enum es_result result = http_query_parse(query, route->parameters, &request->query, &error);
	if (result != ES_OK) {
		http_problem_result(request, result, &error);
		return;
	}
	handler(request, options->application, local);
}
