/*
 * ledger/options.h - the command line of ledger.fcgi.
 */
#ifndef LEDGER_OPTIONS_H
#define LEDGER_OPTIONS_H

#include <stdbool.h>

enum {
	LEDGER_THREADS_DEFAULT = 4, /* reads at the same time, each on a connection of its own */
	LEDGER_WRITERS_DEFAULT = 2, /* the second overtakes a transaction that takes long */
	LEDGER_THREADS_MAX = 64,    /* connections that one process may take from the database */
};

struct ledger_options {
	const char *socket;   /* path, or NULL: file descriptor 0 */
	const char *database; /* a libpq connection string; "" takes the PG* environment */
	int threads;
	int writers;
};

/*
 * Reads the command line.  False: the program should end with *ret_status, having said why (or the help that was asked
 * for).
 */
bool ledger_options_read(int argc, char **argv, struct ledger_options *ret_options, int *ret_status);

#endif
