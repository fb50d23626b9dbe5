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
#include "http/clients.h"
#include "http/connection.h"
#include "http/log.h"
#include "http/metrics.h"
#include "http/tally.h"

enum {
	TICK = 200,            /* milliseconds between two looks at deadlines, and a pause in accepting */
	DRAIN_TICK = 10,       /* milliseconds between two looks at what is still in hand */
	ACCEPTS_PER_TURN = 16, /* connections taken at once, before requests get their turn */
};

/*
 * When the server stops: how long peers have for closing the connections that they keep, as they are asked to.  nginx
 * does so at once, unless it stands still.  Closed by us, a connection could cross a request on its way.
 */
#define DRAIN_GRACE (2 * ES_SECOND)

struct thread {
	pthread_t id;
	struct http_server *server;
};

struct http_server {
	struct http_options options;
	struct http_tally *tally;
	struct http_clients clients;
	int epoll;
	int stop;   /* eventfd: http_server_stop was called */
	int finish; /* eventfd: the threads shall end */
	struct thread *threads;
	int thread_count; /* of those that were started */

	pthread_mutex_t lock; /* guards the rest, and every accept */
	bool is_listening;    /* the listening socket is in epoll */
	bool is_short;        /* of descriptors or connections, since the last one accepted: said once in the log */
};

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
	         http_log_quote(reason, quoted), http_clients_count(&server->clients));
}

static void
accept_clients(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (int turn = 0; turn < ACCEPTS_PER_TURN && server->is_listening; turn++) {
		if (http_clients_count(&server->clients) >= HTTP_CONNECTIONS_MAX) {
			pause_listening(server, "HTTP_CONNECTIONS_MAX reached");
			break;
		}
		const int fd = accept4(server->options.socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			server->is_short = false;
			http_clients_add(&server->clients, fd);
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
			http_client_serve(event.data.ptr, window, local);
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
	http_clients_init(&server->clients, &server->options, server->tally, server->epoll);
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

static void
join_threads(struct http_server *server)
{
	if (server->finish >= 0)
		signal_event(server->finish);
	for (int thread = 0; thread < server->thread_count; thread++)
		pthread_join(server->threads[thread].id, NULL);
	server->thread_count = 0;
}

bool
http_server_run(struct http_server *server)
{
	struct pollfd stop = { .fd = server->stop, .events = POLLIN };

	start_threads(server);
	do {
		resume_listening(server);
		http_clients_sweep(&server->clients, /* end_idle= */ false);
	} while (server->thread_count > 0 && poll(&stop, 1, TICK) <= 0);

	atomic_store(&server->clients.is_draining, true);
	end_listening(server);
	const int64_t stopped = es_clock_monotonic();
	int64_t now = stopped;
	while (server->thread_count > 0 && http_clients_count(&server->clients) > 0 &&
	       now < stopped + server->options.patience) {
		http_clients_sweep(&server->clients, /* end_idle= */ now > stopped + DRAIN_GRACE);
		poll(NULL, 0, DRAIN_TICK);
		now = es_clock_monotonic();
	}
	if (server->thread_count > 0 && http_clients_count(&server->clients) > 0)
		return false;
	/* nobody is waiting for anything: a handler that still runs is about to return */
	join_threads(server);
	return true;
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
	join_threads(server);
	http_clients_done(&server->clients);
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
	http_metrics_sample(text, name, NULL, http_clients_count(&server->clients));
	snprintf(name, sizeof name, "%s_http_requests_dropped_total", prefix);
	http_metrics_head(text, name, "counter", "Requests cut off or malformed, dropped without effect.");
	http_metrics_sample(text, name, NULL, atomic_load_explicit(&server->clients.dropped, memory_order_relaxed));
}
