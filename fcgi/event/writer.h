/*
 * event/writer.h - the threads that apply what a program's callers ask for, as batches.
 *
 * Requests queue up while a batch is being committed; the next batch takes all that wait, within bounds.
 */
#ifndef ES_WRITER_H
#define ES_WRITER_H

#include "event/batch.h"

struct es_writer;

enum {
	ES_QUEUE_MAX = 8192,           /* requests waiting: a few seconds' work; beyond, callers should slow down */
	ES_QUEUE_BYTES_MAX = 64 << 20, /* of them together: eight of the largest */
	ES_BATCH_APPENDS_MAX = 256,    /* more would lengthen the wait of the first without saving much of an fsync */
	ES_BATCH_COMMANDS_MAX = 2000,  /* two full arrays */
	ES_BATCH_BYTES_MAX = 16 << 20, /* what one transaction sends at once */
};

struct es_writer_options {
	const struct es_decider *decider; /* borrowed */
	int threads;
	struct es_store *(*open_store)(void *context); /* one for each thread; NULL: no memory */
	struct es_batch_hooks hooks;                   /* called on the writer's threads */
	void *context;                                 /* for open_store */
};

/* Starts the threads.  Takes options by copy. */
ES_MUST_CHECK enum es_result es_writer_new(const struct es_writer_options *options, struct es_writer **ret_writer,
                                           struct es_error *error);

/*
 * Queues append and returns at once; done is called later, on a writer's thread - or before this returns, where the
 * queue is full or the writer stops (ES_UNAVAILABLE).  Sets the deadline.  Borrows append until done.
 */
void es_writer_submit(struct es_writer *writer, struct es_append *append);

/* Requests that wait, without those of a batch under way. */
int es_writer_queue_length(struct es_writer *writer);

/* Connections made after the first of each thread. */
int64_t es_writer_reconnects(struct es_writer *writer);

/* Applies what is queued, joins the threads, frees.  NULL is fine. */
void es_writer_free(struct es_writer *writer);

#endif
