#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

enum {
	CONNECTIONS_MAX = 64,
	BUFFER_SIZE = 1 << 16,
	TICK = 20 /* ms: how soon the thread sees an order */,
	LATE = 500 /* ms */
};

/* One connection: the client's end and the server's. */
struct pair {
	int client; /* -1: free */
	int server;
	bool cutting;      /* COMMIT was passed on: its answer is to be swallowed */
	bool finding;      /* it asked for what another connection may have committed */
	bool client_spoke; /* last */
};

struct proxy {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listener;
	int port;
	pthread_t thread;
	struct pair pairs[CONNECTIONS_MAX];
	int late;         /* the server's end of a connection whose client is gone; -1: none */
	char *late_bytes; /* what it had sent, and the server has not got */
	size_t late_size;
	_Atomic int cut;
	_Atomic bool has_cut;
	_Atomic bool refuse;
	_Atomic bool refuse_after_cut;
	_Atomic bool stopping;
	_Atomic int round_trips;
};

static void
close_pair(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
	*pair = (struct pair){ .client = -1, .server = -1 };
}

static void
accept_client(struct proxy *proxy)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return;
	for (int i = 0; !proxy->refuse && i < CONNECTIONS_MAX; i++) {
		struct pair *pair = &proxy->pairs[i];
		if (pair->client >= 0)
			continue;
		memcpy(address.sun_path, proxy->path, sizeof address.sun_path);
		const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (server >= 0 && connect(server, (const struct sockaddr *)&address, sizeof address) == 0) {
			*pair = (struct pair){ .client = client, .server = server };
			return;
		}
		if (server >= 0)
			close(server);
		break;
	}
	close(client);
}

static bool
send_all(int socket, const char *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		bytes += sent;
		size -= (size_t)sent;
	}
	return true;
}

static void
note_cut(struct proxy *proxy)
{
	proxy->cut = PROXY_PASS;
	if (proxy->refuse_after_cut)
		proxy->refuse = true;
	proxy->has_cut = true;
}

/* Keeps back what the client sent last; for the client the connection ends here. */
static void
keep_back(struct proxy *proxy, struct pair *pair, const char *bytes, size_t size)
{
	proxy->late = pair->server;
	proxy->late_bytes = malloc(size);
	if (proxy->late_bytes == NULL)
		bail("no memory");
	memcpy(proxy->late_bytes, bytes, size);
	proxy->late_size = size;
	pair->server = -1;
	close_pair(pair);
	note_cut(proxy);
}

/* Lets the server have it now, and gives it the time to act on it, unless something keeps it from that. */
static void
pass_late(struct proxy *proxy)
{
	struct pollfd answer = { .fd = proxy->late, .events = POLLIN };

	if (proxy->late_bytes == NULL)
		return;
	if (!send_all(proxy->late, proxy->late_bytes, proxy->late_size))
		bail("the server took nothing");
	free(proxy->late_bytes);
	proxy->late_bytes = NULL;
	poll(&answer, 1, LATE);
}

static void
pass_to_server(struct proxy *proxy, struct pair *pair)
{
	static const char commit[] = "commit";   /* the name of the statement, and its NUL */
	static const char find[] = "find_event"; /* likewise */
	char bytes[BUFFER_SIZE];
	const ssize_t size = recv(pair->client, bytes, sizeof bytes, 0);

	if (size <= 0) {
		close_pair(pair);
		return;
	}
	if (!pair->client_spoke)
		proxy->round_trips++;
	pair->client_spoke = true;
	if (proxy->cut != PROXY_PASS && memmem(bytes, (size_t)size, commit, sizeof commit) != NULL) {
		if (proxy->cut == PROXY_CUT_BEFORE_COMMIT) {
			close_pair(pair);
			note_cut(proxy);
			return;
		}
		if (proxy->cut == PROXY_DELAY_COMMIT) {
			keep_back(proxy, pair, bytes, (size_t)size);
			return;
		}
		pair->cutting = true;
	}
	pair->finding = memmem(bytes, (size_t)size, find, sizeof find) != NULL;
	if (!send_all(pair->server, bytes, (size_t)size))
		close_pair(pair);
}

