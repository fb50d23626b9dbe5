#include "fastcgi-client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/clock.h"
#include "tap.h"

enum {
	PATIENCE = 20000, /* milliseconds: a test that waits longer has failed */
};

static const char farewell[8] = { 1, FASTCGI_STDERR, 0, 1, 0, 0, 0, 0 };

void
fastcgi_add_padded(struct es_text *text, unsigned type, unsigned id, const void *content, size_t size, unsigned padding)
{
	static const char nothing[255];
	const unsigned char header[8] = { 1,
		                          (unsigned char)type,
		                          (unsigned char)(id >> 8),
		                          (unsigned char)id,
		                          (unsigned char)(size >> 8),
		                          (unsigned char)size,
		                          (unsigned char)padding,
		                          0 };

	es_text_add(text, header, sizeof header);
	es_text_add(text, content, size);
	es_text_add(text, nothing, padding);
}

void
fastcgi_add_begin(struct es_text *text, unsigned id, unsigned role, bool keep)
{
	const unsigned char body[8] = { (unsigned char)(role >> 8), (unsigned char)role, keep ? 1 : 0 };

	fastcgi_add_padded(text, FASTCGI_BEGIN_REQUEST, id, body, sizeof body, 0);
}

static void
add_length(struct es_text *text, size_t length)
{
	const unsigned char bytes[4] = { (unsigned char)(0x80 | length >> 24), (unsigned char)(length >> 16),
		                         (unsigned char)(length >> 8), (unsigned char)length };

	if (length < 128)
		es_text_add(text, bytes + 3, 1);
	else
		es_text_add(text, bytes, 4);
}

void
fastcgi_add_pair(struct es_text *text, const char *name, const char *value)
{
	add_length(text, strlen(name));
	add_length(text, strlen(value));
	es_text_add_string(text, name);
	es_text_add_string(text, value);
}

/* content as records of type, and the empty one that ends them. */
static void
add_stream(struct es_text *text, unsigned type, unsigned id, const char *content, size_t size)
{
	while (size > 0) {
		const size_t step = size < 32768 ? size : 32768; /* as nginx does */
		fastcgi_add_padded(text, type, id, content, step, (unsigned)(8 - step % 8) % 8);
		content += step;
		size -= step;
	}
	fastcgi_add_padded(text, type, id, "", 0, 0);
}

void
fastcgi_add_request(struct es_text *text, unsigned id, bool keep, const char *method, const char *uri, const char *body,
                    size_t body_size, const char *const headers[])
{
	struct es_text params = ES_TEXT_INIT;
	bool has_type = false;
	bool has_length = false;
	char number[32];

	fastcgi_add_pair(&params, "REQUEST_METHOD", method);
	fastcgi_add_pair(&params, "REQUEST_URI", uri);
	for (size_t at = 0; headers != NULL && headers[at] != NULL; at++) {
		char name[64];
		const size_t size = strcspn(headers[at], "=");
		snprintf(name, sizeof name, "%.*s", (int)size, headers[at]);
		has_type = has_type || strcmp(name, "CONTENT_TYPE") == 0;
		has_length = has_length || strcmp(name, "CONTENT_LENGTH") == 0;
		fastcgi_add_pair(&params, name, headers[at] + size + 1);
	}
	if (!has_type)
		fastcgi_add_pair(&params, "CONTENT_TYPE", "application/json");
	snprintf(number, sizeof number, "%zu", body_size);
	if (!has_length)
		fastcgi_add_pair(&params, "CONTENT_LENGTH", number);

	fastcgi_add_begin(text, id, 1, keep);
	add_stream(text, FASTCGI_PARAMS, id, params.bytes, params.size);
	add_stream(text, FASTCGI_STDIN, id, body, body_size);
	es_text_done(&params);
}

size_t
fastcgi_parse(const char *bytes, size_t size, unsigned id, struct fastcgi_reply *ret_reply)
{
	struct es_text output = ES_TEXT_INIT;
	bool output_ended = false;
	size_t at = 0;
	int records = 0;

	memset(ret_reply, 0, sizeof *ret_reply);
	while (size - at >= 8) {
		const unsigned char *header = (const unsigned char *)bytes + at;
		const size_t content = (size_t)header[4] << 8 | header[5];
		const size_t whole = 8 + content + header[6];
		if (header[0] != 1 || ((unsigned)header[2] << 8 | header[3]) != id)
			break;
		if (size - at < whole) {
			es_text_done(&output);
			return 0;
		}
		records++;
		at += whole;
		if (header[1] == FASTCGI_STDOUT && !output_ended) {
			es_text_add(&output, header + 8, content);
			output_ended = content == 0;
			continue;
		}
		char *body = strstr(output.bytes, "\r\n\r\n");
		if (header[1] != FASTCGI_END_REQUEST || !output_ended || content != 8 || body == NULL ||
		    strncmp(output.bytes, "Status: ", 8) != 0)
			break;
		ret_reply->status = (int)strtol(output.bytes + 8, NULL, 10);
		ret_reply->records = records;
		ret_reply->body_size = output.size - (size_t)(body + 4 - output.bytes);
		ret_reply->body = malloc(ret_reply->body_size + 1);
		ret_reply->head = strndup(output.bytes, (size_t)(body + 2 - output.bytes));
		if (ret_reply->body == NULL || ret_reply->head == NULL)
			bail("no memory");
		memcpy(ret_reply->body, body + 4, ret_reply->body_size);
		ret_reply->body[ret_reply->body_size] = '\0';
		es_text_done(&output);
		return at;
	}
	es_text_done(&output);
	return size - at < 8 ? 0 : SIZE_MAX;
}

