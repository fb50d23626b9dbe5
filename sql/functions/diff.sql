CREATE OR REPLACE FUNCTION es.diff(ledger text, from_version bigint, to_version bigint DEFAULT NULL)
RETURNS TABLE (change text, key text, from_value jsonb, to_value jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
	older record := es.find_version(ledger, from_version);
	newer record := es.find_version(ledger, to_version);
BEGIN
	RETURN QUERY
	SELECT CASE WHEN d.from_origin IS NULL THEN 'added' WHEN d.to_origin IS NULL THEN 'removed' ELSE 'changed' END,
		d.key, d.from_value, d.to_value
	FROM es.fact_diff(older.stream, older.version, newer.version) AS d
	ORDER BY coalesce(d.to_origin, d.from_origin), d.key;
END
$$;

COMMENT ON FUNCTION es.diff(text, bigint, bigint) IS
	'What differs between two versions of a ledger (no second one given: from the first to now).';
