/*
 * tests/fuzz/replay.c - runs a fuzz target over the inputs it was given before.
 *
 * Takes libFuzzer's place in ordinary builds, so that every input that once mattered is tried by each "make check".
 * fuzz-json reads the files of $srcdir/tests/fuzz/json.in, or of the folders and files named as arguments.
 */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat status;

	if (file == NULL || fstat(fileno(file), &status) != 0)
		bail("cannot read %s", path);
	/* Exactly as large as the input, so that a sanitizer sees the first byte read beyond it. */
	const size_t size = (size_t)status.st_size;
	uint8_t *data = malloc(size == 0 ? 1 : size);
	if (data == NULL || fread(data, 1, size, file) != size)
		bail("cannot read %s", path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	ok(true, "%s", strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1);
}

static int
compare_entries(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **entries;
	struct stat status;

	if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
		replay_file(path);
		return;
	}
	const int count = scandir(path, &entries, is_visible, compare_entries);
	if (count < 1)
		bail("no inputs in %s", path);
	for (int entry = 0; entry < count; entry++) {
		char name[4096];
		snprintf(name, sizeof name, "%s/%s", path, entries[entry]->d_name);
		replay_file(name);
		free(entries[entry]);
	}
	free(entries);
}

int
main(int argc, char *argv[])
{
	const char *source = getenv("srcdir");
	const char *program = strrchr(argv[0], '/') == NULL ? argv[0] : strrchr(argv[0], '/') + 1;
	char folder[4096];

	for (int argument = 1; argument < argc; argument++)
		replay(argv[argument]);
	if (argc == 1) {
		snprintf(folder, sizeof folder, "%s/tests/fuzz/%s.in", source == NULL ? "." : source,
		         strncmp(program, "fuzz-", 5) == 0 ? program + 5 : program);
		replay(folder);
	}
	return done_testing();
}
