#include "event/heads.h"

#include <stdlib.h>
#include <string.h>

/* Each name has one place; of two names that meet there, the later is remembered. */
struct es_heads {
	struct es_remembered places[ES_HEADS_MAX];
};

struct es_heads *
es_heads_new(void)
{
	return calloc(1, sizeof(struct es_heads));
}

void
es_heads_free(struct es_heads *heads)
{
	free(heads);
}

void
es_heads_clear(struct es_heads *heads)
{
	for (size_t i = 0; i < ES_HEADS_MAX; i++)
		heads->places[i].name[0] = '\0';
}

static size_t
place_of(const char *name)
{
	return (size_t)(es_stream_hash(name) % ES_HEADS_MAX);
}

const struct es_remembered *
es_heads_find(const struct es_heads *heads, const char *name)
{
	const struct es_remembered *place = &heads->places[place_of(name)];

	return strcmp(place->name, name) == 0 ? place : NULL;
}

void
es_heads_remember(struct es_heads *heads, const struct es_remembered *head)
{
	heads->places[place_of(head->name)] = *head;
}

void
es_heads_forget(struct es_heads *heads, const char *name)
{
	struct es_remembered *place = &heads->places[place_of(name)];

	if (strcmp(place->name, name) == 0)
		place->name[0] = '\0';
}
