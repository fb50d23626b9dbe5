/*
 * http/connection.h - one FastCGI connection and the request in hand on it.  Private to this folder.
 *
 * The socket is non-blocking.  A request that lies whole in the socket's buffer is read from there by libfcgi; one
 * that comes in pieces is collected first, so that no thread ever waits for a peer.  Replies are framed and sent by
 * ourselves, because libfcgi can neither write without blocking nor continue a partial write.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/text.h"
#include "http/query.h"
#include "http/record.h"
#include "http/router.h"

struct http_connection;
struct http_tally;

enum {
	HTTP_WINDOW_SIZE = 65536, /* bytes looked at ahead: any request but one with a large body */
};

/* What a connection calls when a handler is through with its request, on the handler's thread. */
struct http_owner {
	void (*replied)(struct http_connection *connection);  /* the reply waits in request.frame */
	void (*detached)(struct http_connection *connection); /* the handler takes fd, all else is to be freed */
};

struct http_request {
	struct http_connection *connection;

	/* The request.  Strings live in fastcgi's parameters or in store. */
	FCGX_Request fastcgi;
	bool is_decoded;   /* fastcgi holds memory */
	bool is_too_large; /* the body went over the limit and was not kept */
	const char *method;
	const char *path;
	char *store; /* path, arguments and query, decoded */
	size_t store_capacity;
	struct http_match match;
	struct http_query query;
	char *body;
	size_t body_size;
	size_t body_capacity;
	int64_t started; /* when its last byte was there, monotonic microseconds */

	/* The reply. */
	int status;
	bool has_type;  /* a Content-Type is among the headers */
	bool is_broken; /* a header could not be added: becomes a 500 */
	struct es_text headers;
	struct es_text reply;
	struct es_text head;
	struct es_text frame; /* all of it, as records */
	size_t sent;          /* bytes of frame */
};

struct http_connection {
	struct http_request request;
	int fd;    /* -1 once closed or handed over */
	bool keep; /* the peer wants the connection kept after the reply */
	struct http_scan scan;
	struct es_text collected; /* the request's bytes so far, where it did not come at once */
	const struct http_owner *owner;
	struct http_tally *tally; /* borrowed */
};

enum http_intake {
	HTTP_INTAKE_MORE,   /* not whole yet; connection.scan.id != 0 or collected say whether it has begun */
	HTTP_INTAKE_WHOLE,  /* the request is ready to be dispatched */
	HTTP_INTAKE_CLOSED, /* the peer left, or sent what cannot be answered */
};

enum http_output {
	HTTP_OUTPUT_DONE,
	HTTP_OUTPUT_MORE,   /* the peer must read first */
	HTTP_OUTPUT_CLOSED, /* the peer left */
};

/* Takes fd, which must be non-blocking; borrows owner and tally. */
void http_connection_init(struct http_connection *connection, int fd, const struct http_owner *owner,
                          struct http_tally *tally);

/* Frees everything and closes fd. */
void http_connection_done(struct http_connection *connection);

/*
 * Takes what the socket holds, at most one request.  window: HTTP_WINDOW_SIZE bytes of the calling thread's.  Bodies
 * over body_max are dropped, and the request says so.  Never blocks.
 */
enum http_intake http_connection_read(struct http_connection *connection, char *window, size_t body_max);

/* Whether part of a request is in hand. */
bool http_connection_has_begun(const struct http_connection *connection);

/* Sends what is left of request.frame.  Never blocks. */
enum http_output http_connection_write(struct http_connection *connection);

/* Forgets the request and its reply: ready for the next one. */
void http_connection_reset(struct http_connection *connection);

#endif
