#include "ledger/ledger.h"

const struct http_route ledger_routes[] = {
	{ "/api/ledgers", "ledgers", "after limit", ledger_get_ledgers, NULL },
	{ "/api/ledgers/{ledger}", "head", "limit", ledger_get_head, NULL },
	{ "/api/ledgers/{ledger}/commands", "commands", NULL, NULL, ledger_post_commands },
	{ "/api/ledgers/{ledger}/states", "state_at", "at", ledger_get_state_at, NULL },
	{ "/api/ledgers/{ledger}/states/{version}", "state", "after limit log", ledger_get_state, NULL },
	{ "/api/ledgers/{ledger}/events", "events", "after before limit q type version", ledger_get_events, NULL },
	{ "/api/ledgers/{ledger}/events/{version}", "event", NULL, ledger_get_event, NULL },
	{ "/api/ledgers/{ledger}/diff", "diff", "after from limit to", ledger_get_diff, NULL },
	{ "/api/session", "session", NULL, ledger_get_session, NULL },
	{ "/healthz", "health", NULL, ledger_get_health, NULL },
	{ "/metrics/ledger", "metrics", NULL, ledger_get_metrics, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
