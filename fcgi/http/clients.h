/*
 * http/clients.h - the connections of a server, and which thread may touch each.  Private to this folder.
 *
 * A connection is in epoll one shot at a time: whoever gets its event owns it until it is given back, for the next
 * request, for the rest of this one, or until its peer has read.
 */
#ifndef HTTP_CLIENTS_H
#define HTTP_CLIENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct http_client;
struct http_options;
struct http_tally;

struct http_clients {
	const struct http_options *options; /* borrowed */
	struct http_tally *tally;           /* borrowed */
	int epoll;                          /* borrowed */
	_Atomic bool is_draining;           /* peers are asked to close what they keep */
	_Atomic int64_t dropped;            /* connections closed with a request that could not be answered */
	pthread_mutex_t lock;               /* guards the rest */
	struct http_client *first;
	int count;
};

void http_clients_init(struct http_clients *clients, const struct http_options *options, struct http_tally *tally,
                       int epoll);

/* Closes and frees all connections.  No thread may be left that serves one. */
void http_clients_done(struct http_clients *clients);

/* Takes fd, a connected non-blocking socket, into epoll; its events carry its struct http_client.  Closed on failure.
 */
void http_clients_add(struct http_clients *clients, int fd);

int http_clients_count(struct http_clients *clients);

/*
 * Ends what has waited too long: shut down, the socket wakes a thread, which closes it.  While draining, the peers of
 * idle connections are asked to close them, each once.  With end_idle those are ended that did not; a request that is
 * there already is still read after SHUT_RD, and its reply can still be sent.
 */
void http_clients_sweep(struct http_clients *clients, bool end_idle);

/*
 * Does what the event of a client allows: reads, dispatches, or goes on sending.  window: HTTP_WINDOW_SIZE bytes of the
 * calling thread's; local: its own, for handlers.  The client may be gone afterwards.
 */
void http_client_serve(struct http_client *client, char *window, void *local);

#endif
