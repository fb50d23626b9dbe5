/*
 * tests/bench/subscribers.c - thousands of clients of one event stream, and those who post to it.
 *
 * Does what it reads on its standard input, a command a line, and prints a line of JSON when it is done:
 *
 *   connect            all subscribe; done when all are live
 *   single COUNT       posts one, waits until the last subscriber has it, posts the next
 *   burst COUNT        posts all as fast as they are answered, 64 at once; done when all subscribers have all
 *   settle VERSION     done when all are live and have every event up to this version, however often they came back
 *
 * Times are in microseconds.  "answered" is from before the post was sent until its answer was here, "last" until the
 * last subscriber had it.  What subscribers missed or saw twice is counted, never corrected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"
#include "event/clock.h"
#include "http/number.h"
#include "publisher.h"

enum {
	EVENTS_MAX = 512,       /* taken from epoll at once */
	CONNECTS_AT_ONCE = 256, /* far below a listener's backlog */
	SUBSCRIBERS_MAX = 100000,
};

#define PATIENCE (20 * ES_SECOND) /* with any one command, which takes a few at most */

static struct crowd crowd;
static struct publisher publisher;
static int poller;

__attribute__((format(printf, 1, 2), noreturn)) static void
die(const char *format, ...)
{
	va_list arguments;

	fputs("subscribers: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static void
print_help(void)
{
	printf("usage: subscribers --port PORT --count COUNT --subscribe PATH [--publish PATH --body TEXT] [--dense]\n"
	       "Holds event streams through a server on 127.0.0.1 and checks what comes; see the head of its source.\n"
	       "\n"
	       "  --port PORT       of the server\n"
	       "  --count COUNT     subscribers\n"
	       "  --subscribe PATH  of the event stream\n"
	       "  --publish PATH    where to post\n"
	       "  --body TEXT       what to post: the first # becomes #00000001#, #00000002# ...\n"
	       "  --dense           ids are versions, and a subscriber that lost its connection goes on from its last\n"
	       "  --help            print this and exit\n");
}

/* One round: whatever the sockets have to say.  True: a command may be read. */
static bool
go_round(void)
{
	struct epoll_event events[EVENTS_MAX];
	const int64_t wake = crowd_connect(&crowd, CONNECTS_AT_ONCE);
	const int64_t soon = es_clock_monotonic() + ES_SECOND;
	const int count = epoll_wait(poller, events, EVENTS_MAX, es_clock_poll_timeout(wake < soon ? wake : soon));
	const uintptr_t first = (uintptr_t)publisher.connections;
	bool has_input = false;

	for (int i = 0; i < count; i++) {
		const uintptr_t at = (uintptr_t)events[i].data.ptr;
		if (at == 0)
			has_input = true;
		else if (at < first || at >= first + sizeof publisher.connections)
			crowd_ready(events[i].data.ptr, events[i].events);
		else if (!publisher_readable(events[i].data.ptr))
			die("a post was not answered with success");
	}
	return has_input;
}

static void
check_time(int64_t began, const char *what)
{
	if (es_clock_monotonic() - began > PATIENCE)
		die("%s: not within %d s; %zu of %zu subscribers live, %zu reached", what, (int)(PATIENCE / ES_SECOND),
		    crowd.live, crowd.size, crowd.reached);
}

static void
post_and_wait(int64_t count, int connections)
{
	const int64_t began = es_clock_monotonic();

	crowd_expect(&crowd, count);
	if (!publisher_start(&publisher, count, connections))
		die("cannot post: %s", strerror(errno));
	while (crowd.reached < crowd.size || publisher.answered < count) {
		(void)go_round();
		check_time(began, "a post");
	}
}

/* What every answer ends with. */
static void
print_state(int64_t began)
{
	printf("\"microseconds\":%" PRId64 ",\"subscribers\":%zu,\"missing\":%" PRId64 ",\"doubled\":%" PRId64
	       ",\"strange\":%" PRId64 ",\"reconnects\":%" PRId64 ",\"resets\":%" PRId64 ",\"refused\":%" PRId64 "}\n",
	       es_clock_monotonic() - began, crowd.live, crowd.faults.missing, crowd.faults.doubled,
	       crowd.faults.strange, crowd.reconnects, crowd.resets, crowd.refused);
	fflush(stdout);
}

/* --- commands --- */

static void
do_connect(int64_t unused)
{
	const int64_t began = es_clock_monotonic();

	(void)unused;
	while (crowd.live < crowd.size) {
		(void)go_round();
		check_time(began, "connect");
	}
	printf("{");
	print_state(began);
}

static void
print_times(const char *name, const int64_t *times, int64_t count)
{
	printf("\"%s\":[", name);
	for (int64_t i = 0; i < count; i++)
		printf("%s%" PRId64, i == 0 ? "" : ",", times[i]);
	printf("],");
}

static void
do_single(int64_t count)
{
	const int64_t began = es_clock_monotonic();
	int64_t *answered = calloc((size_t)count, sizeof *answered);
	int64_t *last = calloc((size_t)count, sizeof *last);

	if (answered == NULL || last == NULL)
		die("no memory");
	for (int64_t i = 0; i < count; i++) {
		const int64_t sent = es_clock_monotonic();
		post_and_wait(1, 1);
		answered[i] = publisher.answered_at - sent;
		last[i] = crowd.reached_at - sent;
	}
	printf("{");
	print_times("answered", answered, count);
	print_times("last", last, count);
	print_state(began);
	free(answered);
	free(last);
}

static void
do_burst(int64_t count)
{
	const int64_t began = es_clock_monotonic();

	post_and_wait(count, PUBLISHER_CONNECTIONS_MAX);
	printf("{\"answered\":%" PRId64 ",\"last\":%" PRId64 ",", publisher.answered_at - began,
	       crowd.reached_at - began);
	print_state(began);
}

static void
do_settle(int64_t version)
{
	const int64_t began = es_clock_monotonic();

	while (!crowd_has(&crowd, version)) {
		(void)go_round();
		check_time(began, "settle");
	}
	printf("{");
	print_state(began);
}

static const struct {
	const char *name;
	void (*run)(int64_t number);
	bool has_number;
} commands[] = {
	{ "connect", do_connect, false },
	{ "single", do_single, true },
	{ "burst", do_burst, true },
	{ "settle", do_settle, true },
};

/* "settle 58": a name and, for most, a number. */
static void
run_command(const char *line)
{
	const size_t length = strcspn(line, " ");
	const char *word = line[length] == ' ' ? line + length + 1 : NULL;
	int64_t number = 0;
	const bool has_number = http_parse_int64(word, 0, INT64_MAX, &number);

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strlen(commands[i].name) == length && strncmp(line, commands[i].name, length) == 0 &&
		    has_number == commands[i].has_number) {
			commands[i].run(number);
			return;
		}
	}
	die("no such command: %s", line);
}

