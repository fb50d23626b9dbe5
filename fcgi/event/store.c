#include "event/store.h"

#include <stdlib.h>

void
es_page_done(struct es_page *page)
{
	free(page->rows);
	if (page->owner != NULL)
		page->release(page->owner);
	*page = (struct es_page){ 0 };
}

void
es_store_free(struct es_store *store)
{
	if (store != NULL)
		store->operations->free(store);
}
