/* Paths and the routing table. */
#include "http/router.h"
#include "tap.h"

static void
handle(struct http_request *request, void *application, void *local)
{
	(void)request;
	(void)application;
	(void)local;
}

static const struct http_route routes[] = {
	{ "/", "root", NULL, handle, NULL },
	{ "/api/ledgers", "ledgers", "limit", handle, NULL },
	{ "/api/ledgers/{ledger}", "head", "limit", handle, NULL },
	{ "/api/ledgers/{ledger}/commands", "commands", NULL, NULL, handle },
	{ "/api/ledgers/{ledger}/states/{version}", "state", "log limit", handle, NULL },
	{ "/both", "both", NULL, handle, handle },
	{ 0 },
};

static const struct {
	const char *path;
	const char *route;     /* NULL: none */
	const char *arguments; /* ledger,version */
} paths[] = {
	{ "/", "root", "-,-" },
	{ "/api/ledgers", "ledgers", "-,-" },
	{ "/api/ledgers/main", "head", "main,-" },
	{ "/api/ledgers/main/commands", "commands", "main,-" },
	{ "/api/ledgers/main/states/12", "state", "main,12" },
	{ "/api/ledgers/../states/x.y", "state", "..,x.y" },
	{ "/api/ledgers/{ledger}", "head", "{ledger},-" },
	{ "", NULL, NULL },
	{ "//", NULL, NULL },
	{ "/api", NULL, NULL },
	{ "/api/", NULL, NULL },
	{ "/api/ledgers/", NULL, NULL },
	{ "/api//ledgers", NULL, NULL },
	{ "/api/ledgers//commands", NULL, NULL },
	{ "/api/ledgers/main/", NULL, NULL },
	{ "/api/ledgers/main/commands/", NULL, NULL },
	{ "/api/ledgers/main/states/", NULL, NULL },
	{ "/api/ledgers/main/states/1/2", NULL, NULL },
	{ "/api/ledgers/a%62c", NULL, NULL },
	{ "/api/ledgers/%", NULL, NULL },
	{ "/api/ledgers/caf\xc3\xa9", NULL, NULL },
	{ "/api/ledgers/a b", NULL, NULL },
	{ "/API/ledgers", NULL, NULL },
	{ "api/ledgers", NULL, NULL },
	{ "http://host/api/ledgers", NULL, NULL },
};

static const char *
or_dash(const char *text)
{
	return text == NULL ? "-" : text;
}

static void
test_paths(void)
{
	for (size_t at = 0; at < sizeof paths / sizeof paths[0]; at++) {
		struct http_match match;
		char *values = malloc(strlen(paths[at].path) + 1); /* exactly what the router may use */
		if (values == NULL)
			bail("no memory");
		const bool found = http_router_find(routes, paths[at].path, values, &match);
		is_string(found ? match.route->name : NULL, paths[at].route, paths[at].path);
		if (found) {
			char arguments[64];
			snprintf(arguments, sizeof arguments, "%s,%s", or_dash(http_match_argument(&match, "ledger")),
			         or_dash(http_match_argument(&match, "version")));
			is_string(arguments, paths[at].arguments, "its arguments");
		}
		free(values);
	}
}

static void
test_methods(void)
{
	const struct http_route *reads = &routes[1];
	const struct http_route *writes = &routes[3];
	const struct http_route *both = &routes[5];

	ok(http_route_handler(reads, "GET") == handle, "GET");
	ok(http_route_handler(reads, "HEAD") == handle, "HEAD is answered by get");
	ok(http_route_handler(reads, "POST") == NULL, "POST where there is none");
	ok(http_route_handler(reads, "get") == NULL, "methods are case-sensitive");
	ok(http_route_handler(both, "DELETE") == NULL, "a method that no route has");
	ok(http_route_handler(both, "OPTIONS") == NULL, "OPTIONS has no handler");
	ok(http_route_handler(both, "") == NULL, "no method");
	ok(http_route_handler(writes, "POST") == handle, "POST");
	ok(http_route_handler(writes, "GET") == NULL, "GET where there is none");
	is_string(http_route_allow(reads), "GET, HEAD, OPTIONS", "Allow of a route to read");
	is_string(http_route_allow(writes), "POST, OPTIONS", "Allow of a route to write");
	is_string(http_route_allow(both), "GET, HEAD, POST, OPTIONS", "Allow of both");
}

static void
test_tables(void)
{
	const char *fault = NULL;
	const struct http_route no_handler[] = { { "/a", "a", NULL, NULL, NULL }, { 0 } };
	const struct http_route no_slash[] = { { "a", "a", NULL, handle, NULL }, { 0 } };
	const struct http_route no_name[] = { { "/a", NULL, NULL, handle, NULL }, { 0 } };
	const struct http_route no_brace[] = { { "/{a", "a", NULL, handle, NULL }, { 0 } };
	const struct http_route many[] = { { "/{a}/{b}/{c}/{d}/{e}", "a", NULL, handle, NULL }, { 0 } };

	ok(http_router_check(routes, &fault), "a table that is whole");
	ok(!http_router_check(no_handler, &fault), "a route without a handler");
	is_string(fault, "/a", "is named");
	ok(!http_router_check(no_slash, &fault), "a pattern without a slash");
	ok(!http_router_check(no_name, &fault), "a route without a name");
	ok(!http_router_check(no_brace, &fault), "a brace that is not closed");
	ok(!http_router_check(many, &fault), "too many arguments");
}

int
main(void)
{
	test_paths();
	test_methods();
	test_tables();
	return done_testing();
}
