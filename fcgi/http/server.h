/*
 * http/server.h - takes FastCGI requests off a listening socket and hands each to its route.
 *
 * One epoll holds the listening socket and every connection; a few threads wait on it.  An idle kept-alive
 * connection, or one with half a request, costs a file descriptor, never a thread.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/clock.h"
#include "event/result.h"

/*
 * Microseconds: how long a peer may take to send the rest of a request or to read anything of its reply, and how long
 * http_server_run goes on after http_server_stop.
 */
#define HTTP_PATIENCE (10 * ES_SECOND)

struct http_request;
struct http_server;

/*
 * Answers a request, on one of the server's threads.  It either sends the reply (http_reply_send, http_problem ...)
 * before it returns, or keeps the request and sends the reply later, exactly once, from any thread.
 * application is the server's own; local is what thread_start made for this thread.
 */
typedef void http_handler(struct http_request *request, void *application, void *local);

/* One row for each path.  {name} in a pattern stands for one segment, read with http_request_argument. */
struct http_route {
	const char *pattern;    /* "/api/ledgers/{ledger}/states/{version}" */
	const char *name;       /* for the metrics: "state" */
	const char *parameters; /* the query parameters it knows, separated by spaces; NULL: none */
	http_handler *get;      /* NULL: not allowed; answers HEAD too */
	http_handler *post;     /* NULL: not allowed */
};

struct http_options {
	const struct http_route *routes; /* ends with a NULL pattern; borrowed */
	int socket;                      /* listening; taken over */
	int threads;
	size_t body_max;   /* bytes; a longer body is answered 413 */
	void *application; /* borrowed */
	int64_t patience;  /* see HTTP_PATIENCE; 0 means that */
	/* Optional: what each thread needs for itself (a database connection ...). */
	void *(*thread_start)(void *application);
	void (*thread_stop)(void *local);
};

enum {
	HTTP_CONNECTIONS_MAX =
		4096, /* of one server: far above what nginx keeps; beyond it, peers wait in the backlog */
};

/*
 * The listening socket of a program: file descriptor 0 when that is a listening socket (moved elsewhere, with
 * /dev/null in its place), else a Unix socket made at path (mode 0660; a stale file is replaced, ES_REFUSED if someone
 * answers there; NULL: ES_INVALID).  Non-blocking, close-on-exec, the caller's to close.
 */
ES_MUST_CHECK enum es_result http_socket_open(const char *path, int *ret_socket, struct es_error *error);

/*
 * Takes options by copy.  Threads start in http_server_run.  Calls FCGX_Init, which installs handlers for SIGTERM,
 * SIGUSR1 and SIGPIPE, and then ignores SIGPIPE: a program sets its own handlers after this, never before.
 */
ES_MUST_CHECK enum es_result http_server_new(const struct http_options *options, struct http_server **ret_server,
                                             struct es_error *error);

/*
 * Serves until http_server_stop; then takes no more connections, answers the requests that are in hand or whose bytes
 * are there (at most HTTP_PATIENCE), closes the idle connections and returns.  The threads block all signals: they go
 * to the caller's thread.  True: everything was answered, and the threads have ended.  False: some may be in a handler
 * still, which may take long; nothing that handlers use may be freed then.
 */
bool http_server_run(struct http_server *server);

/* Async-signal-safe: may be called from a signal handler, or from any thread. */
void http_server_stop(struct http_server *server);

/* Joins the threads and frees.  Requests kept by handlers must have been answered.  NULL is fine. */
void http_server_free(struct http_server *server);

#endif
