/* The listening socket: made at a path, or taken from descriptor 0. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/server.h"
#include "tap.h"

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
test_path(const char *path)
{
	struct es_error error = ES_ERROR_INIT;
	struct stat status;
	int first = -1;
	int second = -1;

	is_int(http_socket_open(path, &first, &error), ES_OK, "a socket is made");
	stat(path, &status);
	is_int(status.st_mode & 07777, 0660, "its group may connect, others may not");
	is_int(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC, "programs it starts do not get it");
	ok((fcntl(first, F_GETFL) & O_NONBLOCK) != 0, "it does not block");
	const int peer = connect_to(path);
	ok(peer >= 0, "it listens");
	close(peer);

	is_int(http_socket_open(path, &second, &error), ES_REFUSED, "a second one is refused while the first answers");
	ok(strstr(error.detail, path) != NULL, "with the path: %s", error.detail);
	is_int(second, -1, "and nothing is handed out");
	close(first);
	is_int(http_socket_open(path, &second, &error), ES_OK, "a stale one is replaced");
	const int other = connect_to(path);
	ok(other >= 0, "by one that listens");
	close(other);
	close(second);
	unlink(path);
}

static void
test_bad_paths(const char *directory)
{
	struct es_error error = ES_ERROR_INIT;
	char path[256];
	struct stat status;
	int fd = -1;

	snprintf(path, sizeof path, "%s/file", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	is_int(http_socket_open(path, &fd, &error), ES_REFUSED, "a file that is not a socket is left alone");
	ok(stat(path, &status) == 0 && S_ISREG(status.st_mode), "it is still there");
	unlink(path);

	snprintf(path, sizeof path, "%s/nowhere/socket", directory);
	is_int(http_socket_open(path, &fd, &error), ES_FAILED, "a directory that is not there");
	ok(strstr(error.detail, "nowhere") != NULL, "is named: %s", error.detail);

	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	is_int(http_socket_open(path, &fd, &error), ES_INVALID, "a path too long for a socket");
	is_int(http_socket_open(NULL, &fd, &error), ES_INVALID, "no path and nothing on descriptor 0");
	is_int(fd, -1, "none of them hands out anything");
}

static void
test_descriptor_0(const char *path)
{
	struct es_error error = ES_ERROR_INIT;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int taken = -1;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0)
		bail("cannot listen");
	dup2(fd, STDIN_FILENO);
	close(fd);
	is_int(http_socket_open("/nowhere/socket", &taken, &error), ES_OK,
	       "a listening socket on descriptor 0 is taken");
	ok(taken > STDERR_FILENO, "and moved away from there");
	is_int(fcntl(taken, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC, "programs it starts do not get it");
	char byte;
	is_int(read(STDIN_FILENO, &byte, 1), 0, "standard input is empty now");
	const int peer = connect_to(path);
	const int accepted = accept(taken, NULL, NULL);
	ok(peer >= 0 && accepted >= 0, "it is the socket that was given");
	is_int(accept(taken, NULL, NULL), -1, "and does not block");
	close(accepted);
	close(peer);
	close(taken);
	unlink(path);
}

int
main(void)
{
	char directory[] = "/tmp/test-socket-XXXXXX";
	char path[64];

	if (mkdtemp(directory) == NULL)
		bail("no directory");
	snprintf(path, sizeof path, "%s/socket", directory);
	/* Whatever the test was started with, descriptor 0 is not a listening socket. */
	const int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	close(null);
	test_path(path);
	test_bad_paths(directory);
	test_descriptor_0(path);
	rmdir(directory);
	return done_testing();
}
