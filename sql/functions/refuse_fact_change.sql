-- Which changes are refused is said by the triggers' own conditions, so closing a row runs no code of ours.
CREATE OR REPLACE FUNCTION es.refuse_fact_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	RAISE EXCEPTION 'a fact can only be closed, and only once'
		USING ERRCODE = 'ES409', DETAIL = format('%s on %I.%I', tg_op, tg_table_schema, tg_table_name),
			HINT = 'The one change allowed is to set "until" of a row where it is null.';
END
$$;

COMMENT ON FUNCTION es.refuse_fact_change() IS
	'Trigger: refuses (ES409) every change of a fact but the closing of an open row, whoever tries.';

CREATE OR REPLACE TRIGGER kept
	BEFORE DELETE OR TRUNCATE OR UPDATE OF stream_id, key, value, origin, since ON es.facts
	FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_fact_change();

CREATE OR REPLACE TRIGGER closed_once
	BEFORE UPDATE ON es.facts
	FOR EACH ROW WHEN (OLD.until IS NOT NULL OR NEW.until IS NULL)
	EXECUTE FUNCTION es.refuse_fact_change();

COMMENT ON TRIGGER kept ON es.facts IS 'A fact is never removed, and nothing but its end is ever set.';
COMMENT ON TRIGGER closed_once ON es.facts IS 'A fact is closed once and never opened again.';