static void
pass_to_client(struct proxy *proxy, struct pair *pair)
{
	static const char committed[] = "COMMIT"; /* the command tag, and its NUL */
	char bytes[BUFFER_SIZE];
	const ssize_t size = recv(pair->server, bytes, sizeof bytes, 0);

	if (size <= 0) {
		close_pair(pair);
		return;
	}
	pair->client_spoke = false;
	if (pair->finding)
		pass_late(proxy);
	if (pair->cutting) {
		if (memmem(bytes, (size_t)size, committed, sizeof committed) != NULL) {
			close_pair(pair);
			note_cut(proxy);
		}
		return;
	}
	if (!send_all(pair->client, bytes, (size_t)size))
		close_pair(pair);
}

static void *
pass(void *argument)
{
	struct proxy *proxy = argument;

	while (!proxy->stopping) {
		struct pollfd polled[1 + 2 * CONNECTIONS_MAX];
		polled[0] = (struct pollfd){ .fd = proxy->listener, .events = POLLIN };
		for (int i = 0; i < CONNECTIONS_MAX; i++) {
			if (proxy->refuse)
				close_pair(&proxy->pairs[i]);
			polled[1 + 2 * i] = (struct pollfd){ .fd = proxy->pairs[i].client, .events = POLLIN };
			polled[2 + 2 * i] = (struct pollfd){ .fd = proxy->pairs[i].server, .events = POLLIN };
		}
		poll(polled, 1 + 2 * CONNECTIONS_MAX, TICK);
		for (int i = 0; i < CONNECTIONS_MAX; i++) {
			struct pair *pair = &proxy->pairs[i];
			if (polled[1 + 2 * i].revents != 0 && pair->client >= 0)
				pass_to_server(proxy, pair);
			if (polled[2 + 2 * i].revents != 0 && pair->server >= 0)
				pass_to_client(proxy, pair);
		}
		if (polled[0].revents != 0)
			accept_client(proxy);
	}
	return NULL;
}

struct proxy *
proxy_new(const char *path)
{
	struct proxy *proxy = calloc(1, sizeof *proxy);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;

	if (proxy == NULL)
		bail("no memory");
	snprintf(proxy->path, sizeof proxy->path, "%s", path);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		proxy->pairs[i] = (struct pair){ .client = -1, .server = -1 };
	proxy->late = -1;
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy->listener < 0 || bind(proxy->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(proxy->listener, CONNECTIONS_MAX) != 0 ||
	    getsockname(proxy->listener, (struct sockaddr *)&address, &length) != 0)
		bail("no port for the proxy");
	proxy->port = ntohs(address.sin_port);
	if (pthread_create(&proxy->thread, NULL, pass, proxy) != 0)
		bail("no thread for the proxy");
	return proxy;
}

void
proxy_free(struct proxy *proxy)
{
	proxy->stopping = true;
	pthread_join(proxy->thread, NULL);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		close_pair(&proxy->pairs[i]);
	if (proxy->late >= 0)
		close(proxy->late);
	free(proxy->late_bytes);
	close(proxy->listener);
	free(proxy);
}

int
proxy_port(const struct proxy *proxy)
{
	return proxy->port;
}

void
proxy_cut(struct proxy *proxy, enum proxy_cut cut)
{
	proxy->has_cut = false;
	proxy->refuse_after_cut = false;
	proxy->cut = (int)cut;
}

bool
proxy_has_cut(const struct proxy *proxy)
{
	return proxy->has_cut;
}

void
proxy_refuse(struct proxy *proxy, bool refuse)
{
	proxy->refuse = refuse;
	/* until the thread has looked */
	poll(NULL, 0, 3 * TICK);
}

void
proxy_refuse_after_cut(struct proxy *proxy)
{
	proxy->refuse_after_cut = true;
}

int
proxy_round_trips(struct proxy *proxy)
{
	return atomic_exchange(&proxy->round_trips, 0);
}
