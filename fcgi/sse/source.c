#include "sse/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/cleanup.h"

enum {
	FOLLOW_MAX = 256, /* events of one look: usually 100 KiB, at most 16 MiB of changes, and 1 MiB of data */
};

enum {
	STATEMENT_FOLLOW,
	STATEMENT_FILL,
	NUMBER_TEXT_SIZE = 24, /* an int64 in decimal, its sign and NUL */
};

/* The columns of an event, the same in both statements; what comes before them differs. */
enum column {
	COLUMN_NAME,
	COLUMN_VERSION,
	COLUMN_POSITION,
	COLUMN_BASE,
	COLUMN_RECORDED_AT,
	COLUMN_ID,
	COLUMN_TYPE,
	COLUMN_DATA,
	COLUMN_ACTOR,
	COLUMN_COMMAND_ID,
	COLUMN_CHANGES,
	COLUMN_MAX,
};

/* Columns of the first statement after those. */
enum { FOLLOW_LOG = COLUMN_MAX, FOLLOW_KNOWN, FOLLOW_HEAD_POSITION, FOLLOW_HEAD_ID, FOLLOW_FOUND };

/* And of the second. */
enum { FILL_HEAD = COLUMN_MAX, FILL_HORIZON };

/* Bounds of section "server-sent events" of the interface; 262144 is SSE_FRAME_MAX, 1048576 a ring. */
#define EVENT_COLUMNS                                                                    \
	"e.name, e.version, e.position, e.base,"                                         \
	" (extract(epoch FROM e.recorded_at) * 1000000)::bigint,"                        \
	" e.id, e.type, CASE WHEN octet_length(e.data::text) <= 262144 THEN e.data END," \
	" e.actor, e.command_id, CASE WHEN octet_length(c.changes) <= 65536 THEN c.changes END"

#define CHANGES                                                                                                      \
	"(SELECT CASE WHEN count(*) <= 500 THEN '[' || coalesce(string_agg("                                         \
	"CASE WHEN f.value IS NULL THEN '{\"key\":'::text || to_json(f.key) || ',\"removed\":true}'"                 \
	" ELSE '{\"key\":'::text || to_json(f.key) || ',\"value\":' || f.value || ',\"origin\":' || f.origin || '}'" \
	" END, ','), '') || ']' END AS changes"                                                                      \
	" FROM (SELECT * FROM es.event_changes(e.stream_id, e.version) LIMIT 501) AS f)"

/* What is new after position $1 (null: where does the log stand), whose event was $2, of the streams $3, up to $4. */
static const char follow[] =
	"SELECT " EVENT_COLUMNS ", l.log, l.known, h.position, h.id, e.found"
	" FROM (SELECT log, $1::bigint IS NULL OR $1 = 0"
	"  OR EXISTS (SELECT FROM es.events WHERE position = $1 AND id = $2::uuid) AS known FROM es.log) AS l"
	" LEFT JOIN LATERAL (SELECT position, id FROM es.events ORDER BY position DESC LIMIT 1) AS h ON true"
	" LEFT JOIN LATERAL (SELECT n.*, count(*) OVER () AS found,"
	"  sum(octet_length(n.data::text)) OVER (ORDER BY n.position) - octet_length(n.data::text) AS size_before"
	"  FROM (SELECT s.name, e.* FROM es.events AS e JOIN es.streams AS s USING (stream_id)"
	"   WHERE e.position > $1 AND ($3::text[] IS NULL OR s.name = ANY ($3))"
	"   ORDER BY e.position LIMIT $4) AS n) AS e ON e.size_before <= 1048576"
	" LEFT JOIN LATERAL " CHANGES " AS c ON e.version IS NOT NULL"
	" ORDER BY e.position";

