#include "http/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LINE_MAX_SIZE = 2048, /* bytes, below PIPE_BUF: a write of one line is never torn apart */
};

/* Adds a formatted piece; what does not fit is cut, and one byte stays free for the line feed. */
static size_t add(char *line, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

static size_t
add(char *line, size_t size, const char *format, va_list arguments)
{
	const size_t room = LINE_MAX_SIZE - 1 - size;
	const int length = vsnprintf(line + size, room, format, arguments);

	if (length < 0)
		return size;
	return (size_t)length < room ? size + (size_t)length : LINE_MAX_SIZE - 2;
}

void
http_log(const char *level, const char *message, const char *fields, ...)
{
	char quoted[HTTP_LOG_QUOTE_SIZE];
	char line[LINE_MAX_SIZE];
	va_list arguments;

	const int head = snprintf(line, sizeof line, "level=%s msg=%s", level, http_log_quote(message, quoted));
	size_t size = head < 0 ? 0 : (size_t)head;
	if (*fields != '\0') {
		line[size++] = ' ';
		va_start(arguments, fields);
		size = add(line, size, fields, arguments);
		va_end(arguments);
	}
	/* A line feed from a database's message must not begin a line of its own. */
	for (size_t at = 0; at < size; at++)
		if ((unsigned char)line[at] < 0x20 || line[at] == 0x7F)
			line[at] = ' ';
	line[size++] = '\n';
	/* There is nowhere to report that stderr is gone. */
	const ssize_t written = write(STDERR_FILENO, line, size);
	(void)written;
}

char *
http_log_quote(const char *value, char text[static HTTP_LOG_QUOTE_SIZE])
{
	char *to = text;
	const char *last = text + HTTP_LOG_QUOTE_SIZE - 4; /* an escape, the closing quote and the NUL still fit */

	*to++ = '"';
	for (; *value != '\0' && to < last; value++) {
		if (*value == '"' || *value == '\\')
			*to++ = '\\';
		*to++ = (unsigned char)*value < 0x20 || *value == 0x7F ? ' ' : *value;
	}
	*to++ = '"';
	*to = '\0';
	return text;
}
