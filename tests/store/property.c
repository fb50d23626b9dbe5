/* Random logs in PostgreSQL; then what only the database itself can tell. */
#include "event/property.h"

#include <stdlib.h>

#include "fixture.h"

/* S(v - 1), without the keys that the changes of v name, and with what they put, against S(v). */
static long
wrong_changes(void)
{
	return (long)fixture_number(
		"SELECT count(*) FROM es.events e, LATERAL (SELECT"
		" (SELECT coalesce(jsonb_object_agg(s.key, jsonb_build_array(s.value, s.origin)), '{}')"
		"  FROM (SELECT f.key, f.value, f.origin FROM es.facts_at(e.stream_id, e.version - 1) f"
		"        WHERE f.key NOT IN (SELECT c.key FROM es.event_changes(e.stream_id, e.version) c)"
		"        UNION ALL SELECT c.key, c.value, c.origin FROM es.event_changes(e.stream_id, e.version) c"
		"        WHERE c.value IS NOT NULL) s) AS changed,"
		" (SELECT coalesce(jsonb_object_agg(f.key, jsonb_build_array(f.value, f.origin)), '{}')"
		"  FROM es.facts_at(e.stream_id, e.version) f) AS stood) p WHERE p.changed <> p.stood");
}

static long
needless_changes(void)
{
	return (long)fixture_number(
		"SELECT count(*) FROM es.events e, LATERAL es.event_changes(e.stream_id, e.version) c"
		" LEFT JOIN LATERAL es.facts_at(e.stream_id, e.version - 1) f ON f.key = c.key"
		" WHERE f.origin IS NOT DISTINCT FROM c.origin");
}

static long
wrong_live(void)
{
	return (long)fixture_number("SELECT count(*) FROM es.events e WHERE e.live <>"
	                            " (SELECT count(*) FROM es.facts_at(e.stream_id, e.version))");
}

static long
empty_rows(void)
{
	return (long)fixture_number("SELECT count(*) FROM es.facts WHERE until <= since");
}

static long
gaps(void)
{
	return (long)fixture_number("SELECT (SELECT max(position) - count(*) FROM es.events)"
	                            " + (SELECT count(*) FROM (SELECT max(version) <> count(*) AS gap FROM es.events"
	                            " GROUP BY stream_id) s WHERE gap)");
}

int
main(void)
{
	static const struct property_check checks[] = {
		{ "S(v - 1) and es.event_changes of v are S(v)", wrong_changes },
		{ "no event changes a fact into itself", needless_changes },
		{ "every event says how many facts stand after it", wrong_live },
		{ "no row of facts is empty", empty_rows },
		{ "versions and positions have no gaps", gaps },
		{ 0 },
	};
	const char *seed = getenv("SEED");

	return property_run(fixture_store, 200, seed == NULL ? 20261124 : strtoull(seed, NULL, 10), checks);
}
