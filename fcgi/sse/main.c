/*
 * sse/main.c - sse.fcgi: sends every change of a stream to all who watch it.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event/clock.h"
#include "http/log.h"
#include "http/number.h"
#include "http/server.h"
#include "sse/letters.h"
#include "sse/loop.h"
#include "sse/mailbox.h"
#include "sse/metrics.h"
#include "sse/routes.h"
#include "sse/tail.h"

enum {
	HEARTBEAT_DEFAULT = 15,           /* seconds; a page gives up after 40 s of silence */
	HEARTBEAT_MAX = 30,               /* so that one lost heartbeat does not look like the end */
	NEWS_BYTES_MAX = 8 * 1024 * 1024, /* read from the log and not yet in a ring */
	HTTP_THREADS = 1,                 /* requests are only read here, never waited for */
	BODY_MAX = 4096,                  /* bytes: no request has a body */
};

struct options {
	const char *socket;
	const char *database;
	int64_t heartbeat; /* seconds */
};

/* What runs while the program does; all of it may be NULL. */
struct program {
	struct sse_metrics metrics;
	struct sse_mailbox *orders;
	struct sse_mailbox *news;
	struct sse_tail *tail;
	struct sse_application application;
};

static struct http_server *volatile running_server;

static void
print_help(void)
{
	printf("usage: sse.fcgi [OPTION]...\n"
	       "Sends every event of a ledger to all who watch it, as server-sent events over FastCGI.\n"
	       "\n"
	       "  --socket PATH         listen on this Unix socket (default: file descriptor 0, if it listens)\n"
	       "  --database CONNINFO   libpq connection string (default: the PG* environment)\n"
	       "  --heartbeat SECONDS   between two head frames, 1 to %d (default: %d)\n"
	       "  --help                print this and exit\n"
	       "  --version             print the version and exit\n"
	       "\n"
	       "GET /sse/ledgers/{ledger}[?after=VERSION] is the stream, GET /metrics/sse what was counted.\n",
	       HEARTBEAT_MAX, HEARTBEAT_DEFAULT);
}

static bool
fail_usage(const char *reason, const char *value)
{
	fprintf(stderr, "sse.fcgi: %s \"%s\"; try sse.fcgi --help\n", reason, value);
	return false;
}

/* False: the program is to end with *ret_status. */
static bool
parse_options(int argc, char **argv, struct options *options, int *ret_status)
{
	enum { SOCKET = 1, DATABASE, HEARTBEAT, HELP, VERSION };
	static const struct option names[] = {
		{ "socket", required_argument, NULL, SOCKET },       { "database", required_argument, NULL, DATABASE },
		{ "heartbeat", required_argument, NULL, HEARTBEAT }, { "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },           { NULL, 0, NULL, 0 },
	};
	int name;

	*ret_status = 2;
	opterr = 0;
	while ((name = getopt_long(argc, argv, ":", names, NULL)) != -1) {
		switch (name) {
		case SOCKET:
			options->socket = optarg;
			break;
		case DATABASE:
			options->database = optarg;
			break;
		case HEARTBEAT:
			if (!http_parse_int64(optarg, 1, HEARTBEAT_MAX, &options->heartbeat))
				return fail_usage("not a number of seconds for --heartbeat:", optarg);
			break;
		case HELP:
			print_help();
			*ret_status = EXIT_SUCCESS;
			return false;
		case VERSION:
			printf("sse.fcgi %s\n", PACKAGE_VERSION);
			*ret_status = EXIT_SUCCESS;
			return false;
		case ':':
			return fail_usage("a value is missing after", argv[optind - 1]);
		default:
			return fail_usage("unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return fail_usage("unexpected argument", argv[optind]);
	return true;
}

static void
stop_server(int signal)
{
	(void)signal;
	http_server_stop(running_server);
}

/* After http_server_new, which lets libfcgi install handlers of its own. */
static void
handle_signals(struct http_server *server)
{
	struct sigaction action = { .sa_handler = stop_server };

	running_server = server;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

/* Signals go to the main thread alone: threads started while they are blocked never get one. */
static void
block_signals(int how)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(how, &signals, NULL);
}

/* Every subscriber takes a file descriptor. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum es_result
start(struct program *program, const struct options *options, struct es_error *error)
{
	int socket = -1;
	enum es_result result = sse_mailbox_new(0, &program->orders, error);

	if (result == ES_OK)
		result = sse_mailbox_new(NEWS_BYTES_MAX, &program->news, error);
	if (result == ES_OK)
		result = http_socket_open(options->socket, &socket, error);
	if (result != ES_OK)
		return result;

	const struct http_options server_options = {
		.routes = sse_routes,
		.socket = socket,
		.threads = HTTP_THREADS,
		.body_max = BODY_MAX,
		.application = &program->application,
	};
	result = http_server_new(&server_options, &program->application.server, error);
	if (result != ES_OK) {
		close(socket);
		return result;
	}
	const struct sse_tail_options tail_options = {
		.conninfo = options->database,
		.orders = program->orders,
		.news = program->news,
		.metrics = &program->metrics,
	};
	result = sse_tail_start(&tail_options, &program->tail, error);
	if (result != ES_OK)
		return result;
	const struct sse_loop_options loop_options = {
		.orders = program->orders,
		.news = program->news,
		.metrics = &program->metrics,
		.heartbeat = options->heartbeat * ES_SECOND,
	};
	program->application.metrics = &program->metrics;
	return sse_loop_start(&loop_options, &program->application.loop, error);
}

static void
give_up(const struct options *options, const char *cause)
{
	http_log("warning", "not waiting any longer", "for=\"%s\" socket=%s", cause,
	         options->socket == NULL ? "inherited" : options->socket);
	_exit(EXIT_SUCCESS);
}

/* The streams end while the tail still runs: nobody misses anything on the way out. */
static void
stop(struct program *program, const struct options *options)
{
	sse_loop_stop(program->application.loop);
	if (!sse_tail_stop(program->tail))
		give_up(options, "an answer of the database");
	http_server_free(program->application.server);
	sse_mailbox_free(program->orders, sse_order_free);
	sse_mailbox_free(program->news, sse_news_free);
}

int
main(int argc, char **argv)
{
	static struct program program;
	struct options options = { .database = "", .heartbeat = HEARTBEAT_DEFAULT };
	struct es_error error = ES_ERROR_INIT;
	int status;

	if (!parse_options(argc, argv, &options, &status))
		return status;
	raise_descriptor_limit();
	block_signals(SIG_BLOCK);
	program.metrics = SSE_METRICS_INIT;
	const enum es_result result = start(&program, &options, &error);
	if (result == ES_OK) {
		handle_signals(program.application.server);
		block_signals(SIG_UNBLOCK);
		if (!http_server_run(program.application.server))
			give_up(&options, "the end of a request");
	} else {
		fprintf(stderr, "sse.fcgi: %s\n", error.detail);
	}
	stop(&program, &options);
	return result == ES_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
