/*
 * tests/store/fixture.h - the database of a test: its store, and a look at it from beside.
 *
 * tests/store/run says in the environment which database (STORE_DATABASE), where the server's socket lies (PGHOST,
 * PGPORT), and the commands that stop and start the server (STORE_STOP, STORE_CRASH, STORE_START).
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <libpq-fe.h>

#include "event/store.h"

/* A store of the worker's role, through the socket, or through a loopback port.  Bails out where there is none. */
struct es_store *fixture_store(void);
struct es_store *fixture_store_at(int port);

/* The path of the server's socket; static. */
const char *fixture_socket(void);

/* A new connection as user, "postgres" being the superuser.  Bails out where it fails. */
PGconn *fixture_connect(const char *user);

/* The one value that sql gives, asked by the superuser; new. */
char *fixture_query(const char *sql);

/* The same as a number. */
long long fixture_number(const char *sql);

/* Asks again and again until sql gives "t": false after 30 s. */
bool fixture_becomes_true(const char *sql);

/* Runs the command that the environment names. */
void fixture_run(const char *variable);

#endif
