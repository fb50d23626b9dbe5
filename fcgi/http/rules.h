/*
 * http/rules.h - what every POST must be, so that no other site's page can send one.
 */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include <stdbool.h>

/* Whether a Content-Type says application/json, with parameters or without.  NULL: no. */
bool http_is_json(const char *content_type);

/*
 * Whether an Origin ("https://example.org:8443") is the site's own, going by its Host header: same name and port, in
 * any case; a default port may be written or left out.  "null" is foreign.  origin NULL: own; host NULL: foreign.
 */
bool http_is_own_origin(const char *origin, const char *host);

#endif
