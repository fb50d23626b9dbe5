#include "event/postgres.h"

/* This is SQL, and laid out as such. */
/* clang-format off */

/* A time as microseconds since 1970, exactly: extract gives a numeric. */
#define MICROSECONDS(time) "(extract(epoch FROM " time ") * 1000000)::bigint"

/* A stream's newest event, read backwards off the primary key. */
#define NEWEST_EVENT                                                                               \
	" LEFT JOIN LATERAL (SELECT n.version, n.live FROM es.events n WHERE n.stream_id = s.stream_id" \
	" ORDER BY n.version DESC LIMIT 1) e ON true "

/*
 * A page of events: $1 stream, $2 the version they are active as of, $3 cursor, $4 type, $5 text, $6 limit, $7 bytes,
 * $8 how many are examined.  The window decides how far; the page's own rows decide which active ranges are needed.
 */
#define EVENTS_PAGE(window, order)                                                                 \
	"WITH found AS MATERIALIZED ("                                                             \
	" SELECT e.*, octet_length(e.data::text) AS size FROM es.events e"                         \
	" WHERE e.stream_id = $1::bigint AND e.version <= $2::bigint AND " window                  \
	" AND ($4::text IS NULL OR e.type = $4::text)"                                             \
	" AND ($5::text IS NULL OR es.data_contains(e.data, $5::text))"                            \
	" ORDER BY e.version " order " LIMIT $6::bigint),"                                         \
	"sized AS MATERIALIZED (SELECT found.*, count(*) OVER () AS found_count,"                  \
	" sum(size) OVER (ORDER BY version " order ") - size AS size_before FROM found),"          \
	"page AS MATERIALIZED (SELECT * FROM sized WHERE size_before < $7::bigint),"               \
	"bounds AS MATERIALIZED (SELECT min(version) AS lowest, max(version) AS highest FROM page),"     \
	"ranges AS MATERIALIZED (SELECT r.low, r.high FROM bounds,"                                \
	" LATERAL es.active_ranges($1::bigint, $2::bigint, bounds.lowest, bounds.highest) r"       \
	" WHERE bounds.lowest IS NOT NULL)"                                                        \
	"SELECT p.version, p.position, p.id, p.type, p.data, p.base, p.actor, p.command_id, "      \
	MICROSECONDS("p.recorded_at")                                                              \
	", EXISTS (SELECT FROM ranges r WHERE p.version BETWEEN r.low AND r.high), p.found_count"  \
	" FROM page p ORDER BY p.version " order

