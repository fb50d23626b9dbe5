/*
 * tests/unit/http/fastcgi-client.h - the web server's side of FastCGI, byte by byte.
 *
 * Written apart from the code under test, so that a mistake there is not repeated here.
 */
#ifndef FASTCGI_CLIENT_H
#define FASTCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "event/text.h"

enum {
	FASTCGI_BEGIN_REQUEST = 1,
	FASTCGI_ABORT_REQUEST = 2,
	FASTCGI_END_REQUEST = 3,
	FASTCGI_PARAMS = 4,
	FASTCGI_STDIN = 5,
	FASTCGI_STDOUT = 6,
	FASTCGI_STDERR = 7,
	FASTCGI_GET_VALUES = 9,
};

void fastcgi_add_padded(struct es_text *text, unsigned type, unsigned id, const void *content, size_t size,
                        unsigned padding);
void fastcgi_add_begin(struct es_text *text, unsigned id, unsigned role, bool keep);

/* One name and value as PARAMS content, without a record around it. */
void fastcgi_add_pair(struct es_text *text, const char *name, const char *value);

/*
 * A whole request.  headers: "NAME=value" strings, ended by NULL, or NULL; CONTENT_TYPE is application/json and
 * CONTENT_LENGTH the body's size, unless they are among headers.
 */
void fastcgi_add_request(struct es_text *text, unsigned id, bool keep, const char *method, const char *uri,
                         const char *body, size_t body_size, const char *const headers[]);

/* A reply taken apart.  head and body end with a NUL; free with fastcgi_reply_done. */
struct fastcgi_reply {
	int status; /* 0: none came before the peer closed; -1: what came is not a reply */
	char *head;
	char *body;
	size_t body_size;
	int records;
};

/* Takes one reply off the beginning of bytes; returns its size, 0 where it is not whole, SIZE_MAX where it is wrong. */
size_t fastcgi_parse(const char *bytes, size_t size, unsigned id, struct fastcgi_reply *ret_reply);
void fastcgi_reply_done(struct fastcgi_reply *reply);

/* The value of a header of the reply, or NULL; good until the next call. */
const char *fastcgi_header(const struct fastcgi_reply *reply, const char *name);

/* A connection to a Unix socket; bails out where there is none. */
int fastcgi_connect(const char *path);

/* Sends all of it; false when the peer is gone. */
bool fastcgi_send(int fd, const char *bytes, size_t size);

/* Waits (at most 20 s) for one reply of request id; empty STDERR records before it are skipped, as nginx does. */
struct fastcgi_reply fastcgi_receive(int fd, unsigned id);

/* Sends a request with id 1 and waits for its reply. */
struct fastcgi_reply fastcgi_exchange(int fd, bool keep, const char *method, const char *uri, const char *body,
                                      const char *const headers[]);

/* Waits (at most 20 s) for the empty STDERR record, behind a reply or at rest, that asks us to close. */
bool fastcgi_is_asked_to_close(int fd);

/* Waits (at most 20 s) until the peer closes without sending anything more. */
bool fastcgi_is_closed(int fd);

/* Waits (at most 20 s) until the peer has taken all bytes off its end. */
bool fastcgi_is_taken(int fd);

#endif
