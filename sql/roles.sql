-- The roles, and what this database sets for them.  Run by sql/install.sh as the installing role; psql variable login:
-- whether to make the login roles of a one-machine setup as well.
--
-- Settings of a role are not inherited by its members.  So they are made for each login role that is a member, in this
-- database only; a member added later gets them when install.sh runs again with --force.

DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['es_owner', 'es_worker', 'es_reader'] LOOP
		IF to_regrole(role_name) IS NULL THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL; -- an installation in another database of this cluster was faster
			END;
		END IF;
	END LOOP;

	-- what is installed belongs to es_owner, so the installing role must be able to become it
	IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
		BEGIN
			GRANT es_owner TO CURRENT_USER;
		EXCEPTION WHEN insufficient_privilege THEN
			IF NOT pg_has_role('es_owner', 'USAGE') THEN
				RAISE;
			END IF;
		END;
	END IF;
END
$$;

\if :login
DO $$
DECLARE
	login record;
BEGIN
	FOR login IN
		SELECT * FROM (VALUES ('eventledger_worker', 'es_worker'), ('eventledger_reader', 'es_reader')) AS l (name, role)
	LOOP
		IF to_regrole(login.name) IS NULL THEN
			EXECUTE format('CREATE ROLE %I LOGIN IN ROLE %I', login.name, login.role);
		ELSE
			EXECUTE format('GRANT %I TO %I', login.role, login.name);
		END IF;
	END LOOP;
END
$$;
\endif

DO $$
DECLARE
	database_owned CONSTANT boolean := (
		SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database AS d WHERE d.datname = current_database()
	);
	member record;
	setting text;
BEGIN
	IF database_owned THEN
		EXECUTE format('ALTER DATABASE %I SET search_path = es, public', current_database());
		EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
		EXECUTE format('GRANT CONNECT ON DATABASE %I TO es_owner, es_worker, es_reader', current_database());
	ELSE
		RAISE WARNING 'database "%" belongs to somebody else: its search_path and what PUBLIC may do stay as they are',
			current_database();
	END IF;

	IF (SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'public') THEN
		REVOKE CREATE ON SCHEMA public FROM PUBLIC;
	END IF;

	FOR member IN
		SELECT r.rolname AS name, pg_has_role(r.oid, 'es_owner', 'MEMBER') AS owns,
			pg_has_role(r.oid, 'es_worker', 'MEMBER') AS works, pg_has_role(r.oid, 'es_reader', 'MEMBER') AS reads
		FROM pg_roles AS r
		WHERE NOT r.rolsuper
		ORDER BY r.rolname
	LOOP
		CONTINUE WHEN NOT (member.owns OR member.works OR member.reads);
		BEGIN
			setting := format('ALTER ROLE %I IN DATABASE %I SET ', member.name, current_database());
			EXECUTE setting || 'search_path = es, public';
			IF member.works AND NOT member.owns THEN
				EXECUTE setting || 'enable_seqscan = off';
			ELSIF member.reads AND NOT member.owns THEN
				EXECUTE setting || 'idle_in_transaction_session_timeout = ''60s''';
			END IF;
		EXCEPTION WHEN insufficient_privilege THEN
			RAISE WARNING 'the settings of role "%" stay as they are: they are not for "%" to change',
				member.name, current_user;
		END;
	END LOOP;
END
$$;