/* The newest events of stream $1 after version $2, up to version $3 (null: the head), at most $4 of them. */
static const char fill[] =
	"SELECT " EVENT_COLUMNS ", coalesce(h.version, 0), coalesce(s.horizon, 1)"
	" FROM (VALUES ($1::text)) AS wanted (name)"
	" LEFT JOIN es.streams AS s ON s.name = wanted.name"
	" LEFT JOIN LATERAL (SELECT version FROM es.events WHERE stream_id = s.stream_id"
	"  ORDER BY version DESC LIMIT 1) AS h ON true"
	" LEFT JOIN LATERAL (SELECT s.name, e.*, sum(octet_length(e.data::text)) OVER (ORDER BY e.version DESC) AS size"
	"  FROM es.events AS e WHERE e.stream_id = s.stream_id AND e.version > $2::bigint AND e.version >= s.horizon"
	"  AND e.version <= coalesce($3::bigint, h.version) ORDER BY e.version DESC LIMIT $4) AS e ON e.size <= 1048576"
	" LEFT JOIN LATERAL " CHANGES " AS c ON e.version IS NOT NULL"
	" ORDER BY e.version DESC";

static const struct es_statement statements[] = {
	[STATEMENT_FOLLOW] = { "sse_follow", follow },
	[STATEMENT_FILL] = { "sse_fill", fill },
	{ NULL, NULL },
};

enum es_result
sse_source_init(struct sse_source *source, const char *conninfo, struct es_error *error)
{
	const struct es_database_options options = {
		.conninfo = conninfo,
		.application_name = "sse.fcgi",
		.statements = statements,
		.setup = ES_DATABASE_PLANS "SET default_transaction_read_only = on; LISTEN es_events",
	};

	*source = (struct sse_source){ .database = es_database_new(&options) };
	if (source->database == NULL)
		return es_fail(error, ES_FAILED, NULL, "no memory for a database connection");
	return ES_OK;
}

void
sse_source_done(struct sse_source *source)
{
	es_database_free(source->database);
	*source = (struct sse_source){ 0 };
}

