CREATE OR REPLACE FUNCTION es.state_at(ledger text, version bigint DEFAULT NULL)
RETURNS TABLE (key text, value jsonb, origin bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
	place record := es.find_version(ledger, version);
BEGIN
	RETURN QUERY
	SELECT f.key, f.value, f.origin FROM es.facts_at(place.stream, place.version) AS f ORDER BY f.origin, f.key;
END
$$;

COMMENT ON FUNCTION es.state_at(text, bigint) IS
	'The facts of a ledger right after an event (none given: now), in their order: select * from '
	'es.state_at(''main'', 3).';
