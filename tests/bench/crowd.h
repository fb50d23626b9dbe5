/*
 * tests/bench/crowd.h - many clients of one event stream, each with the check that a page makes.
 *
 * One that loses its connection comes back as a browser does: after the pause that the server asked for, with the last
 * id it has seen.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream.h"

/* What is wrong with what a member got; all zero is as it should be. */
struct crowd_faults {
	int64_t missing; /* events that were left out */
	int64_t doubled; /* events that came again though nobody asked for them */
	int64_t strange; /* frames that no publisher sent, or out of order */
};

struct member {
	struct crowd *crowd;
	int fd; /* negative: not connected */
	bool is_connecting;
	bool is_live;     /* has caught up with what was there when it came */
	int64_t wake;     /* monotonic: when it connects again */
	int64_t version;  /* of the last event or reset; negative: none yet */
	int64_t accepted; /* events */
	struct stream stream;
};

/* Borrows all. */
struct crowd_options {
	int poller; /* epoll; data.ptr is a struct member */
	struct sockaddr_in address;
	const char *path;
	bool is_dense; /* ids are versions: 1, 2, 3 ... without gaps; otherwise the order of marks is compared */
};

struct crowd {
	struct crowd_options options;
	struct member *members;
	size_t size;    /* members there are */
	size_t away;    /* without a connection */
	size_t pending; /* whose connection is being made */
	size_t live;
	int64_t next_connect; /* monotonic: when to look again at who is to come back */
	int64_t target;       /* accepted events that a member is to reach */
	size_t reached;       /* members that have */
	int64_t reached_at;   /* monotonic: when the last of them did */
	int64_t *order;       /* the marks as the first to see each saw them: all must see them so */
	size_t order_size;
	size_t order_capacity;
	struct crowd_faults faults;
	int64_t reconnects;
	int64_t refused; /* answers that are no event stream: a browser would give up for good */
	int64_t resets;
};

/* Makes room for that many members, none connected.  False: no memory. */
bool crowd_init(struct crowd *crowd, const struct crowd_options *options, size_t size);
void crowd_done(struct crowd *crowd);

/* Connects those whose time has come, no more than most at once.  Returns when to be called again (monotonic). */
int64_t crowd_connect(struct crowd *crowd, size_t most);

/* epoll has something to say about a member. */
void crowd_ready(struct member *member, uint32_t events);

/* From now on each is to accept this many events more. */
void crowd_expect(struct crowd *crowd, int64_t events);

/* Whether all are live and have everything up to version. */
bool crowd_has(const struct crowd *crowd, int64_t version);

#endif
