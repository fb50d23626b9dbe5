/* The contract of every store, kept by the one in PostgreSQL. */
#include "fixture.h"
#include "store_contract.h"

int
main(void)
{
	struct es_store *store = fixture_store();
	const int status = store_contract_run(store);

	es_store_free(store);
	return status;
}
