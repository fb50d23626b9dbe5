/* Metrics as Prometheus reads them, and log lines. */
#include <unistd.h>

#include "http/log.h"
#include "http/metrics.h"
#include "http/server.h"
#include "http/tally.h"
#include "tap.h"

static const int64_t bounds[] = { 10, 100, 0 };

/* How many bounds there are; too many where they do not rise. */
static int
count_rising(const int64_t *limits)
{
	int count = 0;

	for (; limits[count] != 0; count++)
		if (count > 0 && limits[count] <= limits[count - 1])
			return HTTP_BUCKETS_MAX + 1;
	return count;
}

static void
test_histogram(void)
{
	struct http_histogram histogram = { .bounds = bounds, .scale = 0.5 };
	struct es_text text = ES_TEXT_INIT;

	http_histogram_observe(&histogram, 10);
	http_histogram_observe(&histogram, 11);
	http_histogram_observe(&histogram, 1000);
	http_metrics_head(&text, "size", "histogram", "Sizes.");
	http_metrics_histogram(&text, "size", "route=\"a\"", &histogram);
	http_metrics_histogram(&text, "bare", NULL, &histogram);
	is_string(text.bytes,
	          "# HELP size Sizes.\n# TYPE size histogram\n"
	          "size_bucket{route=\"a\",le=\"5\"} 1\n"
	          "size_bucket{route=\"a\",le=\"50\"} 2\n"
	          "size_bucket{route=\"a\",le=\"+Inf\"} 3\n"
	          "size_sum{route=\"a\"} 510.5\n"
	          "size_count{route=\"a\"} 3\n"
	          "bare_bucket{le=\"5\"} 1\n"
	          "bare_bucket{le=\"50\"} 2\n"
	          "bare_bucket{le=\"+Inf\"} 3\n"
	          "bare_sum 510.5\n"
	          "bare_count 3\n",
	          "a histogram with and without labels");
	es_text_clear(&text);
	http_metrics_sample(&text, "open", NULL, -3);
	http_metrics_sample(&text, "open", "kind=\"idle\"", 4);
	is_string(text.bytes, "open -3\nopen{kind=\"idle\"} 4\n", "samples with and without labels");
	es_text_done(&text);
	ok(count_rising(http_microsecond_bounds) <= HTTP_BUCKETS_MAX, "the bounds for time fit a histogram");
	ok(count_rising(http_size_bounds) <= HTTP_BUCKETS_MAX, "the bounds for sizes fit a histogram");
}

static void
test_tally(void)
{
	static const struct http_route routes[] = {
		{ .pattern = "/a", .name = "a" },
		{ .pattern = "/b", .name = "b" },
		{ 0 },
	};
	struct http_tally *tally = http_tally_new(routes);
	struct es_text text = ES_TEXT_INIT;

	if (tally == NULL)
		bail("no memory");
	http_tally_count(tally, &routes[1], 200, 50);
	http_tally_count(tally, &routes[1], 200, 2000000);
	http_tally_count(tally, &routes[1], 304, 50);
	http_tally_count(tally, NULL, 404, 50);
	http_tally_write(tally, &text, "x");
	ok(strstr(text.bytes, "x_http_requests_total{route=\"b\",code=\"200\"} 2\n") != NULL, "two of one status");
	ok(strstr(text.bytes, "x_http_requests_total{route=\"b\",code=\"304\"} 1\n") != NULL, "one of another");
	ok(strstr(text.bytes, "x_http_requests_total{route=\"none\",code=\"404\"} 1\n") != NULL, "one without a route");
	ok(strstr(text.bytes, "route=\"a\"") == NULL, "nothing of a route without requests");
	ok(strstr(text.bytes, "x_http_request_duration_seconds_bucket{route=\"b\",le=\"0.0001\"} 2\n") != NULL,
	   "durations in seconds");
	ok(strstr(text.bytes, "x_http_request_duration_seconds_count{route=\"b\"} 3\n") != NULL, "all durations");
	es_text_done(&text);
	http_tally_free(tally);
}

/* Runs http_log with stderr in a pipe; returns what it wrote. */
static const char *
logged(const char *message, const char *value)
{
	static char line[4096];
	char quoted[HTTP_LOG_QUOTE_SIZE];
	int ends[2];

	if (pipe(ends) != 0)
		bail("no pipe");
	const int before = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	http_log("error", message, "socket=%s count=%d", http_log_quote(value, quoted), 3);
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[1]);
	const ssize_t size = read(ends[0], line, sizeof line - 1);
	line[size < 0 ? 0 : size] = '\0';
	close(ends[0]);
	return line;
}

static void
test_log(void)
{
	char large[HTTP_LOG_QUOTE_SIZE * 2];

	is_string(logged("cannot bind", "/run/x"), "level=error msg=\"cannot bind\" socket=\"/run/x\" count=3\n",
	          "one line");
	is_string(logged("a \"b\"", "c\\d\ne"), "level=error msg=\"a \\\"b\\\"\" socket=\"c\\\\d e\" count=3\n",
	          "quotes and backslashes escaped, no line feed inside");
	memset(large, '"', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	const char *line = logged(large, large);
	ok(strlen(line) < sizeof large * 2 && line[strlen(line) - 1] == '\n', "a large message is cut, not torn");
}

int
main(void)
{
	test_histogram();
	test_tally();
	test_log();
	return done_testing();
}
