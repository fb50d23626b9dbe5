CREATE OR REPLACE FUNCTION es.find_version(ledger text, INOUT version bigint, OUT stream bigint, OUT head bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
	found_stream record;
BEGIN
	SELECT h.stream_id, h.horizon, h.version INTO found_stream FROM es.stream_heads AS h WHERE h.name = ledger;
	IF found_stream.stream_id IS NULL THEN
		RAISE EXCEPTION 'there is no ledger "%"', ledger
			USING ERRCODE = 'ES404', HINT = 'All ledgers: select name, version, live from es.stream_heads order by name;';
	END IF;
	stream := found_stream.stream_id;
	head := found_stream.version;
	version := coalesce(version, head);
	IF version > head THEN
		RAISE EXCEPTION 'ledger "%" has no version %', ledger, version
			USING ERRCODE = 'ES404', HINT = format('Its newest version is %s.', head);
	ELSIF version < found_stream.horizon - 1 THEN
		RAISE EXCEPTION 'version % of ledger "%" is not kept', version, ledger
			USING ERRCODE = 'ES410', HINT = format('Its oldest state is that of version %s.', found_stream.horizon - 1);
	END IF;
END
$$;

COMMENT ON FUNCTION es.find_version(text, bigint) IS
	'The stream of a ledger and one of its versions (null: the head); an error where there is none (ES404) or '
	'it is below the horizon (ES410).';
