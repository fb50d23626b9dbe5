#include "event/facts.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ID_LENGTH = 36, /* of a uuid's text */
	NO_ROW = -1,
};

/* What is known of one key. */
struct slot {
	char *key;                 /* owned */
	char *stored;              /* JSON text of the row that was open before the batch, or NULL */
	struct json_object *value; /* stored, parsed on first use */
	int64_t closed_at;         /* the version that closes the stored row; 0: none */
	int row;                   /* the newest row of this key, or NO_ROW */
};

struct row {
	struct slot *slot;
	struct json_object *value; /* owned */
	int64_t since;
	int64_t until; /* 0: open */
	int previous;  /* the slot's row before this one */
	bool dropped;  /* put and removed by one event: never was */
};

/* How to take one change back: what the slot and its newest row were before. */
struct change {
	struct slot *slot;
	int64_t closed_at;
	int row;
	int64_t until;
	struct json_object *replaced; /* owned: the value that the same event had put before */
	bool added;                   /* the change added the last row */
};

struct es_facts {
	struct lh_table *slots; /* by key; the keys are the slots' own */
	struct row *rows;
	size_t row_count, row_capacity;
	struct change *changes;
	size_t change_count, change_capacity;
	int64_t version;
	char event_id[ID_LENGTH + 1];
	int live;
	bool failed;         /* for good: what was declared or fetched is not all here */
	bool refused;        /* until the next rollback: a put that could not be */
	char undeclared[64]; /* the first key that nobody had named, cut short; "" if none; until the next rollback */
};

static void
free_slot(struct lh_entry *entry)
{
	struct slot *slot = lh_entry_v(entry);

	json_object_put(slot->value);
	free(slot->stored);
	free(slot->key);
	free(slot);
}

struct es_facts *
es_facts_new(void)
{
	struct es_facts *facts = calloc(1, sizeof *facts);

	if (facts == NULL)
		return NULL;
	facts->slots = lh_kchar_table_new(16, free_slot);
	if (facts->slots == NULL) {
		free(facts);
		return NULL;
	}
	return facts;
}

void
es_facts_free(struct es_facts *facts)
{
	if (facts == NULL)
		return;
	for (size_t i = 0; i < facts->change_count; i++)
		json_object_put(facts->changes[i].replaced);
	for (size_t i = 0; i < facts->row_count; i++)
		json_object_put(facts->rows[i].value);
	free(facts->changes);
	free(facts->rows);
	lh_table_free(facts->slots);
	free(facts);
}

static struct slot *
find_slot(const struct es_facts *facts, const char *key)
{
	struct lh_entry *entry = lh_table_lookup_entry(facts->slots, key);

	return entry == NULL ? NULL : lh_entry_v(entry);
}

static struct slot *
add_slot(struct es_facts *facts, const char *key)
{
	struct slot *slot = calloc(1, sizeof *slot);

	if (slot != NULL) {
		slot->row = NO_ROW;
		slot->key = strdup(key);
	}
	if (slot == NULL || slot->key == NULL || lh_table_insert(facts->slots, slot->key, slot) != 0) {
		if (slot != NULL)
			free(slot->key);
		free(slot);
		facts->failed = true;
		return NULL;
	}
	return slot;
}

void
es_facts_declare(struct es_facts *facts, const char *key)
{
	if (find_slot(facts, key) == NULL)
		add_slot(facts, key);
}

void
es_facts_fetched(struct es_facts *facts, const char *key, const char *value)
{
	struct slot *slot = find_slot(facts, key);

	if (slot == NULL || slot->stored != NULL)
		return;
	slot->stored = strdup(value);
	if (slot->stored == NULL)
		facts->failed = true;
}

void
es_facts_each_key(const struct es_facts *facts, void (*fn)(const char *key, void *context), void *context)
{
	struct lh_entry *entry;

	lh_foreach(facts->slots, entry)
	{
		fn(((const struct slot *)lh_entry_v(entry))->key, context);
	}
}

void
es_facts_begin_event(struct es_facts *facts, int64_t version, const char *id)
{
	facts->version = version;
	snprintf(facts->event_id, sizeof facts->event_id, "%s", id);
}

void
es_facts_set_live(struct es_facts *facts, int live)
{
	facts->live = live;
}

int
es_facts_live(const struct es_facts *facts)
{
	return facts->live;
}

/* Is something under the slot's key now? */
static bool
is_present(const struct es_facts *facts, const struct slot *slot)
{
	if (slot->row != NO_ROW)
		return facts->rows[slot->row].until == 0;
	return slot->stored != NULL && slot->closed_at == 0;
}

/* A key that begins with the event's own id needs no declaration: nobody can have used it. */
static bool
is_own(const struct es_facts *facts, const char *key)
{
	return facts->event_id[0] != '\0' && strncmp(key, facts->event_id, ID_LENGTH) == 0;
}

/* A key that nobody named is a bug of the decider.  facts may be const to decide, but remembers it all the same. */
static struct slot *
find_declared(const struct es_facts *facts, const char *key)
{
	struct slot *slot = find_slot(facts, key);

	if (slot == NULL && facts->undeclared[0] == '\0' && !is_own(facts, key)) {
		union {
			const struct es_facts *constant;
			struct es_facts *writable;
		} view = { .constant = facts };
		snprintf(view.writable->undeclared, sizeof facts->undeclared, "%s", key[0] == '\0' ? "(empty)" : key);
	}
	return slot;
}

struct json_object *
es_facts_get(const struct es_facts *facts, const char *key)
{
	struct slot *slot = find_declared(facts, key);

	if (slot == NULL || !is_present(facts, slot))
		return NULL;
	if (slot->row != NO_ROW)
		return facts->rows[slot->row].value;
	if (slot->value == NULL)
		slot->value = json_tokener_parse(slot->stored);
	return slot->value;
}

