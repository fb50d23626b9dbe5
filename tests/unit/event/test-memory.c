#include "store_contract.h"

#include <stdlib.h>

int
main(void)
{
	struct es_store *store = es_store_memory_new();

	if (store == NULL)
		return EXIT_FAILURE;
	const int status = store_contract_run(store);
	es_store_free(store);
	return status;
}
