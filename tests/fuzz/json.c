/*
 * tests/fuzz/json.c - the strict JSON scanner.
 *
 * What it accepts json-c must accept as well, and what json-c writes of it must be accepted again.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *value = NULL;
	struct es_error error = ES_ERROR_INIT;
	const enum es_result result = http_json_parse((const char *)data, size, &value, &error);

	if (result == ES_INVALID)
		return 0;
	if (result != ES_OK || value == NULL)
		abort(); /* json-c refused what the scanner accepted */
	const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	if (http_json_check(text, strlen(text), &error) != ES_OK)
		abort();
	json_object_put(value);
	return 0;
}