/* Doubles an array that is full.  NULL: no memory, the old one stays. */
static void *
grow(void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	const size_t larger = *capacity == 0 ? 16 : *capacity * 2;
	void *grown = reallocarray(array, larger, size);
	if (grown != NULL)
		*capacity = larger;
	return grown;
}

/* Remembers how slot stands before a change.  NULL: no memory. */
static struct change *
remember(struct es_facts *facts, struct slot *slot)
{
	struct change *changes = grow(facts->changes, facts->change_count, &facts->change_capacity, sizeof *changes);

	if (changes == NULL) {
		facts->refused = true;
		return NULL;
	}
	facts->changes = changes;
	struct change *change = &changes[facts->change_count++];
	*change = (struct change){ .slot = slot, .closed_at = slot->closed_at, .row = slot->row };
	if (slot->row != NO_ROW)
		change->until = facts->rows[slot->row].until;
	return change;
}

/* Ends what is under slot's key at the current version. */
static void
close_current(struct es_facts *facts, struct slot *slot)
{
	if (slot->row != NO_ROW)
		facts->rows[slot->row].until = facts->version;
	else
		slot->closed_at = facts->version;
	facts->live--;
}

void
es_facts_put(struct es_facts *facts, const char *key, struct json_object *value)
{
	struct slot *slot = find_declared(facts, key);

	if (slot == NULL && is_own(facts, key))
		slot = add_slot(facts, key);
	if (key[0] == '\0' || strlen(key) > ES_KEY_MAX || value == NULL)
		facts->refused = true;
	struct change *change = slot == NULL || facts->refused ? NULL : remember(facts, slot);
	if (change == NULL) {
		json_object_put(value);
		return;
	}

	const bool present = is_present(facts, slot);
	if (present && slot->row != NO_ROW && facts->rows[slot->row].since == facts->version) {
		/* within one event the last word counts */
		change->replaced = facts->rows[slot->row].value;
		facts->rows[slot->row].value = value;
		return;
	}
	struct row *rows = grow(facts->rows, facts->row_count, &facts->row_capacity, sizeof *rows);
	if (rows == NULL) {
		facts->refused = true;
		json_object_put(value);
		return;
	}
	facts->rows = rows;
	if (present)
		close_current(facts, slot);
	change->added = true;
	rows[facts->row_count] =
		(struct row){ .slot = slot, .value = value, .since = facts->version, .previous = slot->row };
	slot->row = (int)facts->row_count++;
	facts->live++;
}

void
es_facts_remove(struct es_facts *facts, const char *key)
{
	struct slot *slot = find_declared(facts, key);

	if (slot == NULL || !is_present(facts, slot) || remember(facts, slot) == NULL)
		return;
	struct row *row = slot->row == NO_ROW ? NULL : &facts->rows[slot->row];
	if (row == NULL || row->since < facts->version) {
		close_current(facts, slot);
		return;
	}
	/* put by this very event: as if it had never been */
	row->dropped = true;
	slot->row = row->previous;
	facts->live--;
}

struct es_facts_savepoint
es_facts_save(const struct es_facts *facts)
{
	return (struct es_facts_savepoint){ .changes = facts->change_count, .live = facts->live };
}

void
es_facts_rollback(struct es_facts *facts, struct es_facts_savepoint savepoint)
{
	while (facts->change_count > savepoint.changes) {
		const struct change *change = &facts->changes[--facts->change_count];
		struct slot *slot = change->slot;
		if (change->added) {
			json_object_put(facts->rows[--facts->row_count].value);
		} else if (change->replaced != NULL) {
			json_object_put(facts->rows[change->row].value);
			facts->rows[change->row].value = change->replaced;
		}
		slot->closed_at = change->closed_at;
		slot->row = change->row;
		if (slot->row != NO_ROW) {
			facts->rows[slot->row].until = change->until;
			facts->rows[slot->row].dropped = false;
		}
	}
	facts->live = savepoint.live;
	facts->refused = false;
	facts->undeclared[0] = '\0';
}

enum es_result
es_facts_check(const struct es_facts *facts, struct es_error *error)
{
	if (facts->undeclared[0] != '\0')
		return es_fail(error, ES_FAILED, NULL, "the decider touched key \"%s\", which its needs did not name",
		               facts->undeclared);
	if (facts->failed || facts->refused)
		return es_fail(error, ES_FAILED, NULL, "no memory for the facts, or a key or value that cannot be");
	return ES_OK;
}

bool
es_facts_next_write(const struct es_facts *facts, size_t *at, struct es_fact_write *ret_write)
{
	while (*at < facts->row_count && facts->rows[*at].dropped)
		(*at)++;
	if (*at >= facts->row_count)
		return false;
	const struct row *row = &facts->rows[(*at)++];
	*ret_write = (struct es_fact_write){
		.key = row->slot->key, .value = row->value, .since = row->since, .until = row->until
	};
	return true;
}

bool
es_facts_next_close(const struct es_facts *facts, size_t *at, struct es_fact_close *ret_close)
{
	/* each stored row was closed by exactly one of the changes that still stand: the first on its slot */
	while (*at < facts->change_count) {
		const struct change *change = &facts->changes[(*at)++];
		const struct slot *slot = change->slot;
		if (change->row == NO_ROW && change->closed_at == 0 && slot->stored != NULL && slot->closed_at != 0) {
			*ret_close = (struct es_fact_close){ .key = slot->key, .until = slot->closed_at };
			return true;
		}
	}
	return false;
}
