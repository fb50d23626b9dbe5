#include "ledger/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The code point that text begins with, and its length in bytes.  text is valid UTF-8 and not empty. */
static uint32_t
code_point(const char *text, size_t *ret_length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	const size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
	uint32_t point = length == 1 ? bytes[0] : bytes[0] & (0xFFU >> (length + 1));

	for (size_t i = 1; i < length; i++)
		point = point << 6 | (bytes[i] & 0x3FU);
	*ret_length = length;
	return point;
}

/* White space and line ends of ECMAScript: what the browsers trim.  U+0085 is not among them. */
static bool
is_white_space(uint32_t point)
{
	return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0xA0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
	       point == 0x205F || point == 0x3000 || point == 0xFEFF;
}

static bool
is_forbidden(uint32_t point)
{
	return (point < 0x20 && point != '\t' && point != '\n') || (point >= 0x7F && point <= 0x9F);
}

enum es_result
ledger_content_clean(const char *text, int most, char **ret_content, struct es_error *error)
{
	size_t length;
	int points = 0;         /* from the first to here */
	int kept = 0;           /* from the first to the last that is no white space */
	uint32_t forbidden = 0; /* the first control character that stays */
	uint32_t inner = 0;     /* the first one in the white space that may turn out to be the end */

	while (*text != '\0' && is_white_space(code_point(text, &length)))
		text += length;
	const char *end = text;
	for (const char *at = text; *at != '\0'; at += length) {
		const uint32_t point = code_point(at, &length);
		points++;
		if (is_forbidden(point) && inner == 0)
			inner = point;
		if (is_white_space(point))
			continue;
		end = at + length;
		kept = points;
		if (forbidden == 0)
			forbidden = inner;
	}
	if (kept == 0)
		return es_fail(error, ES_REFUSED, "content", "the content is empty");
	if (kept > most)
		return es_fail(error, ES_REFUSED, "content", "the content has %d characters; %d are the most", kept,
		               most);
	if (forbidden != 0)
		return es_fail(error, ES_REFUSED, "content",
		               "the content holds the control character U+%04X; only tab and newline are allowed",
		               (unsigned)forbidden);
	*ret_content = strndup(text, (size_t)(end - text));
	return *ret_content == NULL ? es_fail(error, ES_FAILED, NULL, "no memory for the content") : ES_OK;
}
