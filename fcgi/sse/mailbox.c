#include "sse/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sse_mailbox {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct sse_letter *first;
	struct sse_letter **last; /* where the next letter is linked in */
	size_t size;
	size_t size_max;
	int fd;
	bool closed;
};

enum es_result
sse_mailbox_new(size_t size_max, struct sse_mailbox **ret_mailbox, struct es_error *error)
{
	struct sse_mailbox *mailbox = calloc(1, sizeof *mailbox);

	if (mailbox == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for a mailbox");
	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->fd < 0) {
		free(mailbox);
		return es_fail(error, ES_FAILED, NULL, "cannot make an eventfd: %s", strerror(errno));
	}
	pthread_mutex_init(&mailbox->lock, NULL);
	pthread_cond_init(&mailbox->room, NULL);
	mailbox->last = &mailbox->first;
	mailbox->size_max = size_max;
	*ret_mailbox = mailbox;
	return ES_OK;
}

void
sse_mailbox_free(struct sse_mailbox *mailbox, void (*free_letter)(struct sse_letter *letter))
{
	if (mailbox == NULL)
		return;
	for (struct sse_letter *letter = mailbox->first; letter != NULL;) {
		struct sse_letter *next = letter->next;
		free_letter(letter);
		letter = next;
	}
	close(mailbox->fd);
	pthread_cond_destroy(&mailbox->room);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

/* The counter of an eventfd cannot overflow here: it is emptied with every take. */
static void
wake(const struct sse_mailbox *mailbox)
{
	const uint64_t one = 1;

	while (write(mailbox->fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

bool
sse_mailbox_send(struct sse_mailbox *mailbox, struct sse_letter *letter)
{
	pthread_mutex_lock(&mailbox->lock);
	while (!mailbox->closed && mailbox->size_max != 0 && mailbox->first != NULL &&
	       mailbox->size + letter->size > mailbox->size_max)
		pthread_cond_wait(&mailbox->room, &mailbox->lock);
	const bool taken = !mailbox->closed;
	if (taken) {
		const bool was_empty = mailbox->first == NULL;
		letter->next = NULL;
		*mailbox->last = letter;
		mailbox->last = &letter->next;
		mailbox->size += letter->size;
		if (was_empty)
			wake(mailbox);
	}
	pthread_mutex_unlock(&mailbox->lock);
	return taken;
}

struct sse_letter *
sse_mailbox_take(struct sse_mailbox *mailbox)
{
	uint64_t count;

	pthread_mutex_lock(&mailbox->lock);
	struct sse_letter *letters = mailbox->first;
	mailbox->first = NULL;
	mailbox->last = &mailbox->first;
	mailbox->size = 0;
	if (!mailbox->closed)
		while (read(mailbox->fd, &count, sizeof count) < 0 && errno == EINTR)
			;
	pthread_cond_broadcast(&mailbox->room);
	pthread_mutex_unlock(&mailbox->lock);
	return letters;
}

int
sse_mailbox_fd(const struct sse_mailbox *mailbox)
{
	return mailbox->fd;
}

void
sse_mailbox_close(struct sse_mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	mailbox->closed = true;
	wake(mailbox);
	pthread_cond_broadcast(&mailbox->room);
	pthread_mutex_unlock(&mailbox->lock);
}

bool
sse_mailbox_closed(struct sse_mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	const bool closed = mailbox->closed;
	pthread_mutex_unlock(&mailbox->lock);
	return closed;
}
