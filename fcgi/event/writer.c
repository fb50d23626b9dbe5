/*
 * Transactions of one process are serial by choice: a second one at the same time would only make both smaller, and
 * wait for the same locks (measured: neither that, nor beginning one while the last is still being answered, nor
 * waiting a little for more gains anything).  Only one that takes long, a great rewind, is overtaken by what is for
 * other streams.  The first thread does whatever it can: its connection's caches stay warm, here and in the server
 * (measured: one thread applies 6 per cent more commands from one client than two in turns).
 */
#include "event/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "event/clock.h"

/* After this long a transaction is overtaken: several times what one takes, and shorter than people notice. */
#define TURN_TIME (20 * ES_MILLISECOND)

struct worker {
	struct es_writer *writer;
	struct es_store *store;
	pthread_t thread;
	bool started;
	_Atomic int64_t reconnects; /* as of its last batch: the store is this thread's alone */

	/* --- under the writer's lock --- */
	pthread_cond_t called;
	bool resting;                           /* until there is something for it */
	bool away;                              /* its store was, when last heard of */
	bool running;                           /* a transaction: from taking its batch until it is durable */
	int64_t since;                          /* monotonic */
	uint64_t streams[ES_BATCH_APPENDS_MAX]; /* hashes of names; two that share one only wait for each other */
	int stream_count;
};

struct es_writer {
	struct es_writer_options options;
	struct worker *workers;

	pthread_mutex_t lock; /* of all below */
	int starving;         /* threads that rest because nothing of what waits can be had */
	struct es_append *first;
	struct es_append **end;
	int length;
	size_t size; /* bytes of the requests that wait */
	bool stopping;
};

/* --- resting --- */

/* Ends the rest of one worker, or of all.  Called under the lock. */
static void
call(struct es_writer *writer, bool all)
{
	for (int i = 0; i < writer->options.threads; i++) {
		struct worker *worker = &writer->workers[i];
		if (!worker->resting)
			continue;
		worker->resting = false;
		pthread_cond_signal(&worker->called);
		if (!all)
			return;
	}
}

/* Called under the lock. */
static void
rest(struct worker *worker)
{
	worker->resting = true;
	while (worker->resting)
		pthread_cond_wait(&worker->called, &worker->writer->lock);
}

/* --- the queue --- */

void
es_writer_submit(struct es_writer *writer, struct es_append *append)
{
	struct es_error error = ES_ERROR_INIT;

	append->deadline = es_clock_monotonic() + ES_APPEND_TIME;
	append->next = NULL;
	pthread_mutex_lock(&writer->lock);
	const bool full = writer->length >= ES_QUEUE_MAX || writer->size + append->size > ES_QUEUE_BYTES_MAX;
	const bool refused = full || writer->stopping;
	if (!refused) {
		/* one thread is enough, and it need not be told twice */
		if (writer->first == NULL || writer->starving > 0)
			call(writer, false);
		*writer->end = append;
		writer->end = &append->next;
		writer->length++;
		writer->size += append->size;
	}
	pthread_mutex_unlock(&writer->lock);
	if (refused) {
		es_fail(&error, ES_UNAVAILABLE, NULL,
		        full ? "too many requests are waiting; try again in a moment"
		             : "this server is stopping; try again in a moment");
		es_append_finish(append, ES_UNAVAILABLE, &error);
	}
}

/* Whether a transaction under way is about the stream: its own next one has to wait. */
static bool
is_busy(const struct es_writer *writer, uint64_t stream)
{
	for (int i = 0; i < writer->options.threads; i++) {
		const struct worker *worker = &writer->workers[i];
		for (int n = 0; worker->running && n < worker->stream_count; n++)
			if (worker->streams[n] == stream)
				return true;
	}
	return false;
}

/*
 * Takes the oldest requests off the queue, as many as a batch may hold, without those whose stream is busy.  NULL:
 * there is none.  Called under the lock.
 */
static struct es_append *
take_batch(struct es_writer *writer, struct worker *worker)
{
	struct es_append **at = &writer->first;
	struct es_append *list = NULL;
	struct es_append **list_end = &list;
	int commands = 0;
	size_t size = 0;

	worker->stream_count = 0;
	while (*at != NULL && worker->stream_count < ES_BATCH_APPENDS_MAX) {
		struct es_append *append = *at;
		const uint64_t stream = es_stream_hash(append->stream);
		if (is_busy(writer, stream)) {
			at = &append->next;
			continue;
		}
		commands += append->commands.count;
		size += append->size;
		if (list != NULL && (commands > ES_BATCH_COMMANDS_MAX || size > ES_BATCH_BYTES_MAX))
			break;
		*at = append->next;
		*list_end = append;
		list_end = &append->next;
		worker->streams[worker->stream_count++] = stream;
		writer->length--;
		writer->size -= append->size;
	}
	*list_end = NULL;
	while (*at != NULL)
		at = &(*at)->next;
	writer->end = at;
	return list;
}

/* Called under the lock. */
static bool
all_away(const struct es_writer *writer)
{
	for (int i = 0; i < writer->options.threads; i++)
		if (!writer->workers[i].away)
			return false;
	return true;
}

/*
 * A worker cannot reach the store.  Once none of them can, those who wait hear so now, rather than after their turn;
 * until then another one takes them.
 */
static void
refuse_waiting(void *context, const struct es_error *error)
{
	struct worker *worker = context;
	struct es_writer *writer = worker->writer;
	struct es_append *list = NULL;

	pthread_mutex_lock(&writer->lock);
	worker->away = true;
	if (all_away(writer)) {
		list = writer->first;
		writer->first = NULL;
		writer->end = &writer->first;
		writer->length = 0;
		writer->size = 0;
	}
	pthread_mutex_unlock(&writer->lock);
	while (list != NULL) {
		struct es_append *append = list;
		list = append->next;
		es_append_finish(append, ES_UNAVAILABLE, error);
	}
	if (writer->options.hooks.away != NULL)
		writer->options.hooks.away(writer->options.hooks.context, error);
}