/* Arrays are unnested side by side in a select list, never in FROM: es.append says why. */
const struct es_statement es_postgres_statements[STATEMENT_MAX + 1] = {
	[STATEMENT_BEGIN] = { "begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" },
	[STATEMENT_LOCK_STREAMS] = { "lock_streams", "SELECT es.lock_streams($1::text[])" },
	/* a stream that is not there yet gets its number now, and its row only when it has an event */
	[STATEMENT_HEADS] = { "heads",
	                      "SELECT l.log, coalesce(s.stream_id, nextval('es.streams_stream_id_seq')),"
	                      " s.stream_id IS NULL, coalesce(s.horizon, 1), coalesce(e.version, 0), coalesce(e.live, 0)"
	                      " FROM es.log l CROSS JOIN (SELECT unnest($1::text[]) AS name, unnest($2::bigint[]) AS place) u"
	                      " LEFT JOIN es.streams s ON s.name = u.name" NEWEST_EVENT "ORDER BY u.place" },
	[STATEMENT_KEYS] = { "keys",
	                     "SELECT u.place, c.stream_id, c.first_version, c.last_version, c.request_hash"
	                     " FROM (SELECT unnest($1::uuid[]) AS id, unnest($2::bigint[]) AS place) u"
	                     " JOIN es.commands c ON c.command_id = u.id" },
	[STATEMENT_FETCH_FACTS] = { "fetch_facts",
	                            "SELECT u.stream, u.key, f.value"
	                            " FROM (SELECT unnest($1::bigint[]) AS stream, unnest($2::text[]) AS name,"
	                            " unnest($3::text[]) AS key) u"
	                            " JOIN es.streams s ON s.name = u.name"
	                            " JOIN es.facts f ON f.stream_id = s.stream_id AND f.key = u.key AND f.until IS NULL" },
	/* the state before a target is the one after the event before; below the horizon there is no such event */
	[STATEMENT_TARGETS] = { "targets",
	                        "SELECT u.place, coalesce(e.live, CASE WHEN u.version - 1 < s.horizon"
	                        " THEN es.stream_live_at(s.stream_id, u.version - 1) END, -1)"
	                        " FROM (SELECT unnest($1::text[]) AS name, unnest($2::bigint[]) AS version,"
	                        " unnest($3::bigint[]) AS place) u"
	                        " JOIN es.streams s ON s.name = u.name"
	                        " LEFT JOIN es.events e ON e.stream_id = s.stream_id AND e.version = u.version - 1" },
	/* the log, and 29 arrays: see postgres_write.c */
	[STATEMENT_APPEND] = { "append",
	                       "SELECT es.append($1::text, $2::text[], $3::bigint[], $4::bigint[], $5::uuid[],"
	                       " $6::bigint[], $7::text[], $8::bigint[],"
	                       " $9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::bigint[],"
	                       " $14::bigint[], $15::bigint[], $16::bigint[],"
	                       " $17::bigint[], $18::bigint[], $19::uuid[], $20::text[], $21::text[], $22::bigint[],"
	                       " $23::text[], $24::uuid[], $25::bigint[],"
	                       " $26::uuid[], $27::bigint[], $28::bigint[], $29::bigint[], $30::uuid[])" },
	[STATEMENT_COMMIT] = { "commit", "COMMIT" },
	[STATEMENT_ROLLBACK] = { "rollback", "ROLLBACK" },
	[STATEMENT_FIND_EVENT] = { "find_event",
	                           "SELECT e.position, " MICROSECONDS("e.recorded_at")
	                           " FROM es.events e WHERE e.stream_id = $1::bigint AND e.version = $2::bigint"
	                           " AND e.id = $3::uuid" },
	[STATEMENT_FIND_ANSWER] = { "find_answer",
	                            "SELECT 0, 0 FROM es.commands c WHERE c.command_id = $1::uuid"
	                            " AND c.stream_id = $2::bigint" },
	[STATEMENT_END_HUNG_HOLDERS] = { "end_hung_holders", "SELECT es.end_hung_holders('5 s'::interval)" },

	[STATEMENT_HEAD] = { "head",
	                     "SELECT l.log, coalesce(s.stream_id, 0), coalesce(s.horizon, 1), coalesce(e.version, 0)"
	                     " FROM es.log l LEFT JOIN es.streams s ON s.name = $1::text" NEWEST_EVENT },
	[STATEMENT_FACTS] = { "facts",
	                      "SELECT p.key, p.value, p.origin, p.found_count FROM ("
	                      " SELECT q.*, count(*) OVER () AS found_count,"
	                      " sum(size) OVER (ORDER BY origin, key) - size AS size_before FROM ("
	                      "  SELECT f.key, f.value, f.origin, octet_length(f.value::text) AS size"
	                      "  FROM es.facts_at($1::bigint, $2::bigint) f"
	                      "  WHERE f.origin >= $3::bigint AND (f.origin, f.key) > ($3::bigint, $4::text)"
	                      "  ORDER BY f.origin, f.key LIMIT $5::bigint) q) p"
	                      " WHERE p.size_before < $6::bigint ORDER BY p.origin, p.key" },
	[STATEMENT_EVENTS_NEWEST_FIRST] = { "events_newest_first",
	                                    EVENTS_PAGE("e.version <= $3::bigint AND e.version > $3::bigint - $8::bigint",
	                                                "DESC") },
	[STATEMENT_EVENTS_OLDEST_FIRST] = { "events_oldest_first",
	                                    EVENTS_PAGE("e.version > $3::bigint AND e.version <= $3::bigint + $8::bigint",
	                                                "ASC") },
	/* sorted by where an item stands: its origin in the later state, or in the earlier one where it is gone */
	[STATEMENT_DIFFERENCES] = { "differences",
	                            "WITH d AS MATERIALIZED (SELECT t.*, coalesce(t.to_origin, t.from_origin) AS place"
	                            " FROM es.fact_diff($1::bigint, $2::bigint, $3::bigint) t),"
	                            "totals AS (SELECT count(*) FILTER (WHERE from_origin IS NULL) AS added,"
	                            " count(*) FILTER (WHERE to_origin IS NULL) AS removed,"
	                            " count(*) FILTER (WHERE from_origin IS NOT NULL AND to_origin IS NOT NULL) AS changed"
	                            " FROM d),"
	                            "found AS (SELECT * FROM d WHERE (place, key) > ($4::bigint, $5::text)"
	                            " ORDER BY place, key LIMIT $6::bigint),"
	                            "page AS (SELECT q.*, count(*) OVER () AS found_count,"
	                            " sum(size) OVER (ORDER BY place, key) - size AS size_before FROM ("
	                            " SELECT f.*, octet_length(coalesce(f.from_value::text, ''))"
	                            " + octet_length(coalesce(f.to_value::text, '')) AS size FROM found f) q)"
	                            "SELECT t.added, t.removed, t.changed, p.key, p.from_value, coalesce(p.from_origin, 0),"
	                            " p.to_value, coalesce(p.to_origin, 0), p.found_count"
	                            " FROM totals t LEFT JOIN page p ON p.size_before < $7::bigint"
	                            " ORDER BY p.place, p.key" },
	[STATEMENT_VERSION_AT] = { "version_at",
	                           "SELECT es.version_at($1::bigint, 'epoch'::timestamptz"
	                           " + $2::bigint * interval '1 microsecond')" },
	[STATEMENT_STREAMS] = { "streams",
	                        "SELECT s.name, e.version, e.live, " MICROSECONDS("e.recorded_at")
	                        " FROM es.streams s JOIN LATERAL (SELECT n.version, n.live, n.recorded_at"
	                        " FROM es.events n WHERE n.stream_id = s.stream_id ORDER BY n.version DESC LIMIT 1) e ON true"
	                        " WHERE s.name > $1::text ORDER BY s.name LIMIT $2::bigint" },
	[STATEMENT_MAX] = { NULL, NULL },
};
