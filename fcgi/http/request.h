/*
 * http/request.h - one request in hand, and the reply that ends it.
 *
 * Everything a request gives out is borrowed from it and lives until its reply is sent.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/result.h"
#include "event/text.h"

struct http_request;

/* "GET", "POST" ... (HEAD stays "HEAD"; its body is dropped on sending). */
const char *http_request_method(const struct http_request *request);

/* The path without the query, undecoded: "/api/ledgers/main". */
const char *http_request_path(const struct http_request *request);

/* The segment that stands for {name} in the route's pattern; never NULL for a name the pattern has. */
const char *http_request_argument(const struct http_request *request, const char *name);

/* A decoded query parameter, NULL where absent.  Unknown and repeated ones were answered 400 before. */
const char *http_request_parameter(const struct http_request *request, const char *name);

/*
 * A FastCGI parameter by its CGI name: "HTTP_IF_MATCH", "CONTENT_TYPE", "EVENTLEDGER_ACTOR"; NULL where absent or
 * empty (nginx passes a header that the client did not send as "").
 */
const char *http_request_variable(const struct http_request *request, const char *name);

/* The body's bytes (not NUL-terminated; read whole before the handler runs) and their number. */
const char *http_request_body(const struct http_request *request, size_t *ret_size);

/* Whether the request's If-None-Match names this entity tag (given with its quotes; weak comparison, also "*"). */
bool http_request_has_tag(const struct http_request *request, const char *tag);

/* --- the reply --- */

/*
 * Sets the status (200 when never called) and, with each call, one header line.  A value with CR or LF, or over 4 KiB,
 * makes the reply a 500.
 */
void http_reply_status(struct http_request *request, int status);
void http_reply_header(struct http_request *request, const char *name, const char *format, ...) ES_PRINTF(3, 4);

/* The reply's body, to add to.  Owned by the request. */
struct es_text *http_reply_body(struct http_request *request);

/*
 * Sends status, headers and body (Content-Type application/json unless set; Content-Length always) and gives the
 * request back to the server: it must not be touched afterwards.  A body that failed becomes a 500.  Statuses 204 and
 * 304 go without body, Content-Type and Content-Length; HEAD without body.  Never blocks and never fails visibly: a
 * peer that left gets nothing.
 */
void http_reply_send(struct http_request *request);

/*
 * Drops what the reply had so far and sends application/problem+json instead (RFC 9457): type is a relative reference,
 * "/problems/<type>"; title follows from status; detail, field, index and version from error (NULL: none).  Headers set
 * by http_reply_header stay, but Content-Type, ETag, and Cache-Control, which becomes no-store.  503 gets Retry-After.
 */
void http_problem(struct http_request *request, int status, const char *type, const struct es_error *error);

/* http_problem with the status and type that belong to an es_result (problem.h). */
void http_problem_result(struct http_request *request, enum es_result result, const struct es_error *error);

/* --- or no reply: the connection itself --- */

/*
 * Takes the connection away from the server, for a reply without end: returns its socket (non-blocking; the caller
 * closes it), with the whole request read and nothing written, and the FastCGI request id that the reply's records
 * must carry.  The request is gone afterwards, and all that was borrowed from it.
 */
int http_request_detach(struct http_request *request, unsigned *ret_id);

#endif
