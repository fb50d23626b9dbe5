#include "event/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts text at its end until it is whole UTF-8 again: snprintf may have stopped within a sequence. */
static void
trim_partial_sequence(char *text)
{
	size_t end = strlen(text);
	size_t start = end;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	start--;
	const unsigned char lead = (unsigned char)text[start];
	const size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	if (end - start < needed)
		text[start] = '\0';
}

enum es_result
es_fail(struct es_error *error, enum es_result code, const char *field, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->detail, sizeof error->detail, format, arguments);
	va_end(arguments);
	trim_partial_sequence(error->detail);
	snprintf(error->field, sizeof error->field, "%s", field == NULL ? "" : field);
	trim_partial_sequence(error->field);
	error->reason[0] = '\0';
	return code;
}

int
es_whole_bytes(const char *text, int most)
{
	int size = (int)strnlen(text, (size_t)most);

	while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
		size--;
	return size;
}

const char *
es_error_reason(const struct es_error *error)
{
	return error->reason[0] != '\0' ? error->reason : error->detail;
}

const char *
es_result_name(enum es_result result)
{
	static const char *const names[ES_RESULT_MAX] = {
		[ES_OK] = "ok",
		[ES_INVALID] = "invalid",
		[ES_NOT_FOUND] = "not-found",
		[ES_GONE] = "gone",
		[ES_CONFLICT] = "conflict",
		[ES_REFUSED] = "refused",
		[ES_UNAVAILABLE] = "unavailable",
		[ES_OUTCOME_UNKNOWN] = "outcome-unknown",
		[ES_FAILED] = "failed",
	};

	return (unsigned)result < ES_RESULT_MAX ? names[result] : "unknown";
}
