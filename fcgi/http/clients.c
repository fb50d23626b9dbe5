#include "http/clients.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "http/connection.h"
#include "http/dispatch.h"
#include "http/record.h"
#include "http/server.h"
#include "http/tally.h"

/* Who may touch a client's connection.  Changes with the client's lock held. */
enum state {
	IDLE,      /* nobody: epoll waits for a request */
	RECEIVING, /* nobody: epoll waits for the rest of a request */
	BUSY,      /* one thread, or the handler that keeps the request */
	SENDING,   /* nobody: epoll waits until the peer has read */
};

struct http_client {
	struct http_connection connection; /* must be first: its owner's functions get at the client through it */
	struct http_clients *clients;
	struct http_client *previous;
	struct http_client *next;
	pthread_mutex_t lock; /* guards state and deadline, so that the sweep never meets a descriptor in use */
	enum state state;
	int64_t deadline; /* of RECEIVING and SENDING, monotonic */
	unsigned last_id; /* of the last request answered; 0: none yet */
	bool is_told;     /* that we stop */
};

static void client_replied(struct http_connection *connection);
static void client_detached(struct http_connection *connection);

static const struct http_owner client_owner = {
	.replied = client_replied,
	.detached = client_detached,
};

static void
client_destroy(struct http_client *client)
{
	http_connection_done(&client->connection);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

/* Closes a client that nobody else can have: it is BUSY, or not in epoll. */
static void
client_free(struct http_client *client)
{
	struct http_clients *clients = client->clients;

	pthread_mutex_lock(&clients->lock);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		clients->first = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	clients->count--;
	pthread_mutex_unlock(&clients->lock);
	client_destroy(client);
}

void
http_clients_add(struct http_clients *clients, int fd)
{
	struct http_client *client = calloc(1, sizeof *client);

	if (client == NULL) {
		close(fd);
		return;
	}
	client->clients = clients;
	client->state = IDLE;
	pthread_mutex_init(&client->lock, NULL);
	http_connection_init(&client->connection, fd, &client_owner, clients->tally);

	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = client };
	pthread_mutex_lock(&clients->lock);
	client->next = clients->first;
	if (client->next != NULL)
		client->next->previous = client;
	clients->first = client;
	clients->count++;
	/* whoever gets its first event waits for the lock before it frees */
	const int outcome = epoll_ctl(clients->epoll, EPOLL_CTL_ADD, fd, &event);
	pthread_mutex_unlock(&clients->lock);
	if (outcome != 0)
		client_free(client);
}

/* Gives a BUSY client back to epoll.  It must not be touched afterwards: another thread may already have it. */
static void
client_wait(struct http_client *client, enum state state, int64_t deadline)
{
	const uint32_t wanted = state == SENDING ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;
	struct epoll_event event = { .events = wanted | EPOLLONESHOT, .data.ptr = client };
	const int fd = client->connection.fd;

	pthread_mutex_lock(&client->lock);
	client->state = state;
	client->deadline = deadline;
	const int outcome = epoll_ctl(client->clients->epoll, EPOLL_CTL_MOD, fd, &event);
	if (outcome != 0)
		client->state = BUSY;
	pthread_mutex_unlock(&client->lock);
	if (outcome != 0)
		client_free(client);
}

/* Sends what is left of the reply; then the connection waits for its next request, or is closed. */
static void
client_send(struct http_client *client)
{
	struct http_connection *connection = &client->connection;

	switch (http_connection_write(connection)) {
	case HTTP_OUTPUT_MORE:
		client_wait(client, SENDING, es_clock_monotonic() + client->clients->options->patience);
		return;
	case HTTP_OUTPUT_CLOSED:
		client_free(client);
		return;
	case HTTP_OUTPUT_DONE:
		break;
	}
	if (!connection->keep) {
		client_free(client);
		return;
	}
	http_connection_reset(connection);
	client_wait(client, IDLE, 0);
}

static void
client_replied(struct http_connection *connection)
{
	struct http_client *client = (struct http_client *)connection;

	client->last_id = connection->scan.id;
	if (connection->keep && atomic_load(&client->clients->is_draining)) {
		http_record_farewell(&connection->request.frame, client->last_id);
		client->is_told = true;
	}
	client_send(client);
}

/* Asks the peer of an IDLE client to close the connection.  With the client's lock held. */
static void
client_tell(struct http_client *client)
{
	struct http_connection *connection = &client->connection;

	http_record_farewell(&connection->request.frame, client->last_id);
	(void)http_connection_write(connection); /* nothing else waits in an idle socket, so these few bytes fit */
	http_connection_reset(connection);
	client->is_told = true;
}

static void
client_detached(struct http_connection *connection)
{
	struct http_client *client = (struct http_client *)connection;

	epoll_ctl(client->clients->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	connection->fd = -1;
	client_free(client);
}

static void
client_receive(struct http_client *client, char *window, void *local)
{
	struct http_connection *connection = &client->connection;
	struct http_clients *clients = client->clients;

	switch (http_connection_read(connection, window, clients->options->body_max)) {
	case HTTP_INTAKE_WHOLE:
		http_dispatch(&connection->request, clients->options, local);
		return;
	case HTTP_INTAKE_CLOSED:
		if (http_connection_has_begun(connection))
			atomic_fetch_add_explicit(&clients->dropped, 1, memory_order_relaxed);
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
		client->deadline != 0 ? client->deadline : es_clock_monotonic() + clients->options->patience;
	client_wait(client, RECEIVING, deadline);
}

void
http_client_serve(struct http_client *client, char *window, void *local)
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

void
http_clients_init(struct http_clients *clients, const struct http_options *options, struct http_tally *tally, int epoll)
{
	*clients = (struct http_clients){ .options = options, .tally = tally, .epoll = epoll };
	pthread_mutex_init(&clients->lock, NULL);
}

void
http_clients_done(struct http_clients *clients)
{
	for (struct http_client *client = clients->first, *next; client != NULL; client = next) {
		next = client->next;
		client_destroy(client);
	}
	pthread_mutex_destroy(&clients->lock);
}

void
http_clients_sweep(struct http_clients *clients, bool end_idle)
{
	const int64_t now = es_clock_monotonic();
	const bool is_draining = atomic_load(&clients->is_draining);

	pthread_mutex_lock(&clients->lock);
	for (struct http_client *client = clients->first; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		const bool is_waiting = client->state == RECEIVING || client->state == SENDING;
		if (is_waiting && now > client->deadline)
			shutdown(client->connection.fd, SHUT_RDWR);
		/* A peer that has not asked anything yet is about to. */
		if (client->state == IDLE && is_draining && !client->is_told && client->last_id != 0)
			client_tell(client);
		if (client->state == IDLE && end_idle)
			shutdown(client->connection.fd, SHUT_RD);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&clients->lock);
}

int
http_clients_count(struct http_clients *clients)
{
	pthread_mutex_lock(&clients->lock);
	const int count = clients->count;
	pthread_mutex_unlock(&clients->lock);
	return count;
}
