/*
 * tests/bench/nothing.c - a FastCGI program that does nothing, on the server that ledger.fcgi is built on.
 *
 * What it answers in a second is the floor: all that nginx, the connections and libfcgi cost.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/request.h"
#include "http/server.h"

enum { THREADS = 4, BODY_MAX = 1 << 20 };

static void
answer(struct http_request *request, void *application, void *local)
{
	(void)application;
	(void)local;
	http_reply_status(request, 201);
	es_text_add_string(http_reply_body(request), "{}");
	http_reply_send(request);
}

static const struct http_route routes[] = {
	{ "/nothing", "nothing", NULL, NULL, answer },
	{ NULL, NULL, NULL, NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct es_error error = ES_ERROR_INIT;
	struct http_server *server;
	int listening;

	if (argc != 2 || argv[1][0] == '-') {
		puts("usage: nothing SOCKET\nAnswers every request that comes over this Unix socket, on our own "
		     "server.");
		return argc == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (http_socket_open(argv[1], &listening, &error) != ES_OK)
		return EXIT_FAILURE;
	const struct http_options options = {
		.routes = routes, .socket = listening, .threads = THREADS, .body_max = BODY_MAX
	};
	if (http_server_new(&options, &server, &error) != ES_OK)
		return EXIT_FAILURE;
	http_server_run(server);
	http_server_free(server);
	return EXIT_SUCCESS;
}
