-- The log: streams of events, the facts each event put or removed, and the answered commands.
--
-- Nothing here is ever replayed: a fact's row is valid for the versions [since, until), so the state at any version is
-- a query.  Rows of events never change; of facts only an open row's end can be set, once (see the functions
-- refuse_event_change and refuse_fact_change).  Names and keys are sorted by their bytes (collation C), as the programs do.

CREATE TABLE es.schema_migration (
	version integer PRIMARY KEY CHECK (version >= 1),
	name text NOT NULL,
	checksum text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE es.schema_migration IS 'The migrations applied to this database, written by sql/install.sh.';
COMMENT ON COLUMN es.schema_migration.version IS 'The number its file name begins with: 1, 2, 3 ... without gaps.';
COMMENT ON COLUMN es.schema_migration.name IS 'The rest of the file name.';
COMMENT ON COLUMN es.schema_migration.checksum IS 'SHA-256 of the file as applied; a file changed since is refused.';
COMMENT ON COLUMN es.schema_migration.applied_at IS 'When it was applied.';

CREATE TABLE es.log (
	log text NOT NULL DEFAULT left(md5(gen_random_uuid()::text), 8) CHECK (log ~ '^[0-9a-f]{8}$'),
	schema_version integer NOT NULL DEFAULT 0,
	functions_checksum text,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE UNIQUE INDEX log_one_row ON es.log ((true));

COMMENT ON TABLE es.log IS 'One row: which log this database holds.';
COMMENT ON COLUMN es.log.log IS 'Names this log: 8 hex digits, made at install, renewed after a restore (renew_log).';
COMMENT ON COLUMN es.log.schema_version IS 'The newest migration applied.';
COMMENT ON COLUMN es.log.functions_checksum IS
	'SHA-256 of the functions, views, roles and privileges last applied; null: none yet.';
COMMENT ON COLUMN es.log.created_at IS 'When this id was made.';

INSERT INTO es.log DEFAULT VALUES;

CREATE SEQUENCE es.streams_stream_id_seq AS bigint;

CREATE TABLE es.streams (
	stream_id bigint PRIMARY KEY DEFAULT nextval('es.streams_stream_id_seq'),
	name text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	horizon bigint NOT NULL DEFAULT 1 CHECK (horizon >= 1),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER SEQUENCE es.streams_stream_id_seq OWNED BY es.streams.stream_id;

COMMENT ON SEQUENCE es.streams_stream_id_seq IS 'Numbers the streams; gaps mean nothing.';
COMMENT ON TABLE es.streams IS 'One row for each stream (a ledger): it is made together with its first event.';
COMMENT ON COLUMN es.streams.stream_id IS 'Names the stream within this database.';
COMMENT ON COLUMN es.streams.name IS 'Names the stream to the world: the ledger of an URL.';
COMMENT ON COLUMN es.streams.horizon IS
	'The first event still kept; states are kept from horizon - 1, rewinds reach back to it.';
COMMENT ON COLUMN es.streams.created_at IS 'When the stream got its first event.';

-- No foreign key to streams: the append takes the id from streams in its own transaction, streams are never deleted,
-- and the key's trigger would lock one and the same streams row for every event of a hot ledger.  No index on id or
-- command_id either: each random uuid index slows the append, and a key is looked for in es.commands or among the
-- newest events of one stream.
CREATE TABLE es.events (
	position bigint NOT NULL UNIQUE CHECK (position >= 1),
	stream_id bigint NOT NULL,
	version bigint NOT NULL CHECK (version >= 1),
	id uuid NOT NULL,
	type text NOT NULL CHECK (type <> ''),
	data jsonb NOT NULL,
	base bigint NOT NULL,
	actor text,
	command_id uuid NOT NULL,
	live integer NOT NULL CHECK (live BETWEEN 0 AND 100000),
	recorded_at timestamptz NOT NULL,
	PRIMARY KEY (stream_id, version),
	CONSTRAINT events_base_check CHECK (base BETWEEN 0 AND version - 1)
);

COMMENT ON TABLE es.events IS 'Every event ever recorded, append-only.';
COMMENT ON COLUMN es.events.position IS 'Place in the whole log: 1, 2, 3 ... without gaps, in commit order.';
COMMENT ON COLUMN es.events.stream_id IS 'The stream it belongs to.';
COMMENT ON COLUMN es.events.version IS 'Place in its stream: 1, 2, 3 ... without gaps, in commit order.';
COMMENT ON COLUMN es.events.id IS 'UUID version 7 (RFC 9562).';
COMMENT ON COLUMN es.events.type IS 'What happened, in the words of the application; rewound for a rewind.';
COMMENT ON COLUMN es.events.data IS 'What happened, in full: an event tells its story alone.';
COMMENT ON COLUMN es.events.base IS
	'The version of the state it continues from: version - 1; for a rewind of t it is t - 1.';
COMMENT ON COLUMN es.events.actor IS 'Who did it, from a verified login; null where there is none.';
COMMENT ON COLUMN es.events.command_id IS 'The Idempotency-Key of the request that caused it, or one made for it.';
COMMENT ON COLUMN es.events.live IS 'How many facts stand after it; at most 100000 in a stream.';
COMMENT ON COLUMN es.events.recorded_at IS 'When it was recorded; never goes back within the log.';

-- Active events form ranges: from the head down to the newest rewind at or below it, then on from that rewind's base.
-- So the rewinds are a forest, the parent of each being the newest rewind at or below its base, and which ranges a
-- head has is told on the way from its newest rewind to the root.  There may be nearly as many on that way as there are
-- events: therefore each row also names one far up its way, chosen as in E. W. Myers, "An applicative random-access
-- stack" (Information Processing Letters 17, 1983), so that any place on it is found in a number of steps that grows
-- with the logarithm of its length.  What a row says never changes, because what it continues from never does.
CREATE TABLE es.rewinds (
	stream_id bigint NOT NULL,
	version bigint NOT NULL,
	base bigint NOT NULL,
	depth bigint NOT NULL CHECK (depth >= 1),
	jump bigint NOT NULL,
	PRIMARY KEY (stream_id, version),
	CONSTRAINT rewinds_base_check CHECK (base BETWEEN 0 AND version - 1),
	CONSTRAINT rewinds_jump_check CHECK (jump BETWEEN 0 AND base)
);

COMMENT ON TABLE es.rewinds IS
	'One row for each event that is a rewind, made with it: where its active events go on.  See active_ranges.';
COMMENT ON COLUMN es.rewinds.stream_id IS 'The stream it belongs to.';
COMMENT ON COLUMN es.rewinds.version IS 'The version of the rewind.';
COMMENT ON COLUMN es.rewinds.base IS 'As its event says: the version of the state it continues from.';
COMMENT ON COLUMN es.rewinds.depth IS
	'How many rewinds are active at it, itself included: how many rows its way to the root has.';
COMMENT ON COLUMN es.rewinds.jump IS
	'The version of an earlier rewind that is active at this one, about half of the way to the root or just the next; '
	'0: none.';

CREATE TABLE es.facts (
	stream_id bigint NOT NULL,
	key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 512),
	value jsonb NOT NULL,
	origin bigint NOT NULL,
	since bigint NOT NULL,
	until bigint,
	PRIMARY KEY (stream_id, since, key),
	CONSTRAINT facts_origin_check CHECK (origin BETWEEN 1 AND since),
	CONSTRAINT facts_until_check CHECK (until > since)
);

CREATE UNIQUE INDEX facts_open ON es.facts (stream_id, key) WHERE until IS NULL;
CREATE INDEX facts_open_by_origin ON es.facts (stream_id, origin, since) WHERE until IS NULL;
CREATE INDEX facts_closed ON es.facts (stream_id, until) WHERE until IS NOT NULL;

-- Each closed row lies at one node of a binary tree over all versions: the one of the versions it holds for that has
-- the most zeros at its end (the highest bit in which since - 1 and until - 1 differ tells how many).  All rows that
-- hold at a version lie at the nodes above it, one for each bit: see facts_at.  H.-P. Kriegel, M. Poetke, T. Seidl,
-- "Managing intervals efficiently in object-relational databases" (VLDB 2000).  The + 0 keep its query to this index: a
-- plan made with poor statistics would take one of the others, and read all that changed since.
CREATE INDEX facts_closed_by_node ON es.facts (
	(stream_id + 0),
	((until - 1) & ((-1)::bigint << (64 - position(B'1' IN ((since - 1) # (until - 1))::bit(64))))),
	(since + 0),
	(until + 0)
) WHERE until IS NOT NULL;

COMMENT ON TABLE es.facts IS 'The state of every stream at every version: a row holds for the versions [since, until).';
COMMENT ON COLUMN es.facts.stream_id IS 'The stream it belongs to.';
COMMENT ON COLUMN es.facts.key IS 'Names the fact within the stream, at most 512 bytes; one row holds at a time.';
COMMENT ON COLUMN es.facts.value IS 'What is known under this key.';
COMMENT ON COLUMN es.facts.origin IS
	'The version of the event that put the value; a rewind that brings it back keeps it, so lists keep their order.';
COMMENT ON COLUMN es.facts.since IS 'The first version at which the row holds.';
COMMENT ON COLUMN es.facts.until IS 'The first version at which it holds no more; null: it still holds (open).';
COMMENT ON INDEX es.facts_open IS 'One open row a key; the facts a command needs.';
COMMENT ON INDEX es.facts_open_by_origin IS 'Lists the head in its order, page by page.';
COMMENT ON INDEX es.facts_closed IS 'What an event removed, and what a few events did.';
COMMENT ON INDEX es.facts_closed_by_node IS 'Past states: costs what held then, not what changed since.';

CREATE TABLE es.commands (
	command_id uuid PRIMARY KEY,
	stream_id bigint NOT NULL,
	first_version bigint NOT NULL CHECK (first_version >= 1),
	last_version bigint NOT NULL,
	request_hash uuid NOT NULL,
	recorded_at timestamptz NOT NULL,
	CONSTRAINT commands_last_version_check CHECK (last_version >= first_version - 1)
);

COMMENT ON TABLE es.commands IS 'The answered requests that came with an Idempotency-Key: a repeat gets the same answer.';
COMMENT ON COLUMN es.commands.command_id IS 'The key.';
COMMENT ON COLUMN es.commands.stream_id IS 'The stream the request was about.';
COMMENT ON COLUMN es.commands.first_version IS 'The first event it recorded.';
COMMENT ON COLUMN es.commands.last_version IS 'The last event it recorded; first_version - 1 where it recorded none.';
COMMENT ON COLUMN es.commands.request_hash IS 'Of ledger, actor and body: the same key with another request is refused.';
COMMENT ON COLUMN es.commands.recorded_at IS 'When it was answered.';
