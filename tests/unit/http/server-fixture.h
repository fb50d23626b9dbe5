/*
 * tests/unit/http/server-fixture.h - a running server with a few routes to test it by.
 *
 *   GET, POST /echo/{name}   the argument, ?q= and the body, as they were received
 *   GET /big?size=N          N bytes, as big_byte says
 *   POST /keep               kept until fixture_kept hands it out
 *   GET /bad-header          tries to split its header
 */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

struct http_request;

struct fixture {
	char path[64]; /* of the socket, in a directory of its own */
	struct http_server *server;
	pthread_t runner;
	bool all_answered;   /* what http_server_run returned */
	_Atomic int handled; /* requests that reached a handler */
	_Atomic int started; /* threads */
	_Atomic int stopped;
	pthread_mutex_t lock; /* guards kept */
	pthread_cond_t changed;
	struct http_request *kept;
};

enum {
	FIXTURE_BODY_MAX =
		100000, /* bytes: above one window of the server's, so both ways to read a body have a limit */
};

/* Starts a server; patience in microseconds, 0 for the ordinary one. */
void fixture_start(struct fixture *fixture, int threads, int64_t patience);

/* Waits for a kept request and takes it. */
struct http_request *fixture_kept(struct fixture *fixture);

/* Calls http_server_stop and waits until http_server_run returned. */
void fixture_stop(struct fixture *fixture);
void fixture_free(struct fixture *fixture);

/* What byte stands at offset of a big reply. */
char big_byte(size_t offset);

#endif
