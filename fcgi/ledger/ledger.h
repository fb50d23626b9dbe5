/*
 * ledger/ledger.h - what the parts of ledger.fcgi share.
 *
 * routes.c says which function answers which path; the rest answers.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "event/store.h"
#include "event/writer.h"
#include "http/metrics.h"
#include "http/request.h"
#include "http/server.h"

enum {
	LEDGER_BODY_MAX = 8 << 20,   /* bytes: an array of 1000 commands with long contents */
	LEDGER_ITEMS_DEFAULT = 1000, /* items, differences or ledgers on a page */
	LEDGER_ITEMS_MAX = 10000,
	LEDGER_EVENTS_DEFAULT = 50,
	LEDGER_EVENTS_MAX = 1000,
	LEDGER_SEARCH_MAX = 100, /* characters of q */
	LEDGER_ACTOR_MAX = 256,  /* bytes of a verified name */
	LEDGER_TAG_SIZE = 64,    /* an entity tag with its quotes: "<version>-<log>" */
};

/* The program: one for the process. */
struct ledger {
	const char *database; /* a libpq connection string */
	struct es_writer *writer;
	struct http_server *server;
	/* of the batches */
	struct http_histogram batch_requests;
	struct http_histogram batch_events;
	struct http_histogram begin_time;
	struct http_histogram commit_time;
	_Atomic int64_t outages; /* times the writer found the database away */
	_Atomic bool is_away;    /* and nothing was committed since */
};

extern const struct http_route ledger_routes[];

/* Of each thread of the server: its own store. */
void *ledger_thread_start(void *application);
void ledger_thread_stop(void *local);

/* The ledger's name from the path, or NULL after answering 404. */
const char *ledger_name(struct http_request *request);

/* The head of the request's ledger, or false after answering. */
bool ledger_read_head(struct http_request *request, struct es_store *store, struct es_head *ret_head);

/* Whether the states of head's ledger include version, or false after answering 404 or 410. */
bool ledger_has_version(struct http_request *request, const struct es_head *head, int64_t version, const char *field);

/* An optional whole-number parameter of at least least (*number keeps its value where it is absent), or false after
 * 400. */
bool ledger_number_parameter(struct http_request *request, const char *name, int64_t least, int64_t most,
                             int64_t *number);

/* "<version>-<log>" with its quotes.  Returns tag. */
char *ledger_tag(int64_t version, const char *log, char tag[static LEDGER_TAG_SIZE]);

/* Adds the ETag, and answers 304 (true) where the request has it already. */
bool ledger_not_modified(struct http_request *request, const char *tag);

/* The verified name of who is asking, borrowed from the request; NULL where nobody is signed in. */
ES_MUST_CHECK enum es_result ledger_actor(const struct http_request *request, const char **ret_actor,
                                          struct es_error *error);

/* Whether who is asking may change anything.  A site that says nothing about it has no guests: everybody may. */
bool ledger_is_writable(const struct http_request *request);

/* True: who is asking may not change anything, and was told so (403). */
bool ledger_refuse_reader(struct http_request *request);

http_handler ledger_post_commands;
http_handler ledger_get_head;
http_handler ledger_get_state;
http_handler ledger_get_state_at;
http_handler ledger_get_events;
http_handler ledger_get_event;
http_handler ledger_get_diff;
http_handler ledger_get_ledgers;
http_handler ledger_get_session;
http_handler ledger_get_health;
http_handler ledger_get_metrics;

#endif
