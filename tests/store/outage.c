/* The server itself stops: in order, or as if the power had failed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/writer.h"
#include "fixture.h"
#include "sample.h"
#include "tap.h"

enum { REQUESTS_MAX = 4000, IN_FLIGHT = 8 };

#define PUT "{\"type\":\"put\",\"key\":\"a\",\"value\":1}"

static void
test_stop(const char *stop, int64_t time)
{
	struct es_store *store = fixture_store();
	struct sample_request request;

	is_int(sample_do(store, stop, PUT, NULL), ES_INVALID, "never");
	(void)time;
	(void)request;
	es_store_free(store);
}

static struct es_store *
open_store(void *context)
{
	(void)context;
	return fixture_store();
}

/* One client keeps a few requests under way while the server stops and starts again. */
struct load {
	struct es_writer *writer;
	struct sample_request *requests;
	int count;
};

static int
unanswered(const struct load *load)
{
	int count = 0;

	for (int i = load->count - 1; i >= 0 && i >= load->count - 2 * IN_FLIGHT; i--)
		count += load->requests[i].done == 0 ? 1 : 0;
	return count;
}

/* Until the monotonic time. */
static void
keep_going(struct load *load, int64_t until)
{
	while (es_clock_monotonic() < until && load->count < REQUESTS_MAX) {
		if (unanswered(load) >= IN_FLIGHT) {
			poll(NULL, 0, 1);
			continue;
		}
		struct sample_request *request = &load->requests[load->count];
		sample_request_begin(request, load->count % 2 == 0 ? "load-1" : "load-2", PUT);
		load->count++;
		es_writer_submit(load->writer, &request->append);
		poll(NULL, 0, 5);
	}
}
