/*
 * tests/unit/event/store_contract.h - what every store must do, whichever it is.
 */
#ifndef STORE_CONTRACT_H
#define STORE_CONTRACT_H

#include "event/store.h"

/* Runs every test on an empty store.  Prints TAP; returns what main should. */
int store_contract_run(struct es_store *store);

#endif
