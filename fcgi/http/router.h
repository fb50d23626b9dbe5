/*
 * http/router.h - which row of the routing table a path belongs to.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

enum {
	HTTP_ARGUMENTS_MAX = 4, /* {names} in one pattern */
};

struct http_match {
	const struct http_route *route;
	size_t count;
	struct {
		const char *name; /* in the pattern, ended by its brace */
		size_t name_size;
		const char *value;
	} arguments[HTTP_ARGUMENTS_MAX];
};

/* Whether the server can work with this table: no handler missing, no pattern it could not match.  For start-up. */
bool http_router_check(const struct http_route *routes, const char **ret_fault);

/*
 * Finds the first route whose pattern path matches.  Paths are taken literally: one with '%', with anything but
 * visible ASCII, or with a slash at its end matches none.  The arguments are written into values, which has room
 * for strlen(path) + 1 bytes, and *ret_match points into it.
 */
bool http_router_find(const struct http_route *routes, const char *path, char *values, struct http_match *ret_match);

/* NULL for a name the pattern does not have. */
const char *http_match_argument(const struct http_match *match, const char *name);

/* Which methods a route answers, as Allow lists them: "GET, HEAD, OPTIONS". */
const char *http_route_allow(const struct http_route *route);

/* The handler for a method; NULL where the route does not allow it (or the method is OPTIONS). */
http_handler *http_route_handler(const struct http_route *route, const char *method);

#endif
