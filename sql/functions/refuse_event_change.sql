-- Statement triggers: they cost an INSERT nothing, and refuse the owner too (a migration can disable them).
CREATE OR REPLACE FUNCTION es.refuse_event_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	RAISE EXCEPTION 'events cannot be changed or removed'
		USING ERRCODE = 'ES405', DETAIL = format('%s on %I.%I', tg_op, tg_table_schema, tg_table_name),
			HINT = 'To take an event back, append a rewind of it.';
END
$$;

COMMENT ON FUNCTION es.refuse_event_change() IS 'Trigger: refuses (ES405) every change of an event, whoever tries.';

CREATE OR REPLACE TRIGGER append_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON es.events
	FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_event_change();

COMMENT ON TRIGGER append_only ON es.events IS 'History is append-only.';

CREATE OR REPLACE TRIGGER append_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON es.rewinds
	FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_event_change();

COMMENT ON TRIGGER append_only ON es.rewinds IS 'What belongs to history is append-only as well.';
