#include "event/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char es_text_empty[1];

enum {
	FIRST_CAPACITY = 256, /* bytes: a small reply fits without growing */
};

/* Makes room for size more bytes and a NUL; false (and failed) when that is not possible. */
static bool
reserve(struct es_text *text, size_t size)
{
	if (text->failed)
		return false;
	if (size >= SIZE_MAX / 2 - text->size) {
		text->failed = true;
		return false;
	}
	const size_t needed = text->size + size + 1;
	if (needed <= text->capacity)
		return true;

	size_t capacity = text->capacity == 0 ? FIRST_CAPACITY : text->capacity;
	while (capacity < needed)
		capacity *= 2;
	char *bytes = realloc(text->capacity == 0 ? NULL : text->bytes, capacity);
	if (bytes == NULL) {
		text->failed = true;
		return false;
	}
	if (text->capacity == 0)
		bytes[0] = '\0';
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void
es_text_add(struct es_text *text, const void *bytes, size_t size)
{
	if (size == 0 || !reserve(text, size))
		return;
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void
es_text_add_string(struct es_text *text, const char *string)
{
	es_text_add(text, string, strlen(string));
}

void
es_text_add_format(struct es_text *text, const char *format, ...)
{
	va_list arguments;
	char small[256];

	va_start(arguments, format);
	const int length = vsnprintf(small, sizeof small, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text->failed = true;
		return;
	}
	if ((size_t)length < sizeof small) {
		es_text_add(text, small, (size_t)length);
		return;
	}
	if (!reserve(text, (size_t)length))
		return;
	va_start(arguments, format);
	vsnprintf(text->bytes + text->size, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->size += (size_t)length;
}

void
es_text_add_int64(struct es_text *text, int64_t number)
{
	char digits[24];
	char *end = digits + sizeof digits;
	char *start = end;
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do {
		*--start = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (number < 0)
		*--start = '-';
	es_text_add(text, start, (size_t)(end - start));
}

void
es_text_add_json(struct es_text *text, const char *string)
{
	static const char hex[] = "0123456789abcdef";
	const char *run = string; /* what needs no escape is added in one piece */
	const char *at;

	es_text_add(text, "\"", 1);
	for (at = string; *at != '\0'; at++) {
		const unsigned char byte = (unsigned char)*at;
		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		es_text_add(text, run, (size_t)(at - run));
		run = at + 1;
		switch (byte) {
		case '"':
			es_text_add(text, "\\\"", 2);
			break;
		case '\\':
			es_text_add(text, "\\\\", 2);
			break;
		case '\n':
			es_text_add(text, "\\n", 2);
			break;
		case '\t':
			es_text_add(text, "\\t", 2);
			break;
		case '\r':
			es_text_add(text, "\\r", 2);
			break;
		default: {
			const char escape[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };
			es_text_add(text, escape, sizeof escape);
		}
		}
	}
	es_text_add(text, run, (size_t)(at - run));
	es_text_add(text, "\"", 1);
}

void
es_text_add_compact(struct es_text *text, const char *json)
{
	const char *run = json;
	bool in_string = false;
	const char *at;

	for (at = json; *at != '\0'; at++) {
		if (in_string) {
			if (*at == '\\' && at[1] != '\0')
				at++;
			else if (*at == '"')
				in_string = false;
		} else if (*at == '"') {
			in_string = true;
		} else if (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') {
			es_text_add(text, run, (size_t)(at - run));
			run = at + 1;
		}
	}
	es_text_add(text, run, (size_t)(at - run));
}

bool
es_text_failed(const struct es_text *text)
{
	return text->failed;
}

void
es_text_clear(struct es_text *text)
{
	text->size = 0;
	text->failed = false;
	if (text->capacity != 0)
		text->bytes[0] = '\0';
}

char *
es_text_steal(struct es_text *text)
{
	char *bytes = NULL;

	if (!text->failed && reserve(text, 0)) {
		bytes = text->bytes;
		*text = ES_TEXT_INIT;
	}
	es_text_done(text);
	return bytes;
}

void
es_text_done(struct es_text *text)
{
	if (text->capacity != 0)
		free(text->bytes);
	*text = ES_TEXT_INIT;
}