static int64_t
get_number(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* NULL where SQL has it. */
static const char *
get_text(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

/* Makes the frames of all rows that hold an event.  False: no memory. */
static bool
add_events(struct sse_news *news, const PGresult *result, const char *log)
{
	const int rows = PQntuples(result);

	news->events = calloc((size_t)rows, sizeof *news->events);
	if (news->events == NULL)
		return false;
	for (int row = 0; row < rows; row++) {
		if (PQgetisnull(result, row, COLUMN_VERSION))
			continue;
		const struct sse_event event = {
			.version = get_number(result, row, COLUMN_VERSION),
			.position = get_number(result, row, COLUMN_POSITION),
			.base = get_number(result, row, COLUMN_BASE),
			.recorded_at = get_number(result, row, COLUMN_RECORDED_AT),
			.id = get_text(result, row, COLUMN_ID),
			.type = get_text(result, row, COLUMN_TYPE),
			.data = get_text(result, row, COLUMN_DATA),
			.actor = get_text(result, row, COLUMN_ACTOR),
			.command_id = get_text(result, row, COLUMN_COMMAND_ID),
			.changes = get_text(result, row, COLUMN_CHANGES),
		};
		struct sse_news_event *at = &news->events[news->count++];
		snprintf(at->name, sizeof at->name, "%s", PQgetvalue(result, row, COLUMN_NAME));
		at->version = event.version;
		at->recorded_at = event.recorded_at;
		at->offset = news->bytes.size;
		sse_frame_event(&news->bytes, &event, log);
		at->size = news->bytes.size - at->offset;
	}
	news->letter.size = news->bytes.size + (size_t)rows * sizeof *news->events;
	return !es_text_failed(&news->bytes);
}

static enum es_result
fail_without_memory(struct sse_news *news, struct es_error *error)
{
	if (news != NULL)
		sse_news_free(&news->letter);
	return es_fail(error, ES_FAILED, NULL, "no memory for news");
}

/* Goes on from the newest event of the log. */
static void
move_to_head(struct sse_source *source, const PGresult *result)
{
	source->position = get_number(result, 0, FOLLOW_HEAD_POSITION);
	snprintf(source->id, sizeof source->id, "%s", PQgetvalue(result, 0, FOLLOW_HEAD_ID));
}

enum es_result
sse_source_follow(struct sse_source *source, const char *names, int64_t deadline, struct sse_news **ret_news,
                  bool *ret_more, struct es_error *error)
{
	struct es_parameters parameters = { 0 };
	char position[NUMBER_TEXT_SIZE];
	char limit[NUMBER_TEXT_SIZE];
	PGresult *answer = NULL;

	snprintf(position, sizeof position, "%" PRId64, source->position);
	snprintf(limit, sizeof limit, "%d", FOLLOW_MAX);
	es_parameters_add(&parameters, source->started ? position : NULL);
	es_parameters_add(&parameters, source->id[0] == '\0' ? NULL : source->id);
	es_parameters_add(&parameters, names);
	es_parameters_add(&parameters, limit);
	const enum es_result asked =
		es_database_query(source->database, STATEMENT_FOLLOW, &parameters, deadline, &answer, error);
	if (asked != ES_OK)
		return asked;
	_cleanup_result_ PGresult *result = answer;
	const int rows = PQntuples(result);
	if (rows == 0)
		return es_fail(error, ES_FAILED, NULL, "the log has no id: es.log is empty, run sql/install.sh");

	const char *log = PQgetvalue(result, 0, FOLLOW_LOG);
	const bool another =
		!source->started || strcmp(log, source->log) != 0 || PQgetvalue(result, 0, FOLLOW_KNOWN)[0] != 't';
	struct sse_news *news = sse_news_new(another ? SSE_NEWS_LOG : SSE_NEWS_EVENTS, "");
	if (news == NULL || (!another && !add_events(news, result, log)))
		return fail_without_memory(news, error);
	const int64_t found = get_number(result, 0, FOLLOW_FOUND);
	*ret_more = !another && (found == FOLLOW_MAX || found > (int64_t)news->count);
	if (*ret_more) {
		source->position = get_number(result, rows - 1, COLUMN_POSITION);
		snprintf(source->id, sizeof source->id, "%s", PQgetvalue(result, rows - 1, COLUMN_ID));
	} else {
		move_to_head(source, result);
	}
	snprintf(source->log, sizeof source->log, "%s", log);
	snprintf(news->log, sizeof news->log, "%s", log);
	source->started = true;
	*ret_news = news;
	return ES_OK;
}

enum es_result
sse_source_fill(struct sse_source *source, const struct sse_order *order, int64_t deadline, struct sse_news **ret_news,
                struct es_error *error)
{
	struct es_parameters parameters = { 0 };
	char after[NUMBER_TEXT_SIZE];
	char until[NUMBER_TEXT_SIZE];
	char limit[NUMBER_TEXT_SIZE];
	PGresult *answer = NULL;

	/* what nothing from before is wanted of, or could be had, is what comes after the last possible version */
	const bool given_up = order->failures >= SSE_FILL_TRIES;
	snprintf(after, sizeof after, "%" PRId64, order->after < 0 || given_up ? INT64_MAX : order->after);
	snprintf(until, sizeof until, "%" PRId64, order->until);
	snprintf(limit, sizeof limit, "%d", SSE_RING_EVENTS_MAX);
	es_parameters_add(&parameters, order->name);
	es_parameters_add(&parameters, after);
	es_parameters_add(&parameters, order->until == 0 ? NULL : until);
	es_parameters_add(&parameters, limit);
	const enum es_result asked =
		es_database_query(source->database, STATEMENT_FILL, &parameters, deadline, &answer, error);
	if (asked != ES_OK)
		return asked;
	_cleanup_result_ PGresult *result = answer;

	struct sse_news *news = sse_news_new(SSE_NEWS_FILLED, order->name);
	if (news == NULL || !add_events(news, result, source->log))
		return fail_without_memory(news, error);
	news->head = get_number(result, 0, FILL_HEAD);
	news->horizon = get_number(result, 0, FILL_HORIZON);
	news->until = order->until;
	const int64_t top = order->until == 0 ? news->head : order->until;
	const int64_t floor = news->count == 0 ? top : news->events[news->count - 1].version - 1;
	news->exhausted = order->after >= 0 && floor > order->after;
	*ret_news = news;
	return ES_OK;
}
