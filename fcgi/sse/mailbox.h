/*
 * sse/mailbox.h - letters from one thread to another, in order.
 *
 * The receiver sleeps on a file descriptor that becomes readable.  Where the mailbox has a bound, a sender waits until
 * the receiver has caught up, so that a burst in the database never piles up in memory.
 */
#ifndef SSE_MAILBOX_H
#define SSE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "event/result.h"

struct sse_mailbox;

/* The first member of whatever is sent. */
struct sse_letter {
	struct sse_letter *next;
	size_t size; /* bytes it stands for, counted against the bound */
};

/* size_max: bytes that may wait (one letter always may); 0: no bound. */
ES_MUST_CHECK enum es_result sse_mailbox_new(size_t size_max, struct sse_mailbox **ret_mailbox, struct es_error *error);

/* Letters still inside are handed to free_letter.  NULL is fine. */
void sse_mailbox_free(struct sse_mailbox *mailbox, void (*free_letter)(struct sse_letter *letter));

/* Takes letter.  Waits while the mailbox is full; false (and letter still the caller's) once it is closed. */
ES_MUST_CHECK bool sse_mailbox_send(struct sse_mailbox *mailbox, struct sse_letter *letter);

/* Everything that waits, oldest first, linked by next; NULL if nothing does.  Never blocks. */
struct sse_letter *sse_mailbox_take(struct sse_mailbox *mailbox);

/* Readable while something waits or the mailbox is closed. */
int sse_mailbox_fd(const struct sse_mailbox *mailbox);

/* No more letters are taken in, and no sender waits any longer.  What is inside can still be taken. */
void sse_mailbox_close(struct sse_mailbox *mailbox);
bool sse_mailbox_closed(struct sse_mailbox *mailbox);

#endif
