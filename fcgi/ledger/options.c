#include "ledger/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/number.h"

static void
print_help(void)
{
	printf("Usage: ledger.fcgi [OPTION]...\n"
	       "Answers the ledger's commands and queries (FastCGI), keeping events in PostgreSQL.\n"
	       "\n"
	       "  --socket PATH      listen on a Unix socket at PATH (mode 0660); not needed where file\n"
	       "                     descriptor 0 is a listening socket, as systemd passes it\n"
	       "  --database STRING  a libpq connection string or URI; what it leaves out comes from the\n"
	       "                     PG* environment variables (default: all of it)\n"
	       "  --threads N        queries answered at the same time, each on a connection of its own\n"
	       "                     (default %d, at most %d)\n"
	       "  --writers N        threads that apply commands, each on a connection of its own: batches are\n"
	       "                     serial, but the next overtakes one that takes long (default %d, at most %d)\n"
	       "  --help             print this and exit\n"
	       "  --version          print the version and exit\n"
	       "\n"
	       "SIGTERM and SIGINT: takes no more requests, finishes what is in hand, exits within 10 s.\n",
	       LEDGER_THREADS_DEFAULT, LEDGER_THREADS_MAX, LEDGER_WRITERS_DEFAULT, LEDGER_THREADS_MAX);
}

static bool
read_count(const char *name, const char *text, int *ret_count)
{
	int64_t count;

	if (!http_parse_int64(text, 1, LEDGER_THREADS_MAX, &count)) {
		fprintf(stderr, "ledger.fcgi: --%s must be a whole number from 1 to %d, not \"%s\"\n", name,
		        LEDGER_THREADS_MAX, text);
		return false;
	}
	*ret_count = (int)count;
	return true;
}

static bool
fail(int *ret_status)
{
	fprintf(stderr, "Try 'ledger.fcgi --help'.\n");
	*ret_status = 2;
	return false;
}

bool
ledger_options_read(int argc, char **argv, struct ledger_options *ret_options, int *ret_status)
{
	static const struct option known[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "database", required_argument, NULL, 'd' },
		{ "threads", required_argument, NULL, 't' },
		{ "writers", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*ret_options = (struct ledger_options){ .database = "",
		                                .threads = LEDGER_THREADS_DEFAULT,
		                                .writers = LEDGER_WRITERS_DEFAULT };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			ret_options->socket = optarg;
			break;
		case 'd':
			ret_options->database = optarg;
			break;
		case 't':
			if (!read_count("threads", optarg, &ret_options->threads))
				return fail(ret_status);
			break;
		case 'w':
			if (!read_count("writers", optarg, &ret_options->writers))
				return fail(ret_status);
			break;
		case 'h':
			print_help();
			*ret_status = EXIT_SUCCESS;
			return false;
		case 'v':
			printf("ledger.fcgi (%s) %s\n", PACKAGE_NAME, PACKAGE_VERSION);
			*ret_status = EXIT_SUCCESS;
			return false;
		default:
			return fail(ret_status);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ledger.fcgi: unexpected argument \"%s\"\n", argv[optind]);
		return fail(ret_status);
	}
	return true;
}
