#include "sse/letters.h"

#include <stdio.h>
#include <stdlib.h>

bool
sse_order_send(struct sse_mailbox *orders, enum sse_order_kind kind, const char *name, int64_t after, int64_t until)
{
	struct sse_order *order = calloc(1, sizeof *order);

	if (order == NULL)
		return false;
	order->kind = kind;
	order->after = after;
	order->until = until;
	snprintf(order->name, sizeof order->name, "%s", name);
	if (sse_mailbox_send(orders, &order->letter))
		return true;
	free(order);
	return false;
}

void
sse_order_free(struct sse_letter *order)
{
	free(order);
}

struct sse_news *
sse_news_new(enum sse_news_kind kind, const char *name)
{
	struct sse_news *news = calloc(1, sizeof *news);

	if (news == NULL)
		return NULL;
	news->kind = kind;
	news->bytes = ES_TEXT_INIT;
	snprintf(news->name, sizeof news->name, "%s", name);
	return news;
}

void
sse_news_free(struct sse_letter *letter)
{
	struct sse_news *news = (struct sse_news *)letter;

	free(news->events);
	es_text_done(&news->bytes);
	free(news);
}
