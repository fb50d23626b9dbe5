/*
 * sse/routes.h - the paths of sse.fcgi.
 */
#ifndef SSE_ROUTES_H
#define SSE_ROUTES_H

#include "http/server.h"
#include "sse/loop.h"
#include "sse/metrics.h"

/* What the handlers need; the server's application. */
struct sse_application {
	struct sse_loop *loop;
	struct sse_metrics *metrics;
	struct http_server *server;
};

/* Ends with a NULL pattern. */
extern const struct http_route sse_routes[];

#endif
