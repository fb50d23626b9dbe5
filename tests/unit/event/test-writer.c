#include "event/writer.h"

#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "event/text.h"
#include "sample.h"
#include "tap.h"

#define PUT "{\"type\":\"put\",\"key\":\"a\",\"value\":1}"
#define REWIND "{\"type\":\"rewind\",\"version\":1}"
#define PAUSE "{\"type\":\"pause\"}"

/* While a batch waits in its decision, everything that comes is queued. */
static sem_t reached;
static sem_t released;

static void
wait_in_decision(void)
{
	sem_post(&reached);
	sem_wait(&released);
}

static struct es_store *
open_store(void *context)
{
	(void)context;
	return es_store_memory_new();
}

struct seen {
	struct es_text left; /* how many requests each further transaction was for */
	int batches;
	int largest;
	int most_events;
};

static void
see(void *context, const struct es_batch_report *report)
{
	struct seen *seen = context;

	seen->batches++;
	if (report->appends > seen->largest)
		seen->largest = report->appends;
	if (report->events > seen->most_events)
		seen->most_events = report->events;
}

static void
see_rest(void *context, const struct es_append *list)
{
	struct seen *seen = context;
	int count = 0;

	for (; list != NULL; list = list->next)
		count++;
	es_text_add_int64(&seen->left, count);
	es_text_add_string(&seen->left, " ");
}

static struct es_writer *
start(struct seen *seen, struct sample_request *pause)
{
	const struct es_writer_options options = { .decider = &sample_decider,
		                                   .threads = 1,
		                                   .open_store = open_store,
		                                   .hooks = { .committed = see, .context = seen } };
	struct es_writer *writer = NULL;
	struct es_error error = ES_ERROR_INIT;

	*seen = (struct seen){ 0 };
	if (es_writer_new(&options, &writer, &error) != ES_OK)
		bail("no writer: %s", error.detail);
	sample_request_begin(pause, "s", PAUSE);
	es_writer_submit(writer, &pause->append);
	sem_wait(&reached);
	return writer;
}

static void
test_queue_length(void)
{
	struct sample_request *requests = calloc(ES_QUEUE_MAX + 1, sizeof *requests);
	struct sample_request pause;
	struct seen seen;
	struct es_writer *writer = start(&seen, &pause);

	if (requests == NULL)
		bail("no memory");
	is_int(es_writer_queue_length(writer), 0, "what is decided does not wait");
	for (int i = 0; i <= ES_QUEUE_MAX; i++)
		sample_request_begin(&requests[i], "s", PUT);
	const int64_t before = es_clock_monotonic();
	for (int i = 0; i < ES_QUEUE_MAX; i++)
		es_writer_submit(writer, &requests[i].append);
	is_int(es_writer_queue_length(writer), ES_QUEUE_MAX, "8,192 requests wait");
	is_int(requests[ES_QUEUE_MAX - 1].done, 0, "the last of them too");
	ok(requests[0].append.deadline >= before + ES_APPEND_TIME &&
	           requests[0].append.deadline <= es_clock_monotonic() + ES_APPEND_TIME,
	   "for 20 s at most");
	es_writer_submit(writer, &requests[ES_QUEUE_MAX].append);
	is_int(requests[ES_QUEUE_MAX].done, 1, "one more is answered at once");
	is_int(requests[ES_QUEUE_MAX].append.result, ES_UNAVAILABLE, "unavailable");
	is_int(es_writer_queue_length(writer), ES_QUEUE_MAX, "and not queued");
	sem_post(&released);
	es_writer_free(writer);
	is_int(pause.append.result, ES_OK, "the end of the writer waits for what is under way");
	int applied = 0;
	bool in_order = true;
	for (int i = 0; i < ES_QUEUE_MAX; i++) {
		applied += requests[i].append.result == ES_OK && requests[i].done == 1 ? 1 : 0;
		in_order = in_order && requests[i].append.version == i + 2;
	}
	is_int(applied, ES_QUEUE_MAX, "and for all that wait");
	ok(in_order, "which are applied in their order");
	is_int(seen.largest, ES_BATCH_APPENDS_MAX, "the largest batch is full");
	is_int(seen.batches, 1 + ES_QUEUE_MAX / ES_BATCH_APPENDS_MAX, "there are as few as can be");
	for (int i = 0; i <= ES_QUEUE_MAX; i++)
		sample_request_done(&requests[i]);
	sample_request_done(&pause);
	free(requests);
}

