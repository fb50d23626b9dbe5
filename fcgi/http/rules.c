#include "http/rules.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

bool
http_is_json(const char *content_type)
{
	static const char json[] = "application/json";

	if (content_type == NULL || strncasecmp(content_type, json, sizeof json - 1) != 0)
		return false;
	const char *rest = content_type + sizeof json - 1;
	rest += strspn(rest, " \t");
	return *rest == '\0' || *rest == ';';
}

/* The length of an authority ("host:port") without a port that the scheme implies. */
static size_t
significant_size(const char *authority, const char *default_port)
{
	const size_t size = strlen(authority);
	const size_t port_size = strlen(default_port);

	if (size > port_size && strcmp(authority + size - port_size, default_port) == 0)
		return size - port_size;
	return size;
}

bool
http_is_own_origin(const char *origin, const char *host)
{
	static const struct {
		const char *prefix;
		const char *default_port;
	} schemes[] = { { "http://", ":80" }, { "https://", ":443" } };

	if (origin == NULL)
		return true;
	if (host == NULL)
		return false;
	for (size_t scheme = 0; scheme < sizeof schemes / sizeof schemes[0]; scheme++) {
		const size_t prefix_size = strlen(schemes[scheme].prefix);
		if (strncasecmp(origin, schemes[scheme].prefix, prefix_size) != 0)
			continue;
		const char *authority = origin + prefix_size;
		const size_t size = significant_size(authority, schemes[scheme].default_port);
		return size > 0 && size == significant_size(host, schemes[scheme].default_port) &&
		       strncasecmp(authority, host, size) == 0;
	}
	return false;
}
