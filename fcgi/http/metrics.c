#include "http/metrics.h"

#include <stdbool.h>

const int64_t http_microsecond_bounds[] = {
	100,    250,    500,    1000,    2500,    5000,    10000,    25000,    50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 0,
};

const int64_t http_size_bounds[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 0 };

void
http_histogram_observe(struct http_histogram *histogram, int64_t value)
{
	size_t bucket = 0;

	while (histogram->bounds[bucket] != 0 && value > histogram->bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

void
http_metrics_head(struct es_text *text, const char *name, const char *type, const char *help)
{
	es_text_add_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name, suffix and labels (with one more label of the histogram's, or ""), up to the blank before the value. */
static void
add_sample_name(struct es_text *text, const char *name, const char *suffix, const char *labels)
{
	es_text_add_string(text, name);
	es_text_add_string(text, suffix);
	if (labels != NULL && *labels != '\0') {
		es_text_add(text, "{", 1);
		es_text_add_string(text, labels);
		es_text_add(text, "}", 1);
	}
	es_text_add(text, " ", 1);
}

void
http_metrics_sample(struct es_text *text, const char *name, const char *labels, int64_t value)
{
	add_sample_name(text, name, "", labels);
	es_text_add_int64(text, value);
	es_text_add(text, "\n", 1);
}

void
http_metrics_histogram(struct es_text *text, const char *name, const char *labels,
                       const struct http_histogram *histogram)
{
	const char *separator = labels != NULL && *labels != '\0' ? "," : "";
	const char *others = labels == NULL ? "" : labels;
	int64_t count = 0;

	for (size_t bucket = 0;; bucket++) {
		const int64_t bound = histogram->bounds[bucket];
		count += atomic_load_explicit(&histogram->counts[bucket], memory_order_relaxed);
		es_text_add_format(text, "%s_bucket{%s%sle=\"", name, others, separator);
		if (bound == 0)
			es_text_add_string(text, "+Inf");
		else
			es_text_add_format(text, "%.10g", (double)bound * histogram->scale);
		es_text_add_format(text, "\"} %lld\n", (long long)count);
		if (bound == 0)
			break;
	}
	const int64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
	add_sample_name(text, name, "_sum", labels);
	es_text_add_format(text, "%.10g\n", (double)sum * histogram->scale);
	add_sample_name(text, name, "_count", labels);
	es_text_add_int64(text, count);
	es_text_add(text, "\n", 1);
}
