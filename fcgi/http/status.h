/*
 * http/status.h - the status codes that we send, and their titles (RFC 9110, RFC 6585).
 */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stddef.h>

enum {
	HTTP_STATUS_COUNT = 22, /* rows of the table; the last one stands for every code that is not in it */
};

/* "Not Found"; "Unknown" for a code that is not in the table.  Static. */
const char *http_status_title(int status);

/* The row of a code, 0 ... HTTP_STATUS_COUNT - 1, for counters; and the code of a row (0: all others). */
size_t http_status_row(int status);
int http_status_of_row(size_t row);

#endif
