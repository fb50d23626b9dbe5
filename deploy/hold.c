/*
 * deploy/hold.c - eventledger-hold: keeps one program running.
 *
 * It holds the program's listening socket and hands it down as file descriptor 0: while the program is started again,
 * connections wait in the backlog and none is refused.  A program that ends is started again at once; one that keeps
 * failing, after a pause that grows.  Told to stop, or left by its own parent, it stops the program and everything that
 * one began.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http/server.h"

enum {
	START_INTERVAL = 100,  /* milliseconds from one start to the next at the least: no busy loop */
	FIRST_PAUSE = 200,     /* milliseconds after the second failure in a row */
	LONGEST_PAUSE = 5000,  /* milliseconds: somebody who repaired something waits no longer than this */
	LASTING = 10000,       /* milliseconds: a program that ran this long did not fail at its start */
	KEEPS_FAILING = 3,     /* failures in a row before the report quotes the program's log */
	DEFAULT_PATIENCE = 15, /* seconds; the programs themselves promise to stop within 10 */
	CANNOT_EXECUTE = 127,  /* as in the shell */
	LAST_WORDS_SIZE = 512, /* bytes looked at for the last line of a log */
	MODE_OF_LOG = 0640,
};

struct hold {
	char **command;
	const char *socket_path; /* NULL: the program gets /dev/null */
	const char *log_path;    /* NULL: the program keeps our stdout and stderr */
	int input;
	int log;
	int stop_signal;
	int patience; /* seconds */
};

static const struct {
	const char *name;
	int number;
} stop_signals[] = { { "TERM", SIGTERM }, { "INT", SIGINT }, { "QUIT", SIGQUIT } };

__attribute__((format(printf, 1, 2), noreturn)) static void
die(const char *format, ...)
{
	va_list arguments;

	fputs("level=error msg=\"", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\"\n", stderr);
	exit(EXIT_FAILURE);
}

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int
open_socket(const char *path)
{
	struct es_error error = ES_ERROR_INIT;
	int made;

	if (http_socket_open(path, &made, &error) != ES_OK)
		die("%s", error.detail);
	return made;
}

/* In the new process: never returns. */
__attribute__((noreturn)) static void
become_program(const struct hold *hold, pid_t parent)
{
	sigset_t none;

	setpgid(0, 0); /* so that what it begins can be ended with it */
	prctl(PR_SET_PDEATHSIG, hold->stop_signal);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	if (hold->log >= 0) {
		dup2(hold->log, STDOUT_FILENO);
		dup2(hold->log, STDERR_FILENO);
	}
	dup2(hold->input, STDIN_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL); /* a shell has its background jobs ignore these two */
	signal(SIGQUIT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(hold->command[0], hold->command);
	fprintf(stderr, "level=error msg=\"cannot execute '%s': %s\"\n", hold->command[0], strerror(errno));
	_exit(CANNOT_EXECUTE);
}

static pid_t
start(const struct hold *hold)
{
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child < 0)
		die("cannot start another process: %s", strerror(errno));
	if (child == 0)
		become_program(hold, parent);
	return child;
}

/*
 * Waits until child has ended (true), until a signal asks to stop, or until deadline (both false; *ret_asked tells).
 * child may be -1 for a mere pause.  Reaps whatever else was left to us.
 */
static bool
wait_for_end(const sigset_t *signals, pid_t child, int64_t deadline, int *ret_status, bool *ret_asked)
{
	for (;;) {
		pid_t ended;
		int status = 0;

		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended == child) {
				*ret_status = status;
				return true;
			}
		}
		const int64_t time = now();
		const int64_t left = deadline > time ? deadline - time : 0; /* with none left, signals count still */
		const struct timespec timeout = { .tv_sec = left / 1000, .tv_nsec = (left % 1000) * 1000000 };
		const int signal = sigtimedwait(signals, NULL, &timeout);
		if (signal > 0 && signal != SIGCHLD) {
			*ret_asked = true;
			return false;
		}
		if (left == 0 && signal != SIGCHLD)
			return false;
	}
}

/* Whatever shares the program's process group ends now: workers of a killed master still hold its port. */
static void
end_group(pid_t child)
{
	kill(-child, SIGKILL);
}

static void
stop(const struct hold *hold, const sigset_t *signals, pid_t child)
{
	const int64_t deadline = now() + (int64_t)hold->patience * 1000;
	bool asked;
	int status;

	kill(child, hold->stop_signal);
	do {
		asked = false;
		if (wait_for_end(signals, child, deadline, &status, &asked)) {
			end_group(child);
			return;
		}
	} while (asked);
	end_group(child);
	waitpid(child, &status, 0);
}

/* The last line of the log, without what would break ours; "" if there is none. */
static void
last_words(const struct hold *hold, char text[static LAST_WORDS_SIZE])
{
	struct stat status;
	const int log = hold->log_path == NULL ? -1 : open(hold->log_path, O_RDONLY | O_CLOEXEC);
	ssize_t size = 0;

	if (log >= 0 && fstat(log, &status) == 0) {
		const off_t from = status.st_size < LAST_WORDS_SIZE ? 0 : status.st_size - LAST_WORDS_SIZE + 1;
		size = pread(log, text, LAST_WORDS_SIZE - 1, from);
	}
	if (log >= 0)
		close(log);
	while (size > 0 && text[size - 1] == '\n')
		size--;
	text[size < 0 ? 0 : size] = '\0';
	const char *line = strrchr(text, '\n');
	if (line != NULL)
		memmove(text, line + 1, strlen(line));
	for (char *c = text; *c != '\0'; c++)
		if (*c == '"' || (unsigned char)*c < ' ')
			*c = '\'';
}