/* What is no longer on its list, the streams of a batch that goes on are free for others. */
static void
keep_streams(void *context, const struct es_append *list)
{
	struct worker *worker = context;
	struct es_writer *writer = worker->writer;

	pthread_mutex_lock(&writer->lock);
	worker->stream_count = 0;
	for (; list != NULL; list = list->next)
		worker->streams[worker->stream_count++] = es_stream_hash(list->stream);
	if (writer->starving > 0)
		call(writer, true);
	pthread_mutex_unlock(&writer->lock);
}

static void
pass_committed(void *context, const struct es_batch_report *report)
{
	const struct worker *worker = context;
	struct es_writer *writer = worker->writer;
	const struct es_batch_hooks *hooks = &writer->options.hooks;

	/* what one of them reaches, all do: what the others heard last may be long ago */
	pthread_mutex_lock(&writer->lock);
	for (int i = 0; i < writer->options.threads; i++)
		writer->workers[i].away = false;
	pthread_mutex_unlock(&writer->lock);
	if (hooks->committed != NULL)
		hooks->committed(hooks->context, report);
}

/* --- turns --- */

/* Called under the lock. */
static void
finish_turn(struct worker *worker)
{
	worker->running = false;
	if (worker->writer->starving > 0)
		call(worker->writer, true); /* its streams' requests can be had again */
}

/* When the youngest transaction under way may be overtaken (monotonic); 0: none is under way. */
static int64_t
turn_comes_at(const struct es_writer *writer)
{
	int64_t turn = 0;

	for (int i = 0; i < writer->options.threads; i++) {
		const struct worker *worker = &writer->workers[i];
		if (worker->running && worker->since + TURN_TIME > turn)
			turn = worker->since + TURN_TIME;
	}
	return turn;
}

/* Whoever has a transaction under way takes what waits when it is through, and need not tell.  Called under the lock.
 */
static void
wait_until(struct worker *worker, int64_t deadline)
{
	const struct timespec time = { .tv_sec = (time_t)(deadline / ES_SECOND),
		                       .tv_nsec = (long)(deadline % ES_SECOND * 1000) };

	pthread_cond_timedwait(&worker->called, &worker->writer->lock, &time);
}

/* Waits until there is a batch for worker and it is its turn.  NULL: the writer stops, and nothing is left to do. */
static struct es_append *
next_batch(struct es_writer *writer, struct worker *worker)
{
	for (;;) {
		if (writer->first == NULL) {
			if (writer->stopping)
				return NULL;
			rest(worker);
			continue;
		}
		const int64_t turn = turn_comes_at(writer);
		if (turn > es_clock_monotonic()) {
			wait_until(worker, turn);
			continue;
		}
		struct es_append *batch = take_batch(writer, worker);
		if (batch != NULL)
			return batch;
		/* all that waits is for streams of a transaction that takes long */
		writer->starving++;
		rest(worker);
		writer->starving--;
	}
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct es_writer *writer = worker->writer;
	const struct es_batch_hooks hooks = {
		.committed = pass_committed, .away = refuse_waiting, .goes_on = keep_streams, .context = worker
	};

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		struct es_append *batch = next_batch(writer, worker);
		if (batch == NULL)
			break;
		worker->running = true;
		worker->since = es_clock_monotonic();
		pthread_mutex_unlock(&writer->lock);
		es_batch_apply(worker->store, writer->options.decider, batch, &hooks);
		worker->reconnects = worker->store->operations->reconnects(worker->store);
		pthread_mutex_lock(&writer->lock);
		finish_turn(worker);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- the writer --- */

static void
init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum es_result
es_writer_new(const struct es_writer_options *options, struct es_writer **ret_writer, struct es_error *error)
{
	struct es_writer *writer = calloc(1, sizeof *writer);

	if (writer == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for the writer");
	writer->options = *options;
	writer->end = &writer->first;
	pthread_mutex_init(&writer->lock, NULL);
	writer->workers = calloc((size_t)options->threads, sizeof *writer->workers);
	bool started = writer->workers != NULL;
	for (int i = 0; writer->workers != NULL && i < options->threads; i++) {
		struct worker *worker = &writer->workers[i];
		worker->writer = writer;
		init_condition(&worker->called);
		worker->store = started ? options->open_store(options->context) : NULL;
		worker->started = worker->store != NULL && pthread_create(&worker->thread, NULL, work, worker) == 0;
		started = worker->started;
	}
	if (!started) {
		es_writer_free(writer);
		return es_fail(error, ES_FAILED, NULL, "cannot start the writer's threads");
	}
	*ret_writer = writer;
	return ES_OK;
}

int
es_writer_queue_length(struct es_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	const int length = writer->length;
	pthread_mutex_unlock(&writer->lock);
	return length;
}

int64_t
es_writer_reconnects(struct es_writer *writer)
{
	int64_t reconnects = 0;

	for (int i = 0; i < writer->options.threads; i++)
		reconnects += writer->workers[i].reconnects;
	return reconnects;
}

void
es_writer_free(struct es_writer *writer)
{
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	if (writer->workers != NULL)
		call(writer, true);
	pthread_mutex_unlock(&writer->lock);
	for (int i = 0; writer->workers != NULL && i < writer->options.threads; i++) {
		if (writer->workers[i].started)
			pthread_join(writer->workers[i].thread, NULL);
		es_store_free(writer->workers[i].store);
		pthread_cond_destroy(&writer->workers[i].called);
	}
	free(writer->workers);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
