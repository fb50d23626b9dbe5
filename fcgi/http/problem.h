/*
 * http/problem.h - application/problem+json (RFC 9457): how every error looks.
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "event/result.h"
#include "event/text.h"

#define HTTP_PROBLEM_MEDIA_TYPE "application/problem+json"

/*
 * Adds {"type":"/problems/<type>","title","status","detail"} and, where error has them, field, index and version.
 * error NULL: no detail.
 */
void http_problem_write(struct es_text *text, int status, const char *type, const struct es_error *error);

/* The status code that belongs to a result; its type is es_result_name. */
int http_problem_status(enum es_result result);

#endif