static void
test_queue_bytes(void)
{
	enum { COUNT = 9 };
	struct sample_request requests[COUNT];
	struct sample_request pause;
	struct seen seen;
	struct es_writer *writer = start(&seen, &pause);

	for (int i = 0; i < COUNT; i++) {
		sample_request_begin(&requests[i], "s", PUT);
		requests[i].append.size = 8 << 20;
	}
	requests[COUNT - 1].append.size = 1;
	for (int i = 0; i < COUNT; i++)
		es_writer_submit(writer, &requests[i].append);
	is_int(es_writer_queue_length(writer), COUNT - 1, "64 MiB of requests wait");
	is_int(requests[COUNT - 1].append.result, ES_UNAVAILABLE, "one byte more is refused");
	is_int(requests[COUNT - 1].done, 1, "at once");
	sem_post(&released);
	es_writer_free(writer);
	is_int(seen.largest, 2, "a batch holds 16 MiB of them");
	for (int i = 0; i < COUNT; i++)
		sample_request_done(&requests[i]);
	sample_request_done(&pause);
}

static void
test_batch_commands(void)
{
	enum { COUNT = 5, COMMANDS = 1000 };
	struct sample_request requests[COUNT];
	struct sample_request pause;
	struct seen seen;
	struct es_writer *writer = start(&seen, &pause);
	struct es_text body = ES_TEXT_INIT;

	es_text_add_string(&body, "[");
	for (int i = 0; i < COMMANDS; i++)
		es_text_add_string(&body, i == 0 ? PUT : "," PUT);
	es_text_add_string(&body, "]");
	for (int i = 0; i < COUNT; i++) {
		sample_request_begin(&requests[i], "s", body.bytes);
		es_writer_submit(writer, &requests[i].append);
	}
	sem_post(&released);
	es_writer_free(writer);
	is_int(seen.most_events, ES_BATCH_COMMANDS_MAX, "a batch holds 2,000 commands");
	is_int(seen.batches, 4, "five arrays of 1,000 take three, after the first");
	for (int i = 0; i < COUNT; i++) {
		is_int(requests[i].append.result, ES_OK, "each is applied");
		sample_request_done(&requests[i]);
	}
	sample_request_done(&pause);
	es_text_done(&body);
}

/* One request larger than any batch may be still has its turn. */
static void
test_larger_than_a_batch(void)
{
	struct sample_request request;
	struct sample_request pause;
	struct seen seen;
	struct es_writer *writer = start(&seen, &pause);

	sample_request_begin(&request, "s", PUT);
	request.append.size = ES_BATCH_BYTES_MAX + 1;
	es_writer_submit(writer, &request.append);
	sem_post(&released);
	es_writer_free(writer);
	is_int(request.append.result, ES_OK, "a request larger than a batch is applied alone");
	sample_request_done(&request);
	sample_request_done(&pause);
	es_writer_free(NULL);
}

/*
 * What one thread can do alone is done by the first.  Here each has a log of its own, whose versions tell how much came
 * to it; the second may be quicker now and then, when it was called while the first was still busy.
 */
static void
test_first_thread(void)
{
	enum { COUNT = 100 };
	const struct es_writer_options options = { .decider = &sample_decider, .threads = 2, .open_store = open_store };
	struct es_writer *writer = NULL;
	struct es_error error = ES_ERROR_INIT;
	int64_t most = 0;

	if (es_writer_new(&options, &writer, &error) != ES_OK)
		bail("no writer: %s", error.detail);
	for (int i = 0; i < COUNT; i++) {
		struct sample_request request;
		sample_request_begin(&request, "s", PUT);
		es_writer_submit(writer, &request.append);
		while (request.done == 0)
			poll(NULL, 0, 1);
		if (request.append.version > most)
			most = request.append.version;
		sample_request_done(&request);
	}
	es_writer_free(writer);
	ok(most > COUNT * 3 / 4, "requests that come one by one are the first thread's (%lld of %d)", (long long)most,
	   COUNT);
}

