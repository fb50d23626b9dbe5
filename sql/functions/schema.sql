-- The one list of the SQLSTATEs of our own (class ES); programs go by the code, never by the message.
COMMENT ON SCHEMA es IS 'Eventledger: an event-sourced log.  Begin with: select * from es.event_log.  '
	'SQLSTATEs of its own: '
	'ES404 no such ledger, or a version above its head; '
	'ES405 events cannot be changed or removed; '
	'ES409 a fact can only be closed, and only once; '
	'ES410 a version below the horizon, no longer kept.';
