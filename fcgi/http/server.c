#include "http/server.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "http/connection.h"
#include "http/dispatch.h"
#include "http/log.h"
#include "http/metrics.h"
#include "http/tally.h"

enum {
	TICK = 200,            /* milliseconds between two looks at deadlines, and a pause in accepting */
	DRAIN_TICK = 10,       /* milliseconds between two looks at what is still in hand */
	ACCEPTS_PER_TURN = 16, /* connections taken at once, before requests get their turn */
};

/*
 * When the server stops: how long idle connections stay open.  A request that nginx sends on one meanwhile is answered
 * and the connection closed behind the reply; closed at once, it could cross a request on its way.
 */
#define DRAIN_GRACE (300 * ES_MILLISECOND)

/* Who may touch a client's connection.  Changes with the client's lock held. */
enum state {
	IDLE,      /* nobody: epoll waits for a request */
	RECEIVING, /* nobody: epoll waits for the rest of a request */
	BUSY,      /* one thread, or the handler that keeps the request */
	SENDING,   /* nobody: epoll waits until the peer has read */
};

struct client {
	struct http_connection connection; /* must be first: its owner's functions get at the client through it */
	struct http_server *server;
	struct client *previous;
	struct client *next;
	pthread_mutex_t lock; /* guards state and deadline, so that the sweep never meets a descriptor in use */
	enum state state;
	int64_t deadline; /* of RECEIVING and SENDING, monotonic */
};

struct thread {
	pthread_t id;
	struct http_server *server;
};

struct http_server {
	struct http_options options;
	struct http_tally *tally;
	int epoll;
	int stop;   /* eventfd: http_server_stop was called */
	int finish; /* eventfd: the threads shall end */
	_Atomic bool is_draining;
	_Atomic int64_t dropped; /* connections closed with a request that could not be answered */
	struct thread *threads;
	int thread_count; /* of those that were started */

	pthread_mutex_t lock; /* guards the rest, and every accept */
	struct client *clients;
	int client_count;
	bool is_listening; /* the listening socket is in epoll */
	bool is_short;     /* of descriptors or connections, since the last one accepted: said once in the log */
};

/* --- clients --- */

static void client_replied(struct http_connection *connection);
static void client_detached(struct http_connection *connection);

static const struct http_owner client_owner = {
	.replied = client_replied,
	.detached = client_detached,
};

static void
client_destroy(struct client *client)
{
	http_connection_done(&client->connection);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

/* With server->lock held.  Takes fd, which it closes where it fails. */
static void
client_new(struct http_server *server, int fd)
{
	struct client *client = calloc(1, sizeof *client);

	if (client == NULL) {
		close(fd);
		return;
	}
	client->server = server;
	client->state = IDLE;
	pthread_mutex_init(&client->lock, NULL);
	http_connection_init(&client->connection, fd, &client_owner, server->tally);
	client->next = server->clients;
	if (client->next != NULL)
		client->next->previous = client;
	server->clients = client;
	server->client_count++;

	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = client };
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return;
	/* Nobody can have seen the client yet. */
	server->clients = client->next;
	if (client->next != NULL)
		client->next->previous = NULL;
	server->client_count--;
	client_destroy(client);
}

/* Closes a client that is BUSY, and so the caller's alone. */
static void
client_free(struct client *client)
{
	struct http_server *server = client->server;

	pthread_mutex_lock(&server->lock);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	server->client_count--;
	pthread_mutex_unlock(&server->lock);
	client_destroy(client);
}

/* Gives a BUSY client back to epoll.  It must not be touched afterwards: another thread may already have it. */
static void
client_wait(struct client *client, enum state state, int64_t deadline)
{
	struct http_server *server = client->server;
	const uint32_t wanted = state == SENDING ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;
	struct epoll_event event = { .events = wanted | EPOLLONESHOT, .data.ptr = client };
	const int fd = client->connection.fd;

	pthread_mutex_lock(&client->lock);
	client->state = state;
	client->deadline = deadline;
	const int outcome = epoll_ctl(server->epoll, EPOLL_CTL_MOD, fd, &event);
	if (outcome != 0)
		client->state = BUSY;
	pthread_mutex_unlock(&client->lock);
	if (outcome != 0)
		client_free(client);
}

/* Sends what is left of the reply; then the connection waits for its next request, or is closed. */
static void
client_send(struct client *client)
{
	struct http_connection *connection = &client->connection;

	switch (http_connection_write(connection)) {
	case HTTP_OUTPUT_MORE:
		client_wait(client, SENDING, es_clock_monotonic() + client->server->options.patience);
		return;
	case HTTP_OUTPUT_CLOSED:
		client_free(client);
		return;
	case HTTP_OUTPUT_DONE:
		break;
	}
	const bool is_last = atomic_load(&client->server->is_draining) && !http_connection_has_bytes(connection);
	if (!connection->keep || is_last) {
		client_free(client);
		return;
	}
	http_connection_reset(connection);
	client_wait(client, IDLE, 0);
}