/* A great rewind comes after what others want, whatever its place in the queue; a small one shares their batch. */
static void
test_great_rewinds(void)
{
	struct seen seen = { .left = ES_TEXT_INIT };
	const struct es_batch_hooks hooks = { .committed = see, .goes_on = see_rest, .context = &seen };
	struct es_store *store = es_store_memory_new();
	struct es_text body = ES_TEXT_INIT;

	es_text_add_string(&body, "[");
	for (int i = 0; i < 1000; i++) {
		es_text_add_string(&body, i == 0 ? "" : ",");
		es_text_add_string(&body, "{\"type\":\"put\",\"value\":1,\"key\":\"k");
		es_text_add_int64(&body, i);
		es_text_add_string(&body, "\"}");
	}
	es_text_add_string(&body, "]");
	is_int(sample_do(store, "great", body.bytes, NULL), ES_OK, "1,000 facts");
	is_int(sample_do(store, "great", PUT, NULL), ES_OK, "and one more");
	is_int(sample_do(store, "more", body.bytes, NULL), ES_OK, "the same elsewhere");
	is_int(sample_do(store, "more", PUT, NULL), ES_OK, "and one more");
	is_int(sample_do(store, "other", PUT, NULL), ES_OK, "something small to rewind");

	struct {
		const char *stream;
		const char *body;
		int order;
	} const wanted[] = {
		{ "great", REWIND, 4 }, { "great", PUT, 5 },    { "other", PUT, 1 },
		{ "more", REWIND, 6 },  { "other", REWIND, 2 }, { "new", PUT, 3 },
	};
	enum { COUNT = sizeof wanted / sizeof wanted[0] };
	struct sample_request requests[COUNT];
	for (int i = 0; i < COUNT; i++)
		sample_request_begin(&requests[i], wanted[i].stream, wanted[i].body);
	sample_apply(store, requests, COUNT, &hooks);
	const int first = requests[2].order - 1;
	for (int i = 0; i < COUNT; i++) {
		is_int(requests[i].append.result, ES_OK, "each of six is applied");
		is_int(requests[i].order - first, wanted[i].order, "in its turn");
		sample_request_done(&requests[i]);
	}
	is_int(seen.batches, 4, "each great rewind had a transaction for itself, and what came behind it too");
	is_string(seen.left.bytes, "3 2 1 ", "who has an answer is not among those for whom it goes on");
	es_text_done(&seen.left);

	/* who writes nothing does not wait for a great rewind, nor is locked out by one */
	for (int i = 0; i < 2; i++) {
		is_int(sample_do(store, i == 0 ? "great" : "more", body.bytes, NULL), ES_OK, "1,000 facts again");
		is_int(sample_do(store, i == 0 ? "great" : "more", PUT, NULL), ES_OK, "and one more");
	}
	static const char *const streams[] = { "great", "other", "more" };
	for (int i = 0; i < 3; i++)
		sample_request_begin(&requests[i], streams[i], i == 1 ? "{\"type\":\"refuse\"}" : REWIND);
	sample_apply(store, requests, 3, NULL);
	ok(requests[1].order < requests[0].order && requests[0].order < requests[2].order,
	   "who is refused hears so before two great rewinds, which come in their order");
	ok(requests[0].append.result == ES_OK && requests[1].append.result == ES_REFUSED &&
	           requests[2].append.result == ES_OK,
	   "each has its result");
	for (int i = 0; i < 3; i++)
		sample_request_done(&requests[i]);

	es_text_done(&body);
	es_store_free(store);
}

int
main(void)
{
	sem_init(&reached, 0, 0);
	sem_init(&released, 0, 0);
	sample_pause = wait_in_decision;
	test_queue_length();
	test_queue_bytes();
	test_batch_commands();
	test_larger_than_a_batch();
	test_first_thread();
	test_great_rewinds();
	return done_testing();
}
