/*
 * ledger/items.h - the application: a list of items that people append to and remove from.
 *
 * Commands: append {content}, remove {item}.  Events: item-appended {content}, item-removed {item, content}.  A fact's
 * key is its item's id (the id of the event that appended it), its value {content}.
 */
#ifndef LEDGER_ITEMS_H
#define LEDGER_ITEMS_H

#include "event/decider.h"

enum {
	LEDGER_CONTENT_MAX = 10000, /* code points: some pages of text, and a page of items still fits an answer */
};

extern const struct es_decider ledger_items;

#endif
