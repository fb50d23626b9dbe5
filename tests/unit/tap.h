/*
 * tests/unit/tap.h - the Test Anything Protocol in one header.
 *
 * A test program calls ok(), is_int(), is_string() ... in main and returns done_testing().  Each line it prints is
 * one assertion; a failed one says where, what was got and what was expected.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weak: all files of a test program count together. */
extern int tap_count;
extern int tap_failures;
__attribute__((weak)) int tap_count;
__attribute__((weak)) int tap_failures;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_ok(bool passed, const char *file, int line, const char *format, ...)
{
	va_list arguments;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	if (!passed) {
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((unused)) static bool
tap_is_int(long long got, long long expected, const char *name, const char *file, int line)
{
	const bool passed = tap_ok(got == expected, file, line, "%s", name);

	if (!passed)
		printf("#      got: %lld\n# expected: %lld\n", got, expected);
	return passed;
}

#define is_int(got, expected, name) tap_is_int((long long)(got), (long long)(expected), name, __FILE__, __LINE__)

__attribute__((unused)) static bool
tap_is_string(const char *got, const char *expected, const char *name, const char *file, int line)
{
	const bool same = got == expected || (got != NULL && expected != NULL && strcmp(got, expected) == 0);
	const bool passed = tap_ok(same, file, line, "%s", name);

	if (!passed)
		printf("#      got: %s\n# expected: %s\n", got == NULL ? "(null)" : got,
		       expected == NULL ? "(null)" : expected);
	return passed;
}

#define is_string(got, expected, name) tap_is_string(got, expected, name, __FILE__, __LINE__)

/* Prints the plan; returns what main should return. */
__attribute__((unused)) static int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* For what the test itself cannot do without: says why and fails. */
#define bail(...)                     \
	do {                          \
		printf("Bail out! "); \
		printf(__VA_ARGS__);  \
		putchar('\n');        \
		exit(EXIT_FAILURE);   \
	} while (0)

#endif
