/*
 * event/array.h - arrays as PostgreSQL reads them in binary: no quoting, no escapes.
 *
 * The format is that of array_recv (src/backend/utils/adt/arrayfuncs.c): number of dimensions, a flag for nulls, the
 * element type, size and lower bound; then each element's length in bytes (-1: null) and its bytes.
 */
#ifndef ES_ARRAY_H
#define ES_ARRAY_H

#include <stdint.h>

#include "event/database.h"
#include "event/text.h"
#include "event/uuid.h"

/* Types of elements: their object identifiers, fixed in every PostgreSQL. */
enum es_array_type { ES_ARRAY_INT8 = 20, ES_ARRAY_TEXT = 25, ES_ARRAY_UUID = 2950 };

/* Adding never fails visibly; es_array_parameter answers false where something did. */
struct es_array {
	struct es_text bytes;
	int32_t count;
	int32_t null_count;
};

/* Empties array (which may be used or { 0 }) and begins one of type. */
void es_array_begin(struct es_array *array, enum es_array_type type);
void es_array_add_int64(struct es_array *array, int64_t number);
void es_array_add_text(struct es_array *array, const char *text); /* NULL: a null */
void es_array_add_uuid(struct es_array *array, const struct es_uuid *uuid);
void es_array_add_null(struct es_array *array);

/*
 * Adds the array, which must live until the statement is sent, to parameters; one without a value is a null itself.
 * False: it could not be built.
 */
bool es_array_parameter(struct es_array *array, struct es_parameters *parameters);

void es_array_done(struct es_array *array);

#endif
