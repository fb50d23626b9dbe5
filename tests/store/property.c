/* Random logs in PostgreSQL; then what only the database itself can tell. */
#include "event/property.h"

#include <stdlib.h>

#include "fixture.h"

int
main(void)
{
	const char *seed = getenv("SEED");

	return property_run(fixture_store, 200, seed == NULL ? 20261124 : strtoull(seed, NULL, 10));
}
