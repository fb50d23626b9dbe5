#include "event/batch.h"

#include <poll.h>
#include <stdlib.h>

#include "event/clock.h"
#include "event/round.h"

/* How often those who wait hear that the store is away: they are to know within a second. */
#define AWAY_INTERVAL (200 * ES_MILLISECOND)

/* How a round ended. */
enum outcome {
	SETTLED, /* every request but the deferred has its result */
	SPLIT,   /* some request's data is at fault: try them one by one */
};

static void
tell_away(const struct es_round *round)
{
	if (round->hooks->away != NULL)
		round->hooks->away(round->hooks->context, &round->error);
}

/* Waits until the store may be tried again, telling all along that it is away.  False: the deadline comes first. */
static bool
wait_for_store(const struct es_round *round)
{
	const int64_t next = round->store->operations->next_attempt(round->store);

	if (next >= round->batch.deadline)
		return false;
	/* once at the least, so that a store that fails at once is not asked without a pause */
	do {
		const int64_t soon = es_clock_monotonic() + AWAY_INTERVAL;
		tell_away(round);
		poll(NULL, 0, es_clock_poll_timeout(next > es_clock_monotonic() && next < soon ? next : soon));
	} while (es_clock_monotonic() < next);
	return es_clock_monotonic() < round->batch.deadline;
}

static enum es_result
fail_unknown(struct es_round *round)
{
	return es_fail(
		&round->error, ES_OUTCOME_UNKNOWN, NULL,
		"the database went away during the commit; send the request again with the same Idempotency-Key");
}

/* The connection died around the commit: finds out whether the batch is there.  ES_OK, ES_NOT_FOUND, or unknown. */
static enum es_result
recover(struct es_round *round)
{
	for (;;) {
		const enum es_result found = round->store->operations->find(round->store, &round->batch, &round->error);
		if (found == ES_OK || found == ES_NOT_FOUND)
			return found;
		if (!wait_for_store(round))
			return fail_unknown(round);
	}
}

/* One transaction.  ES_OK: durable, or nothing to write.  ES_CONFLICT: to be run again, certain. */
static enum es_result
run_transaction(struct es_round *round, bool certain)
{
	const struct es_store_operations *operations = round->store->operations;
	struct es_batch *batch = &round->batch;
	const int64_t started = es_clock_monotonic();

	if (!es_round_prepare(round)) {
		if (round->lingers)
			operations->abort(round->store);
		return es_fail(&round->error, ES_FAILED, NULL, "no memory for a batch");
	}
	batch->certain = certain;
	const enum es_result begun = operations->begin(round->store, batch, &round->error);
	if (begun != ES_OK)
		return begun;
	const int64_t decided = es_clock_monotonic();
	es_round_decide(round);
	if (batch->remembered && !es_round_accepts_all(round))
		return ES_CONFLICT; /* only what is written is checked: a refusal might be out of date */
	if (batch->event_count == 0 && batch->answer_count == 0) {
		operations->abort(round->store);
		return ES_OK;
	}
	enum es_result result = operations->commit(round->store, batch, &round->error);
	if (result == ES_OUTCOME_UNKNOWN)
		result = recover(round);
	if (result == ES_OK && round->hooks->committed != NULL)
		round->hooks->committed(round->hooks->context, &(struct es_batch_report){
								       .appends = round->count,
								       .events = batch->event_count,
								       .begin_time = decided - started,
								       .commit_time = es_clock_monotonic() - decided,
							       });
	return result;
}

/* Runs the round's transaction until it is durable, or known not to be, or neither can be had in time. */
static enum es_result
settle(struct es_round *round)
{
	bool tried_again = false;
	bool certain = false;

	round->lingers = false;
	for (;;) {
		enum es_result result = run_transaction(round, certain);
		const bool has_time = es_clock_monotonic() < round->batch.deadline;
		const bool again = result == ES_NOT_FOUND || result == ES_CONFLICT;
		/* it could not come to be while the transaction just tried held its locks, but can since then */
		if (round->lingers && result != ES_OK && result != ES_REFUSED)
			return fail_unknown(round);
		round->lingers = result == ES_NOT_FOUND && round->batch.remembered;
		certain = certain || result == ES_CONFLICT;
		/* a connection may have died while it lay idle: a fresh one is worth one try */
		const bool fresh = result == ES_UNAVAILABLE && !tried_again;
		tried_again = tried_again || fresh;
		if (has_time && (again || fresh))
			continue;
		if (round->lingers) {
			round->store->operations->abort(round->store);
			return fail_unknown(round);
		}
		if (again)
			result = es_fail(&round->error, ES_UNAVAILABLE, NULL,
			                 "there was no time left to apply it; try again in a moment");
		return result;
	}
}

