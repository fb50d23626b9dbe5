/*
 * tests/unit/sse/unframe.h - reads FastCGI records back: the content of standard output, and whether the request ended.
 */
#ifndef UNFRAME_H
#define UNFRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "event/text.h"

struct unframed {
	struct es_text output; /* freed by the caller with es_text_done */
	int records;           /* of standard output that have content */
	bool whole;            /* every record is complete and belongs to request 1 */
	bool ended;            /* END_REQUEST came last */
};

__attribute__((unused)) static struct unframed
unframe(const char *bytes, size_t size)
{
	struct unframed result = { .output = ES_TEXT_INIT, .whole = true };

	while (size > 0 && result.whole && !result.ended) {
		const unsigned char *header = (const unsigned char *)bytes;
		if (size < 8) {
			result.whole = false;
			break;
		}
		const size_t content = (size_t)header[4] << 8 | header[5];
		const size_t padding = header[6];
		if (header[0] != 1 || header[2] != 0 || header[3] != 1 || size < 8 + content + padding) {
			result.whole = false;
			break;
		}
		if (header[1] == 6) {
			es_text_add(&result.output, bytes + 8, content);
			result.records += content > 0;
		} else if (header[1] == 3) {
			result.ended = true;
		} else {
			result.whole = false;
		}
		bytes += 8 + content + padding;
		size -= 8 + content + padding;
	}
	result.whole = result.whole && size == 0;
	return result;
}

#endif
