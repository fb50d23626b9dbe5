/*
 * http/log.h - one structured line for each fault, on stderr.
 *
 * level=error msg="cannot bind" key=value ...  Never contents of events or commands.
 */
#ifndef HTTP_LOG_H
#define HTTP_LOG_H

#include "event/result.h"

/* fields: the rest of the line, "key=value key=value", made with a format; values with blanks are quoted by the caller
 * through http_log_quote's conventions.  One write(2) per line, so lines of several threads never mix. */
void http_log(const char *level, const char *message, const char *fields, ...) ES_PRINTF(3, 4);

#endif
