/*
 * tests/bench/plain.c - a FastCGI program that does nothing, as libfcgi's own examples are written: a thread for each
 * connection, which waits for it.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	KEPT = 128, /* connections that each worker of nginx keeps; there is one for each processor */
	MORE = 64,  /* threads for new ones, or some would wait for ever */
	BACKLOG = 1024,
};

static int listening;

static void *
serve(void *unused)
{
	FCGX_Request request;
	char body[4096];

	(void)unused;
	FCGX_InitRequest(&request, listening, 0);
	while (FCGX_Accept_r(&request) == 0) {
		while (FCGX_GetStr(body, sizeof body, request.in) > 0)
			;
		FCGX_PutS("Status: 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		          request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	const long threads = sysconf(_SC_NPROCESSORS_ONLN) * KEPT + MORE;
	pthread_t thread;

	if (argc != 2 || argv[1][0] == '-') {
		puts("usage: plain SOCKET\nAnswers every request that comes over this Unix socket, in a thread for "
		     "each connection.");
		return argc == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (FCGX_Init() != 0)
		return EXIT_FAILURE;
	listening = FCGX_OpenSocket(argv[1], BACKLOG);
	for (long i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			return EXIT_FAILURE;
	serve(NULL);
	return EXIT_SUCCESS;
}
