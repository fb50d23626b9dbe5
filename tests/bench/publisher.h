/*
 * tests/bench/publisher.h - connections that post, each one request after the other.
 */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUBLISHER_REQUEST_SIZE = 2048, /* bytes of a request, its header lines included */
	PUBLISHER_ANSWER_SIZE = 8192,  /* bytes of an answer */
	PUBLISHER_CONNECTIONS_MAX = 64,
};

/* What all connections do.  Borrows path and body. */
struct publisher {
	int poller; /* epoll; data.ptr is a struct publisher_connection */
	struct sockaddr_in address;
	const char *path;
	const char *body;    /* one %08lld in it becomes the mark */
	int64_t next_mark;   /* of the next post */
	int64_t last_mark;   /* of the last one */
	int64_t answered;    /* posts */
	int64_t answered_at; /* monotonic: when the last answer came */
	struct publisher_connection {
		struct publisher *publisher;
		int fd; /* 0: not connected */
		size_t answer_size;
		char answer[PUBLISHER_ANSWER_SIZE];
	} connections[PUBLISHER_CONNECTIONS_MAX];
};

/* Begins to post this many on so many connections at once.  False: the server cannot be reached. */
bool publisher_start(struct publisher *publisher, int64_t posts, int connections);

/* An answer, or part of one, can be read; the next post follows it.  False: it was no success. */
bool publisher_readable(struct publisher_connection *connection);

#endif
