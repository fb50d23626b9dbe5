/*
 * event/result.h - how every fallible function of the library answers.
 *
 * The outcome is one value of enum es_result; the reason, for whoever reads the reply, travels in one struct
 * es_error.  The library never logs and never exits.
 */
#ifndef ES_RESULT_H
#define ES_RESULT_H

#include <stdint.h>

#define ES_MUST_CHECK __attribute__((warn_unused_result))
#define ES_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

enum es_result {
	ES_OK,
	ES_INVALID,         /* the request does not parse: grammar, types, unknown members */
	ES_NOT_FOUND,       /* it names something that is not there */
	ES_GONE,            /* it names something from before the horizon, or of another log */
	ES_CONFLICT,        /* the caller decided on another version; error.version is the current one */
	ES_REFUSED,         /* understood, but a rule says no */
	ES_UNAVAILABLE,     /* no database just now; nothing was applied, the caller may try again */
	ES_OUTCOME_UNKNOWN, /* perhaps applied: only the same key sent again can tell */
	ES_FAILED,          /* a bug, or no memory; nothing was applied */
	ES_RESULT_MAX,
};

enum {
	ES_ERROR_DETAIL_MAX = 256, /* bytes: a sentence, and an offending value cut short */
	ES_ERROR_FIELD_MAX = 64,   /* bytes: the name of a member or parameter */
	ES_ERROR_VALUE_MAX = 60,   /* bytes of an offending value that are quoted */
};

/* Why something was refused.  Plain data: no ownership, may be copied.  Start from ES_ERROR_INIT. */
struct es_error {
	char detail[ES_ERROR_DETAIL_MAX]; /* lower case, no full stop, the offending value in quotes */
	char reason[ES_ERROR_DETAIL_MAX]; /* what the database said, for logs alone: it names paths and tables; or "" */
	char field[ES_ERROR_FIELD_MAX];   /* the member at fault, or "" */
	int64_t version;                  /* the version that helps (the current one, the horizon), or -1 */
	int index;                        /* of the command within its array, or -1 */
};

#define ES_ERROR_INIT                      \
	(struct es_error)                  \
	{                                  \
		.version = -1, .index = -1 \
	}

/*
 * Fills error's detail (cut to fit, never in the middle of a UTF-8 sequence) and field (NULL: none), and returns
 * code, so that a caller can write: return es_fail(error, ES_INVALID, "content", "...");
 */
enum es_result es_fail(struct es_error *error, enum es_result code, const char *field, const char *format, ...)
	ES_PRINTF(4, 5);

/* How many bytes of text, at most most, end where a UTF-8 sequence does: for "%.*s". */
int es_whole_bytes(const char *text, int most);

/* The reason for a log: what the database said where it did, else the detail.  Borrowed. */
const char *es_error_reason(const struct es_error *error);

/* The name of a result in lower case with hyphens ("outcome-unknown"), for logs and problem types.  Static. */
const char *es_result_name(enum es_result result);

#endif