static void
client_replied(struct http_connection *connection)
{
	client_send((struct client *)connection);
}

static void
client_detached(struct http_connection *connection)
{
	struct client *client = (struct client *)connection;

	epoll_ctl(client->server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	connection->fd = -1;
	client_free(client);
}

static void
client_receive(struct client *client, char *window, void *local)
{
	struct http_connection *connection = &client->connection;
	struct http_server *server = client->server;

	switch (http_connection_read(connection, window, server->options.body_max)) {
	case HTTP_INTAKE_WHOLE:
		http_dispatch(&connection->request, &server->options, local);
		return;
	case HTTP_INTAKE_CLOSED:
		if (http_connection_has_begun(connection))
			atomic_fetch_add_explicit(&server->dropped, 1, memory_order_relaxed);
		client_free(client);
		return;
	case HTTP_INTAKE_MORE:
		break;
	}
	if (!http_connection_has_begun(connection)) {
		client_wait(client, IDLE, 0);
		return;
	}
	/* The deadline of the first piece holds for the whole request. */
	const int64_t deadline =
		client->deadline != 0 ? client->deadline : es_clock_monotonic() + server->options.patience;
	client_wait(client, RECEIVING, deadline);
}

static void
client_serve(struct client *client, char *window, void *local)
{
	pthread_mutex_lock(&client->lock);
	const enum state was = client->state;
	client->state = BUSY;
	pthread_mutex_unlock(&client->lock);

	if (was == SENDING)
		client_send(client);
	else
		client_receive(client, window, local);
}

/* --- accepting --- */

/* With server->lock held. */
static void
listen_on(struct http_server *server)
{
	/* Several processes may share the socket: one of them is woken for a connection. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &server->options.socket };

	if (server->options.socket >= 0 && !server->is_listening)
		server->is_listening = epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->options.socket, &event) == 0;
}

/* With server->lock held.  Connections wait in the backlog until the next tick. */
static void
pause_listening(struct http_server *server, const char *reason)
{
	char quoted[HTTP_LOG_QUOTE_SIZE];

	epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->options.socket, NULL);
	server->is_listening = false;
	if (server->is_short)
		return;
	server->is_short = true;
	http_log("warning", "no more connections for the moment", "reason=%s connections=%d",
	         http_log_quote(reason, quoted), server->client_count);
}

static void
accept_clients(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (int turn = 0; turn < ACCEPTS_PER_TURN && server->is_listening; turn++) {
		if (server->client_count >= HTTP_CONNECTIONS_MAX) {
			pause_listening(server, "HTTP_CONNECTIONS_MAX reached");
			break;
		}
		const int fd = accept4(server->options.socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			server->is_short = false;
			client_new(server, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			pause_listening(server, strerror(errno));
		break;
	}
	pthread_mutex_unlock(&server->lock);
}

/* --- threads --- */

static void *
thread_main(void *argument)
{
	const struct thread *thread = argument;
	struct http_server *server = thread->server;
	const struct http_options *options = &server->options;
	void *local = options->thread_start == NULL ? NULL : options->thread_start(options->application);
	char *window = malloc(HTTP_WINDOW_SIZE);

	while (window != NULL) {
		struct epoll_event event;
		/* One at a time: a slow handler must not hold up events that another thread could take. */
		const int count = epoll_wait(server->epoll, &event, 1, /* timeout= */ -1);
		if (count < 1)
			continue;
		if (event.data.ptr == &server->finish)
			break;
		if (event.data.ptr == &server->options.socket)
			accept_clients(server);
		else
			client_serve(event.data.ptr, window, local);
	}
	free(window);
	if (options->thread_stop != NULL)
		options->thread_stop(local);
	return NULL;
}

static void
start_threads(struct http_server *server)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (server->thread_count < server->options.threads) {
		struct thread *thread = &server->threads[server->thread_count];
		thread->server = server;
		const int outcome = pthread_create(&thread->id, NULL, thread_main, thread);
		if (outcome != 0) {
			char reason[HTTP_LOG_QUOTE_SIZE];
			http_log("error", "cannot start a thread", "threads=%d reason=%s", server->thread_count,
			         http_log_quote(strerror(outcome), reason));
			break;
		}
		server->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
signal_event(int event)
{
	const uint64_t one = 1;
	const int saved = errno;
	/* Only fails when the counter is full, and then the event is pending anyway. */
	const ssize_t written = write(event, &one, sizeof one);

	(void)written;
	errno = saved;
}

/* --- the server --- */

enum es_result
http_server_new(const struct http_options *options, struct http_server **ret_server, struct es_error *error)
{
	const char *fault;

	if (!http_router_check(options->routes, &fault))
		return es_fail(error, ES_FAILED, NULL, "the route \"%s\" cannot be served", fault);
	if (options->threads < 1)
		return es_fail(error, ES_INVALID, "threads", "at least one thread is needed");
	if (FCGX_Init() != 0)
		return es_fail(error, ES_FAILED, NULL, "libfcgi cannot start");
	signal(SIGPIPE, SIG_IGN);

	struct http_server *server = calloc(1, sizeof *server);
	if (server == NULL)
		return es_fail(error, ES_FAILED, NULL, "out of memory");
	server->options = *options;
	server->options.socket = -1;
	if (server->options.patience == 0)
		server->options.patience = HTTP_PATIENCE;
	pthread_mutex_init(&server->lock, NULL);
	server->tally = http_tally_new(options->routes);
	server->threads = calloc((size_t)options->threads, sizeof *server->threads);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->finish = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &server->finish };
	if (server->tally == NULL || server->threads == NULL || server->epoll < 0 || server->stop < 0 ||
	    server->finish < 0 || epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->finish, &event) != 0) {
		const int reason = errno;
		http_server_free(server);
		return es_fail(error, ES_FAILED, NULL, "cannot set up the server: %s", strerror(reason));
	}
	server->options.socket = options->socket; /* from here on ours */
	*ret_server = server;
	return ES_OK;
}

/*
 * Ends what has waited too long: shut down, the socket wakes a thread, which closes it.  With end_idle also the idle
 * connections; a request that is there already is still read after SHUT_RD, and its reply can still be sent.
 */
static void
sweep(struct http_server *server, bool end_idle)
{
	const int64_t now = es_clock_monotonic();

	pthread_mutex_lock(&server->lock);
	for (struct client *client = server->clients; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		const bool is_waiting = client->state == RECEIVING || client->state == SENDING;
		if (is_waiting && now > client->deadline)
			shutdown(client->connection.fd, SHUT_RDWR);
		if (client->state == IDLE && end_idle)
			shutdown(client->connection.fd, SHUT_RD);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&server->lock);
}

static void
resume_listening(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	listen_on(server);
	pthread_mutex_unlock(&server->lock);
}

static void
end_listening(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	if (server->is_listening)
		epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->options.socket, NULL);
	server->is_listening = false;
	close(server->options.socket);
	server->options.socket = -1;
	pthread_mutex_unlock(&server->lock);
}

static int
count_clients(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	const int count = server->client_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

void
http_server_run(struct http_server *server)
{
	struct pollfd stop = { .fd = server->stop, .events = POLLIN };

	start_threads(server);
	do {
		resume_listening(server);
		sweep(server, /* end_idle= */ false);
	} while (server->thread_count > 0 && poll(&stop, 1, TICK) <= 0);

	atomic_store(&server->is_draining, true);
	end_listening(server);
	const int64_t stopped = es_clock_monotonic();
	int64_t now = stopped;
	while (server->thread_count > 0 && count_clients(server) > 0 && now < stopped + server->options.patience) {
		sweep(server, /* end_idle= */ now > stopped + DRAIN_GRACE);
		poll(NULL, 0, DRAIN_TICK);
		now = es_clock_monotonic();
	}
	signal_event(server->finish);
}

void
http_server_stop(struct http_server *server)
{
	signal_event(server->stop);
}

void
http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	if (server->finish >= 0)
		signal_event(server->finish);
	for (int thread = 0; server->threads != NULL && thread < server->thread_count; thread++)
		pthread_join(server->threads[thread].id, NULL);
	for (struct client *client = server->clients, *next; client != NULL; client = next) {
		next = client->next;
		client_destroy(client);
	}
	const int descriptors[] = { server->options.socket, server->epoll, server->stop, server->finish };
	for (size_t at = 0; at < sizeof descriptors / sizeof descriptors[0]; at++)
		if (descriptors[at] >= 0)
			close(descriptors[at]);
	http_tally_free(server->tally);
	free(server->threads);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

void
http_server_metrics(struct http_server *server, struct es_text *text, const char *prefix)
{
	char name[128];

	http_tally_write(server->tally, text, prefix);
	snprintf(name, sizeof name, "%s_http_connections", prefix);
	http_metrics_head(text, name, "gauge", "Open FastCGI connections.");
	http_metrics_sample(text, name, NULL, count_clients(server));
	snprintf(name, sizeof name, "%s_http_requests_dropped_total", prefix);
	http_metrics_head(text, name, "counter", "Requests cut off or malformed, dropped without effect.");
	http_metrics_sample(text, name, NULL, atomic_load_explicit(&server->dropped, memory_order_relaxed));
}
