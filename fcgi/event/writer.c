#include "event/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "event/clock.h"

struct worker {
	struct es_writer *writer;
	struct es_store *store;
	pthread_t thread;
	bool started;
	_Atomic int64_t reconnects; /* as of its last batch: the store is this thread's alone */
};

struct es_writer {
	struct es_writer_options options;
	struct worker *workers;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t waiting;
	struct es_append *first;
	struct es_append **end;
	int length;
	size_t size; /* bytes of the requests that wait */
	bool stopping;
};

static void
refuse(struct es_append *append, const struct es_error *error)
{
	append->result = ES_UNAVAILABLE;
	append->error = *error;
	append->events = NULL;
	append->event_count = 0;
	append->done(append);
}

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
		*writer->end = append;
		writer->end = &append->next;
		writer->length++;
		writer->size += append->size;
		pthread_cond_signal(&writer->waiting);
	}
	pthread_mutex_unlock(&writer->lock);
	if (refused) {
		es_fail(&error, ES_UNAVAILABLE, NULL,
		        full ? "too many requests are waiting; try again in a moment"
		             : "this server is stopping; try again in a moment");
		refuse(append, &error);
	}
}

/* Takes the oldest requests off the queue, as many as a batch may hold: at least one.  Called under the lock. */
static struct es_append *
take_batch(struct es_writer *writer)
{
	struct es_append *const list = writer->first;
	struct es_append *last = NULL;
	int appends = 0;
	int commands = 0;
	size_t size = 0;

	for (struct es_append *append = list; append != NULL; append = append->next) {
		appends++;
		commands += append->commands.count;
		size += append->size;
		if (last != NULL && (appends > ES_BATCH_APPENDS_MAX || commands > ES_BATCH_COMMANDS_MAX ||
		                     size > ES_BATCH_BYTES_MAX))
			break;
		last = append;
		writer->length--;
		writer->size -= append->size;
	}
	if (last == NULL)
		return NULL;
	writer->first = last->next;
	if (writer->first == NULL)
		writer->end = &writer->first;
	last->next = NULL;
	return list;
}

/* Nobody can be reached: those who wait hear so now, rather than after their turn. */
static void
refuse_waiting(void *context, const struct es_error *error)
{
	struct es_writer *writer = context;

	pthread_mutex_lock(&writer->lock);
	struct es_append *list = writer->first;
	writer->first = NULL;
	writer->end = &writer->first;
	writer->length = 0;
	writer->size = 0;
	pthread_mutex_unlock(&writer->lock);
	while (list != NULL) {
		struct es_append *append = list;
		list = append->next;
		refuse(append, error);
	}
	if (writer->options.hooks.away != NULL)
		writer->options.hooks.away(writer->options.hooks.context, error);
}

static void
pass_committed(void *context, const struct es_batch_report *report)
{
	const struct es_writer *writer = context;

	if (writer->options.hooks.committed != NULL)
		writer->options.hooks.committed(writer->options.hooks.context, report);
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct es_writer *writer = worker->writer;
	const struct es_batch_hooks hooks = {
		.committed = pass_committed, .away = refuse_waiting, .context = writer
	};

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (writer->first == NULL && !writer->stopping)
			pthread_cond_wait(&writer->waiting, &writer->lock);
		struct es_append *batch = take_batch(writer);
		if (batch == NULL)
			break;
		pthread_mutex_unlock(&writer->lock);
		es_batch_apply(worker->store, writer->options.decider, batch, &hooks);
		worker->reconnects = worker->store->operations->reconnects(worker->store);
		pthread_mutex_lock(&writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
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
	pthread_cond_init(&writer->waiting, NULL);
	writer->workers = calloc((size_t)options->threads, sizeof *writer->workers);
	bool started = writer->workers != NULL;
	for (int i = 0; started && i < options->threads; i++) {
		struct worker *worker = &writer->workers[i];
		worker->writer = writer;
		worker->store = options->open_store(options->context);
		worker->started =
		        worker->store != NULL && pthread_create(&worker->thread, NULL, work, worker) == 0;
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
	pthread_cond_broadcast(&writer->waiting);
	pthread_mutex_unlock(&writer->lock);
	for (int i = 0; writer->workers != NULL && i < writer->options.threads; i++) {
		if (writer->workers[i].started)
			pthread_join(writer->workers[i].thread, NULL);
		es_store_free(writer->workers[i].store);
	}
	free(writer->workers);
	pthread_cond_destroy(&writer->waiting);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
