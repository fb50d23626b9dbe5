#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,            /* connections that wait while a program restarts; the kernel's own limit */
	SOCKET_MODE = 0660,        /* the web server shares our group; whoever may connect is trusted */
	FIRST_FREE_DESCRIPTOR = 3, /* above stdin, stdout and stderr */
};

static bool
is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof listening;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

static bool
set_nonblocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Moves the listening socket off fd 0, where /dev/null takes its place. */
static enum es_result
take_stdin(int *ret_socket, struct es_error *error)
{
	const int taken = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR);
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const bool is_replaced = taken >= 0 && null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO;
	const int reason = errno;

	if (null > STDIN_FILENO)
		close(null);
	if (is_replaced && set_nonblocking(taken)) {
		*ret_socket = taken;
		return ES_OK;
	}
	if (taken >= 0)
		close(taken);
	return es_fail(error, ES_FAILED, NULL, "cannot take the listening socket on descriptor 0: %s",
	               strerror(reason));
}

/* ES_OK where nothing is at path or a socket that nobody answers. */
static enum es_result
check_vacant(const char *path, const struct sockaddr_un *address, struct es_error *error)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return ES_OK; /* binding will tell what else is wrong */
	if (!S_ISSOCK(status.st_mode))
		return es_fail(error, ES_REFUSED, NULL, "\"%s\" exists and is not a socket", path);
	const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return es_fail(error, ES_FAILED, NULL, "cannot make a socket: %s", strerror(errno));
	const bool is_answered = connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ||
	                         errno == EAGAIN || errno == EINPROGRESS;
	close(probe);
	if (is_answered)
		return es_fail(error, ES_REFUSED, NULL,
		               "another program answers on \"%s\": stop it or choose another path", path);
	return ES_OK;
}

static bool
set_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address->sun_path)
		return false;
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

enum es_result
http_socket_open(const char *path, int *ret_socket, struct es_error *error)
{
	struct sockaddr_un address;
	struct sockaddr_un temporary;
	char temporary_path[sizeof temporary.sun_path + 32];

	if (is_listening(STDIN_FILENO))
		return take_stdin(ret_socket, error);
	if (path == NULL)
		return es_fail(error, ES_INVALID, NULL,
		               "no listening socket on descriptor 0: give a path for one with --socket");
	/* Made under another name, so that the socket appears at its path with its mode and already listening. */
	snprintf(temporary_path, sizeof temporary_path, "%.*s.%ld", (int)sizeof temporary.sun_path, path,
	         (long)getpid());
	if (!set_address(&address, path) || !set_address(&temporary, temporary_path))
		return es_fail(error, ES_INVALID, NULL, "the path \"%s\" is too long for a socket", path);
	const enum es_result result = check_vacant(path, &address, error);
	if (result != ES_OK)
		return result;

	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return es_fail(error, ES_FAILED, NULL, "cannot make a socket: %s", strerror(errno));
	unlink(temporary_path);
	if (bind(fd, (const struct sockaddr *)&temporary, sizeof temporary) == 0 &&
	    chmod(temporary_path, SOCKET_MODE) == 0 && listen(fd, BACKLOG) == 0 && rename(temporary_path, path) == 0) {
		*ret_socket = fd;
		return ES_OK;
	}
	const int reason = errno;
	unlink(temporary_path);
	close(fd);
	return es_fail(error, ES_FAILED, NULL, "cannot listen on \"%s\": %s", path, strerror(reason));
}
