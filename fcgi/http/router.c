#include "http/router.h"

#include <string.h>

#include "http/query.h"

static size_t
count_bytes(const char *text, char byte)
{
	size_t count = 0;

	for (; text != NULL && *text != '\0'; text++)
		count += *text == byte;
	return count;
}

bool
http_router_check(const struct http_route *routes, const char **ret_fault)
{
	for (const struct http_route *route = routes; route->pattern != NULL; route++) {
		*ret_fault = route->pattern;
		if (route->pattern[0] != '/' || route->name == NULL)
			return false;
		if (route->get == NULL && route->post == NULL)
			return false;
		if (count_bytes(route->pattern, '{') > HTTP_ARGUMENTS_MAX ||
		    count_bytes(route->pattern, '{') != count_bytes(route->pattern, '}'))
			return false;
		if (route->parameters != NULL && count_bytes(route->parameters, ' ') >= HTTP_PARAMETERS_MAX)
			return false;
	}
	return true;
}

static bool
is_plain(const char *path)
{
	const char *at = path;

	for (; *at != '\0'; at++)
		if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F || *at == '%')
			return false;
	return at > path && (at[-1] != '/' || at == path + 1);
}

static bool
match_pattern(const char *pattern, const char *path, char *values, struct http_match *match)
{
	match->count = 0;
	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		const size_t size = strcspn(path, "/");
		if (size == 0)
			return false;
		match->arguments[match->count].name = pattern + 1;
		match->arguments[match->count].name_size = strcspn(pattern + 1, "}");
		match->arguments[match->count].value = values;
		match->count++;
		memcpy(values, path, size);
		values += size;
		*values++ = '\0';
		path += size;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

bool
http_router_find(const struct http_route *routes, const char *path, char *values, struct http_match *ret_match)
{
	if (!is_plain(path))
		return false;
	for (const struct http_route *route = routes; route->pattern != NULL; route++)
		if (match_pattern(route->pattern, path, values, ret_match)) {
			ret_match->route = route;
			return true;
		}
	return false;
}

const char *
http_match_argument(const struct http_match *match, const char *name)
{
	const size_t size = strlen(name);

	for (size_t at = 0; at < match->count; at++)
		if (match->arguments[at].name_size == size && memcmp(match->arguments[at].name, name, size) == 0)
			return match->arguments[at].value;
	return NULL;
}

const char *
http_route_allow(const struct http_route *route)
{
	if (route->post == NULL)
		return "GET, HEAD, OPTIONS";
	return route->get == NULL ? "POST, OPTIONS" : "GET, HEAD, POST, OPTIONS";
}

http_handler *
http_route_handler(const struct http_route *route, const char *method)
{
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return route->get;
	return strcmp(method, "POST") == 0 ? route->post : NULL;
}
