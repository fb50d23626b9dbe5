/*
 * tests/store/proxy.h - between a store and PostgreSQL: counts round trips, and cuts the connection around COMMIT.
 *
 * A thread that listens on a loopback port of its own and passes every byte on, until it is told to do otherwise.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>

struct proxy;

/* What happens to the next connection that sends COMMIT; then everything is as before. */
enum proxy_cut {
	PROXY_PASS,
	PROXY_CUT_BEFORE_COMMIT, /* it never reaches the server */
	PROXY_CUT_AFTER_COMMIT,  /* the server committed; its answer reaches nobody */
	PROXY_DELAY_COMMIT,      /* the client is cut off; it reaches the server when that has said it found nothing */
};

/* Passes on to the socket at path.  Bails out where it cannot be. */
struct proxy *proxy_new(const char *path);
void proxy_free(struct proxy *proxy);

int proxy_port(const struct proxy *proxy);
void proxy_cut(struct proxy *proxy, enum proxy_cut cut);

/* Whether the cut asked for has happened. */
bool proxy_has_cut(const struct proxy *proxy);

/* From now on connections are refused (those that are open are closed), or accepted again. */
void proxy_refuse(struct proxy *proxy, bool refuse);

/* After a cut, refuse all that comes next: the database does not come back. */
void proxy_refuse_after_cut(struct proxy *proxy);

/* How often the client has spoken after the server since the last call. */
int proxy_round_trips(struct proxy *proxy);

#endif
