#include "shared_tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool
shared_tap_ok(bool passed, const char *file, int line, const char *format, ...)
{
	char *name = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&name, format, arguments) < 0)
		bail("no memory");
	va_end(arguments);
	tap_ok(passed, file, line, "%s", name);
	free(name);
	return passed;
}

bool
shared_tap_is_int(long long got, long long expected, const char *name, const char *file, int line)
{
	return tap_is_int(got, expected, name, file, line);
}

bool
shared_tap_is_string(const char *got, const char *expected, const char *name, const char *file, int line)
{
	return tap_is_string(got, expected, name, file, line);
}

int
shared_tap_done(void)
{
	return (done_testing)(); /* the one of tap.h, not the macro */
}