static void
report(const struct hold *hold, int status, int failures, int64_t pause)
{
	char words[LAST_WORDS_SIZE] = "";
	char when[32] = "at once";
	const char *slash = strrchr(hold->command[0], '/');
	const char *name = slash == NULL ? hold->command[0] : slash + 1;
	const int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	if (failures >= KEEPS_FAILING)
		last_words(hold, words);
	if (pause > 0)
		snprintf(when, sizeof when, "in %.1f s", (double)pause / 1000);
	fprintf(stderr, "level=%s msg=\"%s %s (%s %d), starting it again %s\"%s%s%s%s%s\n",
	        failures == 0 ? "info" : "error", name, failures >= KEEPS_FAILING ? "keeps failing" : "ended",
	        WIFSIGNALED(status) ? "signal" : "status", number, when,
	        hold->log_path == NULL ? "" : " log=", hold->log_path == NULL ? "" : hold->log_path,
	        words[0] == '\0' ? "" : " last=\"", words, words[0] == '\0' ? "" : "\"");
}

/* Until asked to stop. */
static int
supervise(const struct hold *hold, const sigset_t *signals)
{
	int64_t pause = 0;
	int failures = 0; /* in a row, each soon after its start */
	bool asked = false;

	for (;;) {
		const int64_t started = now();
		const pid_t child = start(hold);
		int status = 0;

		if (!wait_for_end(signals, child, INT64_MAX, &status, &asked)) {
			stop(hold, signals, child);
			return EXIT_SUCCESS;
		}
		end_group(child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_EXECUTE)
			return CANNOT_EXECUTE;
		if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
			failures = 0; /* it was asked to stop, for an upgrade perhaps */
		else
			failures = now() - started < LASTING ? failures + 1 : 1;
		/* the first failure may be mere bad luck */
		if (failures < 2)
			pause = 0;
		else
			pause = pause == 0 ? FIRST_PAUSE : pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
		report(hold, status, failures, pause);
		wait_for_end(signals, -1, pause == 0 ? started + START_INTERVAL : now() + pause, &status, &asked);
		if (asked)
			return EXIT_SUCCESS;
	}
}

static void
usage(void)
{
	puts("usage: eventledger-hold [--socket PATH] [--log PATH] [--signal NAME] [--patience SECONDS] [--]\n"
	     "                        PROGRAM [ARGUMENT...]\n"
	     "\n"
	     "Keeps PROGRAM running until told to stop by SIGTERM, SIGINT or SIGHUP, or until its own parent ends.\n"
	     "\n"
	     "  --socket PATH       listen on this Unix socket and hand it to PROGRAM as file descriptor 0\n"
	     "  --log PATH          append what PROGRAM prints to this file\n"
	     "  --signal NAME       what stops PROGRAM: TERM (default), INT or QUIT\n"
	     "  --patience SECONDS  how long it may take to stop before it is killed (default 15)\n"
	     "  --help, --version   print this, or the version, and exit");
}

static int
parse_signal(const char *name)
{
	for (size_t i = 0; i < sizeof stop_signals / sizeof stop_signals[0]; i++)
		if (strcmp(stop_signals[i].name, name) == 0)
			return stop_signals[i].number;
	die("unknown signal '%s'; it may be TERM, INT or QUIT", name);
}

static void
parse_options(int argc, char **argv, struct hold *hold)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "signal", required_argument, NULL, 'k' },
		{ "patience", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 's':
			hold->socket_path = optarg;
			break;
		case 'l':
			hold->log_path = optarg;
			break;
		case 'k':
			hold->stop_signal = parse_signal(optarg);
			break;
		case 'p': {
			char *end;
			const long seconds = strtol(optarg, &end, 10);
			if (*end != '\0' || seconds < 1 || seconds > 3600)
				die("the patience '%s' is not a number of seconds from 1 to 3600", optarg);
			hold->patience = (int)seconds;
			break;
		}
		case 'h':
			usage();
			exit(EXIT_SUCCESS);
		case 'v':
			puts("eventledger-hold " PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		default:
			exit(EXIT_FAILURE);
		}
	}
	if (optind == argc)
		die("no program given; see --help");
	hold->command = argv + optind;
}

int
main(int argc, char **argv)
{
	struct hold hold = { .log = -1, .stop_signal = SIGTERM, .patience = DEFAULT_PATIENCE };
	const pid_t parent = getppid();
	sigset_t signals;

	parse_options(argc, argv, &hold);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		die("the parent ended before the start");
	setsid(); /* the terminal's Ctrl-C is for whoever started us; fails harmlessly if we lead a session already */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	hold.input = hold.socket_path == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC) : open_socket(hold.socket_path);
	if (hold.log_path != NULL) {
		hold.log = open(hold.log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, MODE_OF_LOG);
		if (hold.log < 0)
			die("cannot write to the log '%s': %s", hold.log_path, strerror(errno));
	}
	const int status = supervise(&hold, &signals);
	if (hold.socket_path != NULL)
		unlink(hold.socket_path);
	return status;
}
