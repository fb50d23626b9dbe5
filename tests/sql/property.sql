-- Random logs against a model written straight from the definition: S(v) = evolve(S(base(v)), event v).
BEGIN;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.state(stream bigint, version bigint) RETURNS jsonb
LANGUAGE sql
AS $$
	SELECT coalesce(jsonb_object_agg(f.key, jsonb_build_array(f.value, f.origin)), '{}') FROM es.facts_at(stream, version) AS f
$$;

-- Makes one log of that many events and compares; null where all is right, else what is wrong first.
CREATE FUNCTION pg_temp.wrong(seed integer, events integer) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	random_log CONSTANT text := 'random-' || seed;
	states jsonb[] := ARRAY[]::jsonb[]; -- of versions 1, 2 ...; the model's own
	bases bigint[] := ARRAY[]::bigint[];
	state jsonb;
	puts jsonb;
	removes text[];
	word text;
	stream bigint;
	a bigint;
	b bigint;
	chain bigint[];
	got jsonb;
	expected jsonb;
BEGIN
	PERFORM setseed(seed / 1000.0);
	FOR v IN 1..events LOOP
		IF v > 1 AND random() < 0.3 THEN
			a := 1 + floor(random() * (v - 1));
			PERFORM test.rewind(random_log, a);
			bases[v] := a - 1;
			state := CASE a WHEN 1 THEN '{}' ELSE states[a - 1] END;
		ELSE
			state := CASE v WHEN 1 THEN '{}' ELSE states[v - 1] END;
			puts := '{}';
			removes := '{}';
			FOR i IN 1..floor(random() * 4) LOOP
				word := 'key ' || floor(random() * 7);
				CONTINUE WHEN puts ? word OR word = ANY (removes);
				IF state ? word AND random() < 0.5 THEN
					removes := removes || word;
					state := state - word;
				ELSE
					puts := puts || jsonb_build_object(word, v % 5);
					state := state || jsonb_build_object(word, jsonb_build_array(v % 5, v));
				END IF;
			END LOOP;
			PERFORM test.append(random_log, puts, removes);
			bases[v] := v - 1;
		END IF;
		states[v] := state;
	END LOOP;
	stream := test.stream(random_log);

	FOR v IN 0..events LOOP
		expected := CASE v WHEN 0 THEN '{}' ELSE states[v] END;
		IF pg_temp.state(stream, v) <> expected THEN
			RETURN format('state %s is %s, should be %s', v, pg_temp.state(stream, v), expected);
		ELSIF es.stream_live_at(stream, v) <> (SELECT count(*) FROM jsonb_object_keys(expected)) THEN
			RETURN format('live at %s is %s', v, es.stream_live_at(stream, v));
		END IF;
		CONTINUE WHEN v = 0;

		state := CASE v WHEN 1 THEN '{}' ELSE states[v - 1] END;
		IF EXISTS (SELECT FROM es.event_changes(stream, v) AS c
			WHERE c.origin IS NULL AND NOT state ? c.key OR state -> c.key = jsonb_build_array(c.value, c.origin)) THEN
			RETURN format('the changes of %s tell what did not change', v);
		END IF;
		got := state - coalesce((SELECT array_agg(c.key) FROM es.event_changes(stream, v) AS c WHERE c.origin IS NULL), '{}')
			|| coalesce((SELECT jsonb_object_agg(c.key, jsonb_build_array(c.value, c.origin))
				FROM es.event_changes(stream, v) AS c WHERE c.origin IS NOT NULL), '{}');
		IF got <> expected THEN
			RETURN format('state %s plus the changes of %s is %s, should be %s', v - 1, v, got, expected);
		END IF;

		chain := ARRAY[]::bigint[];
		a := v;
		WHILE a > 0 LOOP
			chain := chain || a;
			a := bases[a];
		END LOOP;
		IF chain IS DISTINCT FROM (SELECT array_agg(n ORDER BY n DESC)
			FROM es.active_ranges(stream, v, 1, v) AS r CROSS JOIN generate_series(r.low, r.high) AS n) THEN
			RETURN format('active at %s should be %s', v, chain);
		END IF;
		a := 1 + floor(random() * v);
		b := a + floor(random() * (v + 1 - a));
		IF (SELECT array_agg(n ORDER BY n DESC) FROM unnest(chain) AS n WHERE n BETWEEN a AND b) IS DISTINCT FROM
			(SELECT array_agg(n ORDER BY n DESC) FROM es.active_ranges(stream, v, a, b) AS r
				CROSS JOIN generate_series(r.low, r.high) AS n WHERE n BETWEEN a AND b) THEN
			RETURN format('active at %s from %s to %s differs', v, a, b);
		ELSIF (SELECT count(*) FROM es.active_ranges(stream, v, a, b) AS r WHERE r.high < a OR r.low > b) > 0 THEN
			RETURN format('active at %s from %s to %s tells others', v, a, b);
		END IF;

		FOR i IN 1..3 LOOP
			a := floor(random() * (events + 1));
			b := floor(random() * (events + 1));
			state := CASE a WHEN 0 THEN '{}' ELSE states[a] END;
			expected := CASE b WHEN 0 THEN '{}' ELSE states[b] END;
			SELECT coalesce(jsonb_object_agg(k, jsonb_build_array(state -> k, expected -> k)), '{}') INTO expected
			FROM (SELECT DISTINCT jsonb_object_keys(state || expected)) AS keys (k)
			WHERE state -> k IS DISTINCT FROM expected -> k;
			SELECT coalesce(jsonb_object_agg(d.key, jsonb_build_array(
				CASE WHEN d.from_origin IS NOT NULL THEN jsonb_build_array(d.from_value, d.from_origin) END,
				CASE WHEN d.to_origin IS NOT NULL THEN jsonb_build_array(d.to_value, d.to_origin) END)), '{}') INTO got
			FROM es.fact_diff(stream, a, b) AS d;
			IF got <> expected THEN
				RETURN format('diff %s to %s is %s, should be %s', a, b, got, expected);
			END IF;
		END LOOP;
	END LOOP;

	IF (SELECT array_agg(l.version ORDER BY l.version DESC) FROM es.event_log AS l WHERE l.ledger = random_log AND l.active)
		IS DISTINCT FROM chain THEN
		RETURN 'event_log tells other events active';
	ELSIF (SELECT count(*) FROM es.event_log AS l WHERE l.ledger = random_log) <> events THEN
		RETURN 'event_log does not tell every event once';
	END IF;
	RETURN NULL;
END
$$;

SELECT is(pg_temp.wrong(seed, 40), NULL, 'random log, seed ' || seed) FROM generate_series(1, 40) AS seed;
SELECT is(pg_temp.wrong(seed, 150), NULL, 'long random log, seed ' || seed) FROM generate_series(101, 103) AS seed;

SELECT is_empty(
	'SELECT * FROM es.events AS e WHERE NOT EXISTS (SELECT FROM es.streams AS s WHERE s.stream_id = e.stream_id)',
	'no event without its stream');

SELECT * FROM finish();
ROLLBACK;
