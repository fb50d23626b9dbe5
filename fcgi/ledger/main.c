/*
 * ledger.fcgi - answers the ledger's commands and queries.
 *
 * Puts the parts together: the socket, the writer's threads, the server's threads, and the signals that end it.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "http/log.h"
#include "ledger/items.h"
#include "ledger/ledger.h"
#include "ledger/options.h"

static struct http_server *served; /* for the signal handler alone */

static void
stop(int signal_number)
{
	(void)signal_number;
	http_server_stop(served);
}

static void
handle_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static struct es_store *
open_writer_store(void *context)
{
	const struct ledger *ledger = context;

	return es_store_postgres_new(ledger->database, "ledger.fcgi writer");
}

static void
note_batch(void *context, const struct es_batch_report *report)
{
	struct ledger *ledger = context;

	if (atomic_exchange(&ledger->is_away, false))
		http_log("info", "the database is back", "outages=%" PRId64, ledger->outages);
	http_histogram_observe(&ledger->batch_requests, report->appends);
	http_histogram_observe(&ledger->batch_events, report->events);
	http_histogram_observe(&ledger->begin_time, report->begin_time);
	http_histogram_observe(&ledger->commit_time, report->commit_time);
}

static void
note_outage(void *context, const struct es_error *error)
{
	struct ledger *ledger = context;
	char reason[HTTP_LOG_QUOTE_SIZE];

	ledger->outages++;
	if (!atomic_exchange(&ledger->is_away, true)) /* said once, not with every request that hears of it */
		http_log("warning", "the database is away", "reason=%s",
		         http_log_quote(es_error_reason(error), reason));
}

static int
fail(const char *message, const struct es_error *error)
{
	char reason[HTTP_LOG_QUOTE_SIZE];

	http_log("error", message, "reason=%s", http_log_quote(es_error_reason(error), reason));
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct ledger_options options;
	struct es_error error = ES_ERROR_INIT;
	int status = EXIT_FAILURE;
	int listening;

	if (!ledger_options_read(argc, argv, &options, &status))
		return status;
	if (es_decider_check(&ledger_items, &error) != ES_OK)
		return fail("the decider is incomplete", &error);
	if (http_socket_open(options.socket, &listening, &error) != ES_OK)
		return fail("cannot listen", &error);

	struct ledger ledger = {
		.database = options.database,
		.batch_requests = { .bounds = http_size_bounds, .scale = 1 },
		.batch_events = { .bounds = http_size_bounds, .scale = 1 },
		.begin_time = { .bounds = http_microsecond_bounds, .scale = 1e-6 },
		.commit_time = { .bounds = http_microsecond_bounds, .scale = 1e-6 },
	};
	const struct http_options server_options = {
		.routes = ledger_routes,
		.socket = listening,
		.threads = options.threads,
		.body_max = LEDGER_BODY_MAX,
		.application = &ledger,
		.thread_start = ledger_thread_start,
		.thread_stop = ledger_thread_stop,
	};
	if (http_server_new(&server_options, &ledger.server, &error) != ES_OK)
		return fail("cannot serve", &error);
	served = ledger.server;
	handle_signals();
	const struct es_writer_options writer_options = {
		.decider = &ledger_items,
		.threads = options.writers,
		.open_store = open_writer_store,
		.hooks = { .committed = note_batch, .away = note_outage, .context = &ledger },
		.context = &ledger,
	};
	if (es_writer_new(&writer_options, &ledger.writer, &error) != ES_OK)
		return fail("cannot start", &error);
	if (!http_server_run(ledger.server)) {
		http_log("warning", "not waiting any longer", "for=\"the end of a request\" queue=%d",
		         es_writer_queue_length(ledger.writer));
		_exit(EXIT_SUCCESS);
	}
	es_writer_free(ledger.writer);
	http_server_free(ledger.server);
	return EXIT_SUCCESS;
}
