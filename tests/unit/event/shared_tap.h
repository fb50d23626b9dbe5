/*
 * tests/unit/event/shared_tap.h - the assertions of tap.h for a test program of several files.
 *
 * tap.h counts in each file for itself.  Files that include this one instead of it share one count, and so one plan and
 * one status; all files of a program that assert must do so.
 */
#ifndef SHARED_TAP_H
#define SHARED_TAP_H

#include "tap.h"

bool shared_tap_ok(bool passed, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool shared_tap_is_int(long long got, long long expected, const char *name, const char *file, int line);
bool shared_tap_is_string(const char *got, const char *expected, const char *name, const char *file, int line);

/* Prints the plan; returns what main should return. */
int shared_tap_done(void);

#undef ok
#undef is_int
#undef is_string
#define ok(condition, ...) shared_tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, expected, name) shared_tap_is_int((long long)(got), (long long)(expected), name, __FILE__, __LINE__)
#define is_string(got, expected, name) shared_tap_is_string(got, expected, name, __FILE__, __LINE__)
#define done_testing() shared_tap_done()

#endif
