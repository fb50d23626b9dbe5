#include "property.h"

#include <stdlib.h>

int
main(void)
{
	const char *seed = getenv("SEED");

	return property_run(es_store_memory_new, 2000, seed == NULL ? 20261124 : strtoull(seed, NULL, 10), NULL);
}
