#include "sse/cursor.h"

#include <stddef.h>
#include <string.h>

#include "http/number.h"
#include "sse/feed.h"
#include "sse/subscriber.h"

enum es_result
sse_cursor_parse(const char *last_event_id, const char *after, int64_t *ret_version, struct es_error *error)
{
	int64_t version = SSE_LIVE_ONLY;

	if (after != NULL && !http_parse_int64(after, 0, INT64_MAX, &version))
		return es_fail(error, ES_INVALID, "after", "\"%s\" is not a version: give a number from 0 on", after);
	if (last_event_id != NULL && !http_parse_int64(last_event_id, 0, INT64_MAX, &version))
		version = SSE_BAD_CURSOR;
	*ret_version = version;
	return ES_OK;
}

bool
sse_name_valid(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	const size_t size = strspn(text, letters);

	return size > 0 && size <= SSE_NAME_MAX && text[size] == '\0' && strchr("._-", text[0]) == NULL;
}
