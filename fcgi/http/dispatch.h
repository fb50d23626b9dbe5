/*
 * http/dispatch.h - from a request to its handler: the path, the method, and the rules every request must keep.
 */
#ifndef HTTP_DISPATCH_H
#define HTTP_DISPATCH_H

struct http_options;
struct http_request;

/* Hands the request to its route's handler, or answers it with the problem that stands in the way. */
void http_dispatch(struct http_request *request, const struct http_options *options, void *local);

#endif
