#include "event/heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static void
remember(struct es_heads *heads, const char *name, int64_t version)
{
	struct es_remembered head = { .id = version + 100, .horizon = 1, .version = version, .live = (int)version - 1 };

	snprintf(head.name, sizeof head.name, "%s", name);
	es_heads_remember(heads, &head);
}

static int64_t
version_of(const struct es_heads *heads, const char *name)
{
	const struct es_remembered *head = es_heads_find(heads, name);

	return head == NULL ? -1 : head->version;
}

/* As many names as there are places, and as many again: some meet, and none is ever taken for another. */
static void
test_many(struct es_heads *heads)
{
	bool true_or_forgotten = true;
	int found = 0;
	char name[16];

	for (int i = 0; i < 2 * ES_HEADS_MAX; i++) {
		snprintf(name, sizeof name, "s%d", i);
		remember(heads, name, i + 1);
		true_or_forgotten = true_or_forgotten && version_of(heads, name) == i + 1;
	}
	for (int i = 0; i < 2 * ES_HEADS_MAX; i++) {
		snprintf(name, sizeof name, "s%d", i);
		const int64_t version = version_of(heads, name);
		true_or_forgotten = true_or_forgotten && (version == -1 || version == i + 1);
		found += version == -1 ? 0 : 1;
	}
	ok(true_or_forgotten, "of many names each is known by its own head, or forgotten");
	ok(found > ES_HEADS_MAX / 2 && found <= ES_HEADS_MAX, "at most %d are remembered: %d", ES_HEADS_MAX, found);
}

int
main(void)
{
	struct es_heads *heads = es_heads_new();
	char longest[ES_STREAM_NAME_MAX + 1];

	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	ok(es_heads_find(heads, "a") == NULL, "nothing is remembered at first");
	remember(heads, "a", 1);
	remember(heads, longest, 7);
	is_int(version_of(heads, "a"), 1, "a head is remembered");
	const struct es_remembered *head = es_heads_find(heads, "a");
	ok(head->id == 101 && head->horizon == 1 && head->live == 0, "with all that is known of it");
	is_int(version_of(heads, longest), 7, "by the longest name too");
	remember(heads, "a", 2);
	is_int(version_of(heads, "a"), 2, "the latest counts");
	es_heads_forget(heads, "b");
	is_int(version_of(heads, "a"), 2, "another one is forgotten");
	es_heads_forget(heads, "a");
	is_int(version_of(heads, "a"), -1, "it is forgotten");
	is_int(version_of(heads, longest), 7, "alone");
	test_many(heads);
	es_heads_clear(heads);
	is_int(version_of(heads, longest), -1, "all are forgotten");
	es_heads_free(heads);
	es_heads_free(NULL);
	return done_testing();
}
