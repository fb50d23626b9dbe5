#include "sse/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "tap.h"

enum {
	LETTERS = 20000,
	BOUND = 10 * 100, /* ten letters */
};

struct numbered {
	struct sse_letter letter;
	int number;
};

static int freed;

static void
free_letter(struct sse_letter *letter)
{
	freed++;
	free(letter);
}

static bool
send_number(struct sse_mailbox *mailbox, int number)
{
	struct numbered *letter = calloc(1, sizeof *letter);

	if (letter == NULL)
		bail("no memory");
	letter->number = number;
	letter->letter.size = 100;
	if (sse_mailbox_send(mailbox, &letter->letter))
		return true;
	free(letter);
	return false;
}

static bool
readable(const struct sse_mailbox *mailbox, int timeout)
{
	struct pollfd poller = { .fd = sse_mailbox_fd(mailbox), .events = POLLIN };

	return poll(&poller, 1, timeout) == 1;
}

static void *
send_all(void *mailbox)
{
	for (int i = 0; i < LETTERS; i++)
		if (!send_number(mailbox, i))
			return NULL;
	return NULL;
}

static struct sse_mailbox *
make_mailbox(size_t size_max)
{
	struct es_error error = ES_ERROR_INIT;
	struct sse_mailbox *mailbox = NULL;

	if (sse_mailbox_new(size_max, &mailbox, &error) != ES_OK)
		bail("%s", error.detail);
	return mailbox;
}

static void
test_alone(void)
{
	struct sse_mailbox *mailbox = make_mailbox(0);

	ok(sse_mailbox_take(mailbox) == NULL && !readable(mailbox, 0), "an empty mailbox says so");
	ok(send_number(mailbox, 1) && send_number(mailbox, 2) && readable(mailbox, 0), "a full one wakes its reader");
	struct sse_letter *letters = sse_mailbox_take(mailbox);
	ok(((struct numbered *)letters)->number == 1 && ((struct numbered *)letters->next)->number == 2 &&
	           letters->next->next == NULL,
	   "letters come in order");
	free(letters->next);
	free(letters);
	ok(!readable(mailbox, 0), "once taken, it is quiet again");
	ok(send_number(mailbox, 3), "one more");
	sse_mailbox_close(mailbox);
	ok(sse_mailbox_closed(mailbox) && readable(mailbox, 0), "closing wakes the reader too");
	ok(!send_number(mailbox, 4), "a closed one takes nothing in");
	sse_mailbox_free(mailbox, free_letter);
	is_int(freed, 1, "what nobody took is freed");
}

/* The bound holds, nothing is lost, and nothing overtakes. */
static void
test_together(void)
{
	struct sse_mailbox *mailbox = make_mailbox(BOUND);
	pthread_t sender;
	int expected = 0;
	int most = 0;
	bool ordered = true;

	if (pthread_create(&sender, NULL, send_all, mailbox) != 0)
		bail("no thread");
	while (expected < LETTERS && readable(mailbox, 10000)) {
		struct sse_letter *letter = sse_mailbox_take(mailbox);
		int count = 0;
		while (letter != NULL) {
			struct sse_letter *next = letter->next;
			ordered = ordered && ((struct numbered *)letter)->number == expected;
			expected++;
			count++;
			free(letter);
			letter = next;
		}
		most = count > most ? count : most;
	}
	pthread_join(sender, NULL);
	ok(expected == LETTERS && ordered, "another thread's letters all come, in order");
	ok(most <= BOUND / 100, "and never more than the bound wait");
	sse_mailbox_free(mailbox, free_letter);
}

static void
test_closing_frees_a_waiting_sender(void)
{
	struct sse_mailbox *mailbox = make_mailbox(BOUND);
	pthread_t sender;

	if (pthread_create(&sender, NULL, send_all, mailbox) != 0)
		bail("no thread");
	ok(readable(mailbox, 10000), "a sender fills the mailbox");
	sse_mailbox_close(mailbox);
	ok(pthread_join(sender, NULL) == 0, "and goes on when it is closed");
	sse_mailbox_free(mailbox, free_letter);
}

int
main(void)
{
	test_alone();
	test_together();
	test_closing_frees_a_waiting_sender();
	return done_testing();
}
