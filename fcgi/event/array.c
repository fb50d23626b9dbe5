#include "event/array.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

/* Five 32-bit numbers in network order. */
enum { HEADER_SIZE = 20, COUNT_OFFSET = 12 };

static void
add_int32(struct es_text *bytes, int32_t number)
{
	const uint32_t network = htonl((uint32_t)number);

	es_text_add(bytes, &network, sizeof network);
}

void
es_array_begin(struct es_array *array, enum es_array_type type)
{
	if (array->bytes.bytes == NULL)
		array->bytes = ES_TEXT_INIT;
	es_text_clear(&array->bytes);
	array->count = 0;
	array->null_count = 0;
	add_int32(&array->bytes, 1);
	add_int32(&array->bytes, 1); /* there may be nulls */
	add_int32(&array->bytes, (int32_t)type);
	add_int32(&array->bytes, 0); /* the count, when it is known */
	add_int32(&array->bytes, 1);
}

void
es_array_add_int64(struct es_array *array, int64_t number)
{
	const uint64_t network = htobe64((uint64_t)number);

	add_int32(&array->bytes, sizeof network);
	es_text_add(&array->bytes, &network, sizeof network);
	array->count++;
}

void
es_array_add_text(struct es_array *array, const char *text)
{
	if (text == NULL) {
		es_array_add_null(array);
		return;
	}
	const size_t size = strlen(text);
	add_int32(&array->bytes, (int32_t)size);
	es_text_add(&array->bytes, text, size);
	array->count++;
}

void
es_array_add_uuid(struct es_array *array, const struct es_uuid *uuid)
{
	add_int32(&array->bytes, sizeof uuid->bytes);
	es_text_add(&array->bytes, uuid->bytes, sizeof uuid->bytes);
	array->count++;
}

void
es_array_add_null(struct es_array *array)
{
	add_int32(&array->bytes, -1);
	array->count++;
	array->null_count++;
}

bool
es_array_parameter(struct es_array *array, struct es_parameters *parameters)
{
	const uint32_t count = htonl((uint32_t)array->count);

	if (es_text_failed(&array->bytes) || array->bytes.size < HEADER_SIZE)
		return false;
	if (array->null_count == array->count) {
		es_parameters_add(parameters, NULL);
		return true;
	}
	memcpy(array->bytes.bytes + COUNT_OFFSET, &count, sizeof count);
	es_parameters_add_binary(parameters, array->bytes.bytes, array->bytes.size);
	return true;
}

void
es_array_done(struct es_array *array)
{
	if (array->bytes.bytes != NULL)
		es_text_done(&array->bytes);
}
