/*
 * tests/unit/event/model.h - what a stream is, straight from the definition.
 *
 * A list of events with a base each; S(0) is empty, S(v) is event v applied to S(base(v)), and a rewind changes nothing
 * else.  Everything is worked out anew from the list each time it is asked: too simple to be wrong, too slow to use.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "event/result.h"
#include "event/uuid.h"

struct json_object;

enum { MODEL_EVENTS_MAX = 200, MODEL_FACTS_MAX = 400 };

struct model_event {
	int64_t base;
	struct json_object *steps; /* owned; NULL for a rewind */
	const char *type;
	char id[ES_UUID_TEXT_SIZE];
};

/* Start from { 0 }. */
struct model {
	struct model_event events[MODEL_EVENTS_MAX + 1]; /* event v at v */
	int64_t head;
};

struct model_fact {
	char key[64];
	char value[64];
	int64_t origin;
};

struct model_state {
	struct model_fact facts[MODEL_FACTS_MAX]; /* by place: origin, then key */
	int count;
};

void model_done(struct model *model);

/* S(version). */
void model_state(const struct model *model, int64_t version, struct model_state *ret_state);

/* The same as the text that sample_state makes.  New. */
char *model_state_text(const struct model *model, int64_t version);

/* Whether event is on the chain head, base(head), base(base(head)) ... */
bool model_is_active(const struct model *model, int64_t head, int64_t event);

/*
 * Applies a request, one command object of the sample decider or an array of them: all of its events are added (their
 * ids still empty), or none.
 */
enum es_result model_apply(struct model *model, struct json_object *body);

#endif
