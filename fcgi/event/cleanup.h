/*
 * event/cleanup.h - locals that free themselves at the end of their scope.
 *
 * Declare with the matching word (_cleanup_free_ char *name = ...); hand ownership on with es_steal.
 */
#ifndef ES_CLEANUP_H
#define ES_CLEANUP_H

#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "event/text.h"

static inline void
es_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void
es_cleanup_json(struct json_object **object)
{
	json_object_put(*object);
}

static inline void
es_cleanup_result(PGresult **result)
{
	PQclear(*result);
}

#define _cleanup_free_ __attribute__((cleanup(es_cleanup_free)))
#define _cleanup_json_ __attribute__((cleanup(es_cleanup_json)))
#define _cleanup_result_ __attribute__((cleanup(es_cleanup_result)))
#define _cleanup_text_ __attribute__((cleanup(es_text_done)))

/* Takes what pointer held and leaves NULL, so that the cleanup at the end of the scope frees nothing. */
#define es_steal(pointer)                                \
	__extension__({                                  \
		__typeof__(pointer) stolen_ = (pointer); \
		(pointer) = NULL;                        \
		stolen_;                                 \
	})

#endif
