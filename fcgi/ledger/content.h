/*
 * ledger/content.h - the text of an item: trimmed, of some length, without control characters.
 */
#ifndef LEDGER_CONTENT_H
#define LEDGER_CONTENT_H

#include "event/result.h"

/*
 * Trims white space (as String.prototype.trim of the browsers does) off both ends of text, which is UTF-8.
 * *ret_content is new.  ES_REFUSED: nothing is left, more than most code points, or a control character (C0, DEL, C1)
 * that is neither tab nor newline.
 */
ES_MUST_CHECK enum es_result ledger_content_clean(const char *text, int most, char **ret_content,
                                                  struct es_error *error);

#endif
