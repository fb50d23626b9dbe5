-- What a writer does to the log, for tests: one event and what it changes, by plain SQL.
CREATE SCHEMA test;

-- put: an object of facts, by key; gone: the keys of facts that end.  Returns the event's version.
CREATE FUNCTION test.record(ledger text, type text, data jsonb, put jsonb, gone text[], announced boolean DEFAULT true)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	stream bigint;
	head bigint;
	facts integer;
BEGIN
	PERFORM es.lock_streams(ARRAY[ledger]);
	INSERT INTO es.streams (name) VALUES (ledger) ON CONFLICT DO NOTHING;
	SELECT s.stream_id INTO stream FROM es.streams AS s WHERE s.name = ledger;
	SELECT e.version, e.live INTO head, facts FROM es.events AS e WHERE e.stream_id = stream
		ORDER BY e.version DESC LIMIT 1;
	head := coalesce(head, 0) + 1;
	UPDATE es.facts AS f SET until = head
		WHERE f.stream_id = stream AND f.until IS NULL AND (f.key = ANY (gone) OR put ? f.key);
	INSERT INTO es.facts (stream_id, key, value, origin, since)
		SELECT stream, p.key, p.value, head, head FROM jsonb_each(put) AS p;
	facts := (SELECT count(*) FROM es.facts AS f WHERE f.stream_id = stream AND f.until IS NULL);
	PERFORM es.lock_log();
	INSERT INTO es.events (position, stream_id, version, id, type, data, base, actor, command_id, live, recorded_at)
		SELECT coalesce((SELECT max(e.position) FROM es.events AS e), 0) + 1, stream, head, gen_random_uuid(),
			record.type, record.data, head - 1, 'Anna', gen_random_uuid(), facts, clock_timestamp();
	IF announced THEN
		NOTIFY es_events;
	END IF;
	RETURN head;
END
$$;

-- One more item, of so many bytes.
CREATE FUNCTION test.append(ledger text, size integer DEFAULT 10, announced boolean DEFAULT true) RETURNS bigint
LANGUAGE sql
AS $$
	SELECT test.record(ledger, 'item-appended', jsonb_build_object('content', repeat('x', size)),
		jsonb_build_object('item/' || gen_random_uuid(), jsonb_build_object('content', repeat('x', size))), '{}', announced)
$$;

-- So many more items, in one transaction.
CREATE FUNCTION test.append_many(ledger text, count integer, size integer DEFAULT 10) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	head bigint;
BEGIN
	FOR i IN 1 .. count LOOP
		head := test.append(ledger, size);
	END LOOP;
	RETURN head;
END
$$;

-- One event that puts so many facts, of so many bytes each.
CREATE FUNCTION test.put_many(ledger text, count integer, size integer DEFAULT 10) RETURNS bigint
LANGUAGE sql
AS $$
	SELECT test.record(ledger, 'many-put', '{}',
		(SELECT jsonb_object_agg('many/' || n, to_jsonb(repeat('y', size))) FROM generate_series(1, count) AS n), '{}')
$$;
