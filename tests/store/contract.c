/* The contract of every store, kept by the one in PostgreSQL. */
#include "event/store_contract.h"
#include "fixture.h"

int
main(void)
{
	struct es_store *store = fixture_store();
	const int status = store_contract_run(store);

	es_store_free(store);
	return status;
}
