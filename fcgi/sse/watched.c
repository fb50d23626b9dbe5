#include "sse/watched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAPACITY = 16, /* names */
};

/* Where name is, or would be. */
static size_t
find(const struct sse_watched *watched, const char *name, bool *ret_found)
{
	size_t low = 0;
	size_t high = watched->count;

	*ret_found = false;
	while (low < high && !*ret_found) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(watched->names[middle].text, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		if (order == 0) {
			low = middle;
			*ret_found = true;
		}
	}
	return low;
}

/* Makes room for one more; false: no memory. */
static bool
reserve(struct sse_watched *watched)
{
	if (watched->count < watched->capacity)
		return true;
	const size_t capacity = watched->capacity == 0 ? FIRST_CAPACITY : 2 * watched->capacity;
	struct sse_watched_name *names = realloc(watched->names, capacity * sizeof *names);
	if (names == NULL)
		return false;
	watched->names = names;
	watched->capacity = capacity;
	return true;
}

void
sse_watched_add(struct sse_watched *watched, const char *name)
{
	bool found;
	const size_t at = find(watched, name, &found);

	if (found)
		return;
	if (!reserve(watched)) {
		watched->all = true;
		return;
	}
	memmove(watched->names + at + 1, watched->names + at, (watched->count - at) * sizeof *watched->names);
	snprintf(watched->names[at].text, sizeof watched->names[at].text, "%s", name);
	watched->count++;
	es_text_clear(&watched->array);
}

void
sse_watched_remove(struct sse_watched *watched, const char *name)
{
	bool found;
	const size_t at = find(watched, name, &found);

	if (!found)
		return;
	watched->count--;
	memmove(watched->names + at, watched->names + at + 1, (watched->count - at) * sizeof *watched->names);
	es_text_clear(&watched->array);
}

void
sse_watched_done(struct sse_watched *watched)
{
	free(watched->names);
	es_text_done(&watched->array);
	*watched = SSE_WATCHED_INIT;
}

const char *
sse_watched_array(struct sse_watched *watched)
{
	if (watched->all || watched->count > SSE_WATCHED_NAMED_MAX)
		return NULL;
	if (watched->array.size == 0) {
		es_text_add_string(&watched->array, "{");
		for (size_t i = 0; i < watched->count; i++) {
			/* quoted: a stream may well be called null */
			es_text_add_string(&watched->array, i == 0 ? "\"" : ",\"");
			es_text_add_string(&watched->array, watched->names[i].text);
			es_text_add_string(&watched->array, "\"");
		}
		es_text_add_string(&watched->array, "}");
	}
	return es_text_failed(&watched->array) ? NULL : watched->array.bytes;
}

bool
sse_watched_nothing(const struct sse_watched *watched)
{
	return watched->count == 0 && !watched->all;
}
