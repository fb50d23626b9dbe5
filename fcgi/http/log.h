/*
 * http/log.h - one structured line for each fault, on stderr.
 *
 * level=error msg="cannot bind" key=value ...  Never contents of events or commands.
 */
#ifndef HTTP_LOG_H
#define HTTP_LOG_H

#include "event/result.h"

enum {
	HTTP_LOG_QUOTE_SIZE = 512, /* bytes: a detail or a database's message, cut to fit */
};

/*
 * level is "error", "warning" or "info"; message becomes msg="...".  fields is the rest of the line, made with a
 * format: "socket=%s errno=%d", or "" for none; values that may hold blanks go through http_log_quote.  One write(2)
 * for each line, so lines of several threads never mix.
 */
void http_log(const char *level, const char *message, const char *fields, ...) ES_PRINTF(3, 4);

/* value in double quotes, quotes and backslashes escaped, control characters as blanks.  Returns text. */
char *http_log_quote(const char *value, char text[static HTTP_LOG_QUOTE_SIZE]);

#endif
