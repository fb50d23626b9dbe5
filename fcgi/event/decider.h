/*
 * event/decider.h - what an application implements.
 *
 * An application is two tables: the commands it accepts and the events it records (the decider of J. Chassaing:
 * decide: command x state -> events, evolve: state x event -> state).  Its state is a set of facts: JSON values under
 * text keys.  Storage, order, rewinds, idempotency and retries are the library's.
 */
#ifndef ES_DECIDER_H
#define ES_DECIDER_H

#include <stddef.h>
#include <stdint.h>

#include "event/result.h"

struct json_object;
struct es_decision; /* the events decided so far */
struct es_facts;    /* the facts of one stream, as far as the commands asked for them */
struct es_keys;     /* the keys of the facts a command is going to ask for */

enum {
	ES_COMMANDS_MAX = 1000, /* in one array: an answer stays small enough to send at once */
	ES_EVENTS_MAX = 1000,   /* that one command may decide, for the same reason */
	ES_KEY_MAX = 512,       /* bytes of a fact's key: three times as much would not fit an index entry */
	ES_LIVE_MAX = 100000,   /* facts alive in one stream: what a page can still list and a rewind change */
};

#define ES_REWIND "rewind"   /* the command that the library answers itself: {"type":"rewind","version":3} */
#define ES_REWOUND "rewound" /* the event it records: {"version":3} */

/* One event being recorded.  Borrowed: valid only during the call it is passed to. */
struct es_event {
	int64_t version;
	const char *id; /* text of a uuid: a key that nobody has used before */
	const char *type;
	struct json_object *data;
};

/* A kind of command; named in the imperative: "append". */
struct es_command_type {
	const char *name;
	size_t size; /* of the parsed command in bytes; the library allocates it, zeroed; 0 where it has no members */

	/*
	 * Fills command from body, a JSON object whose "type" is name; refuses members it does not know.  NULL for a
	 * command that has none but its type.
	 */
	enum es_result (*parse)(struct json_object *body, void *command, struct es_error *error);

	/*
	 * Pure: reads facts by keys that needs named, and adds events to the decision, or refuses (ES_REFUSED,
	 * ES_NOT_FOUND).  Adding none is fine: the command changes nothing.
	 */
	enum es_result (*decide)(const void *command, const struct es_facts *facts, struct es_decision *decision,
	                         struct es_error *error);

	/* Optional: adds the keys that decide and the evolves of its events will touch. */
	void (*needs)(const void *command, struct es_keys *keys);

	/* Optional: frees what parse allocated. */
	void (*done)(void *command);
};

/*
 * A kind of event; named in the past tense: "item-appended".  evolve cannot refuse: what it is told has happened.  It
 * puts and removes facts under keys that needs named, or that begin with the event's own id.
 */
struct es_event_type {
	const char *name;
	void (*evolve)(const struct es_event *event, struct es_facts *facts);
};

struct es_decider {
	const char *name;
	const struct es_command_type *commands; /* ends with a NULL name */
	const struct es_event_type *events;     /* likewise */
};

/* Whether every required slot is filled, names are not used twice, and rewind and rewound are left to the library. */
ES_MUST_CHECK enum es_result es_decider_check(const struct es_decider *decider, struct es_error *error);

/* --- for decide, evolve and needs --- */

/* The value under key now, borrowed; NULL where there is none. */
struct json_object *es_facts_get(const struct es_facts *facts, const char *key);

/* Takes value. */
void es_facts_put(struct es_facts *facts, const char *key, struct json_object *value);
void es_facts_remove(struct es_facts *facts, const char *key);

/* Takes data, a JSON object.  type is borrowed: it names a row of the decider's table. */
void es_decision_add(struct es_decision *decision, const char *type, struct json_object *data);

void es_keys_add(struct es_keys *keys, const char *key);

/* --- for parse --- */

/* ES_INVALID for a member of body that is not among names (separated by spaces). */
ES_MUST_CHECK enum es_result es_check_members(struct json_object *body, const char *names, struct es_error *error);

/* A member that must be a string without a NUL character, borrowed from body. */
ES_MUST_CHECK enum es_result es_string_member(struct json_object *body, const char *name, const char **ret_string,
                                              struct es_error *error);

/* A member that must be a whole number of at least least. */
ES_MUST_CHECK enum es_result es_int64_member(struct json_object *body, const char *name, int64_t least,
                                             int64_t *ret_number, struct es_error *error);

#endif
