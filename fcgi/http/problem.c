#include "http/problem.h"

#include "http/status.h"

void
http_problem_write(struct es_text *text, int status, const char *type, const struct es_error *error)
{
	es_text_add_string(text, "{\"type\":\"/problems/");
	es_text_add_string(text, type);
	es_text_add_string(text, "\",\"title\":\"");
	es_text_add_string(text, http_status_title(status));
	es_text_add_string(text, "\",\"status\":");
	es_text_add_int64(text, status);
	if (error != NULL && error->detail[0] != '\0') {
		es_text_add_string(text, ",\"detail\":");
		es_text_add_json(text, error->detail);
	}
	if (error != NULL && error->field[0] != '\0') {
		es_text_add_string(text, ",\"field\":");
		es_text_add_json(text, error->field);
	}
	if (error != NULL && error->index >= 0) {
		es_text_add_string(text, ",\"index\":");
		es_text_add_int64(text, error->index);
	}
	if (error != NULL && error->version >= 0) {
		es_text_add_string(text, ",\"version\":");
		es_text_add_int64(text, error->version);
	}
	es_text_add_string(text, "}\n");
}

int
http_problem_status(enum es_result result)
{
	static const int statuses[ES_RESULT_MAX] = {
		[ES_OK] = 200,          [ES_INVALID] = 400,         [ES_NOT_FOUND] = 404,
		[ES_GONE] = 410,        [ES_CONFLICT] = 412,        [ES_REFUSED] = 422,
		[ES_UNAVAILABLE] = 503, [ES_OUTCOME_UNKNOWN] = 504, [ES_FAILED] = 500,
	};

	return (unsigned)result < ES_RESULT_MAX ? statuses[result] : 500;
}
