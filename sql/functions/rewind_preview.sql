CREATE OR REPLACE FUNCTION es.rewind_preview(ledger text, version bigint)
RETURNS TABLE (change text, key text, value_now jsonb, value_then jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
	event record := es.find_version(ledger, version);
	past record := es.find_version(ledger, event.version - 1);
BEGIN
	RETURN QUERY
	SELECT CASE WHEN d.to_origin IS NULL THEN 'goes' WHEN d.from_origin IS NULL THEN 'comes back' ELSE 'changes' END,
		d.key, d.from_value, d.to_value
	FROM es.fact_diff(past.stream, past.head, past.version) AS d
	ORDER BY coalesce(d.to_origin, d.from_origin), d.key;
END
$$;

COMMENT ON FUNCTION es.rewind_preview(text, bigint) IS
	'What a rewind of this event would take away and bring back; it changes nothing.';
