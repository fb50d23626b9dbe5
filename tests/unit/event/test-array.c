#include "event/array.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "tap.h"

static int32_t
int32_at(const struct es_parameters *parameters, size_t offset)
{
	uint32_t network;

	memcpy(&network, parameters->values[0] + offset, sizeof network);
	return (int32_t)ntohl(network);
}

static void
check_header(const struct es_parameters *parameters, int count, int type, int size)
{
	is_int(parameters->count, 1, "one parameter");
	is_int(parameters->formats[0], 1, "in binary");
	is_int(parameters->lengths[0], size, "of this many bytes");
	is_int(int32_at(parameters, 0), 1, "one dimension");
	is_int(int32_at(parameters, 8), type, "the type of its elements");
	is_int(int32_at(parameters, 12), count, "their number");
	is_int(int32_at(parameters, 16), 1, "from 1");
}

int
main(void)
{
	struct es_array array = { 0 };
	struct es_parameters parameters = { 0 };
	uint64_t number;

	es_array_begin(&array, ES_ARRAY_INT8);
	es_array_add_int64(&array, -2);
	es_array_add_null(&array);
	es_array_add_int64(&array, INT64_MAX);
	ok(es_array_parameter(&array, &parameters), "an array of numbers");
	check_header(&parameters, 3, 20, 20 + 12 + 4 + 12);
	is_int(int32_at(&parameters, 20), 8, "eight bytes");
	memcpy(&number, parameters.values[0] + 24, sizeof number);
	is_int((int64_t)be64toh(number), -2, "the first number");
	is_int(int32_at(&parameters, 32), -1, "a null");
	memcpy(&number, parameters.values[0] + 40, sizeof number);
	is_int((int64_t)be64toh(number), INT64_MAX, "the last number");

	parameters = (struct es_parameters){ 0 };
	es_array_begin(&array, ES_ARRAY_TEXT);
	es_array_add_text(&array, "a\"{},\\b");
	es_array_add_text(&array, "");
	es_array_add_text(&array, NULL);
	ok(es_array_parameter(&array, &parameters), "used again, for texts");
	check_header(&parameters, 3, 25, 20 + 4 + 7 + 4 + 4);
	ok(memcmp(parameters.values[0] + 24, "a\"{},\\b", 7) == 0, "a text as it is");
	is_int(int32_at(&parameters, 31), 0, "an empty text");
	is_int(int32_at(&parameters, 35), -1, "a text that is NULL is a null");

	parameters = (struct es_parameters){ 0 };
	const struct es_uuid uuid = es_uuid_new();
	es_array_begin(&array, ES_ARRAY_UUID);
	es_array_add_uuid(&array, &uuid);
	ok(es_array_parameter(&array, &parameters), "an array of identifiers");
	check_header(&parameters, 1, 2950, 20 + 4 + 16);
	ok(memcmp(parameters.values[0] + 24, uuid.bytes, 16) == 0, "the identifier");

	parameters = (struct es_parameters){ 0 };
	es_array_begin(&array, ES_ARRAY_UUID);
	ok(es_array_parameter(&array, &parameters) && parameters.values[0] == NULL, "an array of nothing is a null");

	parameters = (struct es_parameters){ 0 };
	es_array_begin(&array, ES_ARRAY_TEXT);
	es_array_add_null(&array);
	es_array_add_text(&array, NULL);
	ok(es_array_parameter(&array, &parameters) && parameters.values[0] == NULL, "so is one of nulls alone");

	es_text_add(&array.bytes, "x", SIZE_MAX / 2);
	ok(!es_array_parameter(&array, &parameters), "one that could not be built is told");
	is_int(parameters.count, 1, "and not added");
	es_array_begin(&array, ES_ARRAY_INT8);
	ok(es_array_parameter(&array, &parameters), "a failure does not outlive its array");
	es_array_done(&array);
	es_array_done(&(struct es_array){ 0 });
	return done_testing();
}
