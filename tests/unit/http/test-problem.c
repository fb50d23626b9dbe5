/* The bodies of errors, and the status codes of results. */
#include <json-c/json.h>

#include "http/json.h"
#include "http/problem.h"
#include "http/status.h"
#include "tap.h"

static void
test_bodies(void)
{
	struct es_text text = ES_TEXT_INIT;
	struct es_error error = ES_ERROR_INIT;

	http_problem_write(&text, 404, "not-found", NULL);
	is_string(text.bytes, "{\"type\":\"/problems/not-found\",\"title\":\"Not Found\",\"status\":404}\n",
	          "without an error");

	es_text_clear(&text);
	(void)es_fail(&error, ES_INVALID, "content", "\"a\tb\" is wrong");
	error.index = 0;
	error.version = 0;
	http_problem_write(&text, 400, "invalid", &error);
	is_string(text.bytes,
	          "{\"type\":\"/problems/invalid\",\"title\":\"Bad Request\",\"status\":400,"
	          "\"detail\":\"\\\"a\\tb\\\" is wrong\",\"field\":\"content\",\"index\":0,\"version\":0}\n",
	          "with everything an error has");
	is_int(http_json_check(text.bytes, text.size, &error), ES_OK, "is JSON by our own rules");
	es_text_done(&text);
}

int
main(void)
{
	static const struct {
		enum es_result result;
		int status;
	} results[] = {
		{ ES_OK, 200 },          { ES_INVALID, 400 },         { ES_NOT_FOUND, 404 },
		{ ES_GONE, 410 },        { ES_CONFLICT, 412 },        { ES_REFUSED, 422 },
		{ ES_UNAVAILABLE, 503 }, { ES_OUTCOME_UNKNOWN, 504 }, { ES_FAILED, 500 },
	};

	for (size_t at = 0; at < sizeof results / sizeof results[0]; at++)
		is_int(http_problem_status(results[at].result), results[at].status, es_result_name(results[at].result));
	is_int(sizeof results / sizeof results[0], ES_RESULT_MAX, "every result has a status");
	for (size_t row = 0; row < HTTP_STATUS_COUNT; row++)
		is_int(http_status_row(http_status_of_row(row)), row, http_status_title(http_status_of_row(row)));
	is_string(http_status_title(299), "Unknown", "a status that we never send");
	is_int(http_status_of_row(http_status_row(299)), 0, "counts as other");
	test_bodies();
	return done_testing();
}