static enum outcome
run_round(struct es_round *round)
{
	enum es_result result = settle(round);

	/* its key may have come with a request to another stream a moment ago: that is known by now */
	if (result == ES_REFUSED && round->count == 1 && round->entries[0].append->keyed)
		result = settle(round);
	if (result == ES_OK) {
		es_round_answer(round);
		return SETTLED;
	}
	if (result != ES_UNAVAILABLE && result != ES_OUTCOME_UNKNOWN && round->count > 1)
		return SPLIT;
	if (result == ES_UNAVAILABLE)
		tell_away(round);
	es_round_fail(round, result);
	return SETTLED;
}

/* Takes the first count requests off the list. */
static int
take(struct es_entry *entries, int count, struct es_append **list)
{
	int taken = 0;

	while (*list != NULL && taken < count) {
		entries[taken++] = (struct es_entry){ .append = *list };
		*list = (*list)->next;
	}
	return taken;
}

/* The requests that a round left for the next, linked in their order. */
static struct es_append *
deferred(const struct es_round *round)
{
	struct es_append *first = NULL;
	struct es_append **end = &first;

	for (int i = 0; i < round->count; i++) {
		if (round->entries[i].state != ES_ENTRY_DEFERRED)
			continue;
		*end = round->entries[i].append;
		end = &(*end)->next;
	}
	*end = NULL;
	return first;
}

/* Whether all that is left waits for, or is, a rewind that may take long. */
static bool
are_great(const struct es_round *round)
{
	for (int i = 0; i < round->count; i++) {
		const struct es_entry *entry = &round->entries[i];
		if (entry->state == ES_ENTRY_DEFERRED && !round->batch.streams[entry->stream].deferred)
			return false;
	}
	return true;
}

static struct es_append *
join(struct es_append *list, struct es_append *rest)
{
	struct es_append *last = list;

	if (list == NULL)
		return rest;
	while (last->next != NULL)
		last = last->next;
	last->next = rest;
	return list;
}

static void
fail_list(struct es_append *list)
{
	struct es_error error = ES_ERROR_INIT;

	es_fail(&error, ES_FAILED, NULL, "no memory for a batch");
	while (list != NULL) {
		struct es_append *append = list;
		list = append->next; /* done may free it */
		es_append_finish(append, ES_FAILED, &error);
	}
}

void
es_batch_apply(struct es_store *store, const struct es_decider *decider, struct es_append *list,
               const struct es_batch_hooks *hooks)
{
	static const struct es_batch_hooks no_hooks;
	int count = 0;

	for (const struct es_append *append = list; append != NULL; append = append->next)
		count++;
	struct es_entry *entries = calloc((size_t)count + 1, sizeof *entries);
	if (entries == NULL) {
		fail_list(list);
		return;
	}
	struct es_round round = {
		.store = store, .decider = decider, .hooks = hooks == NULL ? &no_hooks : hooks, .entries = entries
	};
	int at_once = count; /* one by one after a batch whose data was at fault */
	bool alone = false;
	while (list != NULL) {
		round.error = ES_ERROR_INIT;
		struct es_append *const first = list;
		round.count = take(entries, alone ? 1 : at_once, &list);
		if (run_round(&round) == SPLIT) {
			list = first;
			at_once = 1;
			continue;
		}
		struct es_append *const left = deferred(&round);
		/* the first of great rewinds is next: it locks its own stream and no other */
		alone = left != NULL && are_great(&round);
		list = join(left, list);
		if (list != NULL && round.hooks->goes_on != NULL)
			round.hooks->goes_on(round.hooks->context, list);
	}
	es_round_forget(&round);
	free(entries);
}
