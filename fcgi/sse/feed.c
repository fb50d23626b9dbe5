#include "sse/feed.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(offsetof(struct sse_feed, name) == 0, "a name can be looked for as if it were a feed");

static int
compare_names(const void *one, const void *other)
{
	return strcmp(one, other);
}

void
sse_feeds_init(struct sse_feeds *feeds, size_t ring_bytes_max)
{
	*feeds = (struct sse_feeds){ .budget = { .max = ring_bytes_max } };
	TAILQ_INIT(&feeds->every);
}

struct sse_feed *
sse_feeds_find(struct sse_feeds *feeds, const char *name)
{
	struct sse_feed *const *found = tfind(name, &feeds->by_name, compare_names);

	return found == NULL ? NULL : *found;
}

struct sse_feed *
sse_feeds_get(struct sse_feeds *feeds, const char *name)
{
	struct sse_feed *feed = sse_feeds_find(feeds, name);

	if (feed != NULL)
		return feed;
	feed = calloc(1, sizeof *feed);
	if (feed == NULL)
		return NULL;
	snprintf(feed->name, sizeof feed->name, "%s", name);
	if (tsearch(feed, &feeds->by_name, compare_names) == NULL) {
		free(feed);
		return NULL;
	}
	TAILQ_INIT(&feed->subscribers);
	sse_ring_init(&feed->ring, &feeds->budget, 0);
	TAILQ_INSERT_TAIL(&feeds->every, feed, every);
	feeds->count++;
	return feed;
}

void
sse_feeds_remove(struct sse_feeds *feeds, struct sse_feed *feed)
{
	tdelete(feed, &feeds->by_name, compare_names);
	TAILQ_REMOVE(&feeds->every, feed, every);
	feeds->count--;
	sse_ring_done(&feed->ring);
	free(feed);
}

enum sse_place
sse_feed_place(const struct sse_feed *feed, struct sse_subscriber *subscriber)
{
	if (subscriber->reset_due || subscriber->version == SSE_BAD_CURSOR)
		return SSE_PLACE_RESET;
	if (subscriber->version == SSE_LIVE_ONLY)
		subscriber->version = feed->ring.head;
	if (subscriber->version > feed->ring.head)
		return subscriber->look != 0 && subscriber->look <= feed->looks_done ? SSE_PLACE_RESET : SSE_PLACE_LOOK;
	if (subscriber->version < feed->horizon - 1)
		return SSE_PLACE_RESET;
	if (sse_ring_find(&feed->ring, subscriber->version, &subscriber->cursor))
		return SSE_PLACE_FOUND;
	return feed->exhausted ? SSE_PLACE_RESET : SSE_PLACE_FILL;
}