void
fastcgi_reply_done(struct fastcgi_reply *reply)
{
	free(reply->head);
	free(reply->body);
}

const char *
fastcgi_header(const struct fastcgi_reply *reply, const char *name)
{
	static char value[256];
	const size_t size = strlen(name);

	for (const char *line = reply->head; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
		if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
			const char *start = line + size + 1 + strspn(line + size + 1, " ");
			snprintf(value, sizeof value, "%.*s", (int)strcspn(start, "\r"), start);
			return value;
		}
	return NULL;
}

int
fastcgi_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		bail("cannot connect to %s: %s", path, strerror(errno));
	return fd;
}

bool
fastcgi_send(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t step = send(fd, bytes, size, MSG_NOSIGNAL);
		if (step < 0)
			return false;
		bytes += step;
		size -= (size_t)step;
	}
	return true;
}

/* Waits for bytes and reads some: their number, 0 at the end, -1 when none came in time. */
static ssize_t
read_some(int fd, char *bytes, size_t size, int64_t deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (poll(&ready, 1, es_clock_poll_timeout(deadline)) <= 0)
		return -1;
	const ssize_t count = recv(fd, bytes, size, 0);
	return count < 0 && errno == ECONNRESET ? 0 : count;
}

struct fastcgi_reply
fastcgi_receive(int fd, unsigned id)
{
	const int64_t deadline = es_clock_monotonic() + PATIENCE * ES_MILLISECOND;
	struct es_text bytes = ES_TEXT_INIT;
	struct fastcgi_reply reply = { 0 };
	size_t taken = 0;

	while (taken == 0) {
		char header[8];
		char piece[65536];
		/* Not a byte more than this reply's records, because the next reply's may be behind them. */
		ssize_t count = read_some(fd, header, 1, deadline);
		for (ssize_t more = 1; count > 0 && count < 8 && more > 0; count += more > 0 ? more : 0)
			more = read_some(fd, header + count, (size_t)(8 - count), deadline);
		if (count < 8) {
			reply.status = count == 0 && bytes.size == 0 ? 0 : -1;
			break;
		}
		if (bytes.size == 0 && memcmp(header, farewell, sizeof farewell) == 0)
			continue;
		es_text_add(&bytes, header, 8);
		size_t left =
			((size_t)(unsigned char)header[4] << 8 | (unsigned char)header[5]) + (unsigned char)header[6];
		while (left > 0 &&
		       (count = read_some(fd, piece, left < sizeof piece ? left : sizeof piece, deadline)) > 0) {
			es_text_add(&bytes, piece, (size_t)count);
			left -= (size_t)count;
		}
		if (left > 0) {
			reply.status = -1;
			break;
		}
		if (header[1] != FASTCGI_END_REQUEST)
			continue;
		taken = fastcgi_parse(bytes.bytes, bytes.size, id, &reply);
		if (taken != bytes.size) {
			reply.status = -1;
			break;
		}
	}
	es_text_done(&bytes);
	return reply;
}

struct fastcgi_reply
fastcgi_exchange(int fd, bool keep, const char *method, const char *uri, const char *body, const char *const headers[])
{
	struct es_text request = ES_TEXT_INIT;

	fastcgi_add_request(&request, 1, keep, method, uri, body, strlen(body), headers);
	fastcgi_send(fd, request.bytes, request.size);
	es_text_done(&request);
	return fastcgi_receive(fd, 1);
}

bool
fastcgi_is_asked_to_close(int fd)
{
	const int64_t deadline = es_clock_monotonic() + PATIENCE * ES_MILLISECOND;
	char record[sizeof farewell] = { 0 };
	size_t size = 0;

	while (size < sizeof record) {
		const ssize_t count = read_some(fd, record + size, sizeof record - size, deadline);
		if (count <= 0)
			return false;
		size += (size_t)count;
	}
	return memcmp(record, farewell, sizeof record) == 0;
}

bool
fastcgi_is_closed(int fd)
{
	char byte;

	return read_some(fd, &byte, 1, es_clock_monotonic() + PATIENCE * ES_MILLISECOND) == 0;
}

bool
fastcgi_is_taken(int fd)
{
	const int64_t deadline = es_clock_monotonic() + PATIENCE * ES_MILLISECOND;
	int left = 1;

	while (left != 0 && es_clock_monotonic() < deadline) {
		if (ioctl(fd, SIOCOUTQ, &left) != 0)
			return false;
		poll(NULL, 0, left != 0);
	}
	return left == 0;
}
