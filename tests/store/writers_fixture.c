#include "writers_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/sample.h"
#include "fixture.h"
#include "tap.h"

struct told *
share(void)
{
	struct told *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (told == MAP_FAILED)
		bail("no memory to share");
	return told;
}

void
is_log(const char *stream, int events)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	         "SELECT count(*) * 1000 + coalesce(max(version), 0) FROM es.events JOIN es.streams USING (stream_id)"
	         " WHERE name = '%s'",
	         stream);
	is_int(fixture_number(sql), events * 1001, "the log has each event once, without gaps");
}

static int pauses;

static void
stop_once(void)
{
	if (pauses++ == 0)
		raise(SIGSTOP);
}

pid_t
start_stopping(const char *const *streams, const char *const *bodies, const char *key, int count, struct told *told)
{
	int status;

	fflush(stdout);
	const pid_t child = fork();
	if (child == 0) {
		struct sample_request requests[CHILD_REQUESTS];
		struct es_store *store = fixture_store();
		sample_pause = stop_once;
		for (int i = 0; i < count; i++) {
			sample_request_begin(&requests[i], streams[i], bodies[i]);
			if (key != NULL && strcmp(bodies[i], PAUSE) == 0)
				sample_request_key(&requests[i], key);
		}
		sample_apply(store, requests, count, NULL);
		for (int i = 0; i < count; i++) {
			told->results[i] = requests[i].append.result;
			told->versions[i] = requests[i].append.version;
			if (strcmp(bodies[i], PAUSE) == 0)
				snprintf(told->field, sizeof told->field, "%s", requests[i].append.error.field);
			sample_request_done(&requests[i]);
		}
		es_store_free(store);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		bail("the child did not stop");
	return child;
}

void
continue_child(pid_t child)
{
	int status = -1;

	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	is_int(status, 0, "the stopped one goes on and ends");
}