/* Reads what is there; runs each whole line.  False: there is no more to come. */
static bool
read_commands(void)
{
	static char text[4096];
	static size_t size;
	char *end;
	const ssize_t got = read(STDIN_FILENO, text + size, sizeof text - 1 - size);

	if (got <= 0)
		return false;
	size += (size_t)got;
	text[size] = '\0';
	while ((end = strchr(text, '\n')) != NULL) {
		*end = '\0';
		run_command(text);
		size -= (size_t)(end + 1 - text);
		memmove(text, end + 1, size + 1);
	}
	return true;
}

/* --- options --- */

struct settings {
	struct crowd_options crowd;
	int64_t port;
	int64_t count;
};

static void
parse_options(int argc, char **argv, struct settings *settings)
{
	enum { PORT = 1, COUNT, SUBSCRIBE, PUBLISH, BODY, DENSE, HELP };
	static const struct option names[] = {
		{ "port", required_argument, NULL, PORT },
		{ "count", required_argument, NULL, COUNT },
		{ "subscribe", required_argument, NULL, SUBSCRIBE },
		{ "publish", required_argument, NULL, PUBLISH },
		{ "body", required_argument, NULL, BODY },
		{ "dense", no_argument, NULL, DENSE },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		bool is_good = name != HELP && name != '?';
		if (name == SUBSCRIBE)
			settings->crowd.path = optarg;
		else if (name == PUBLISH)
			publisher.path = optarg;
		else if (name == BODY)
			publisher.body = optarg;
		else if (name == DENSE)
			settings->crowd.is_dense = true;
		else if (name == PORT)
			is_good = http_parse_int64(optarg, 1, UINT16_MAX, &settings->port);
		else if (name == COUNT)
			is_good = http_parse_int64(optarg, 1, SUBSCRIBERS_MAX, &settings->count);
		if (!is_good) {
			print_help();
			exit(name == HELP ? EXIT_SUCCESS : 2);
		}
	}
	if (settings->port == 0 || settings->count == 0 || settings->crowd.path == NULL || optind < argc ||
	    (publisher.path == NULL) != (publisher.body == NULL)) {
		print_help();
		exit(2);
	}
}

/* Each subscriber takes a descriptor; root may have as many as it likes. */
static void
raise_descriptor_limit(size_t needed)
{
	struct rlimit limit = { .rlim_cur = needed, .rlim_max = needed };
	struct rlimit before;

	if (getrlimit(RLIMIT_NOFILE, &before) == 0 && before.rlim_max >= needed)
		limit.rlim_max = before.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("%zu descriptors are needed: %s", needed, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct settings settings = { 0 };
	struct epoll_event input = { .events = EPOLLIN };

	parse_options(argc, argv, &settings);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit((size_t)settings.count + PUBLISHER_CONNECTIONS_MAX + 16);
	poller = epoll_create1(EPOLL_CLOEXEC);
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)settings.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	publisher.poller = settings.crowd.poller = poller;
	publisher.address = settings.crowd.address = address;
	publisher.next_mark = 1;
	if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0 ||
	    !crowd_init(&crowd, &settings.crowd, (size_t)settings.count))
		die("cannot start: %s", strerror(errno));
	while (!go_round() || read_commands())
		;
	crowd_done(&crowd);
	return EXIT_SUCCESS;
}
