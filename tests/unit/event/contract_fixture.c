#include "contract_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"
#include "sample.h"
#include "tap.h"

void
is_state(struct es_store *store, const char *stream, int64_t version, const char *expected, const char *name)
{
	_cleanup_free_ char *one_by_one = sample_state(store, stream, version, 1);
	_cleanup_free_ char *together = sample_state(store, stream, version, 1000);

	is_string(together, expected, name);
	is_string(one_by_one, expected, "also one by one");
}

char *
long_put(int number, size_t size)
{
	struct es_text text = ES_TEXT_INIT;

	es_text_add_format(&text, "{\"type\":\"put\",\"key\":\"k%d\",\"value\":\"", number);
	char *fill = malloc(size);
	if (fill == NULL)
		bail("no memory");
	memset(fill, 'x', size);
	es_text_add(&text, fill, size);
	free(fill);
	es_text_add_string(&text, "\"}");
	return es_text_steal(&text);
}
