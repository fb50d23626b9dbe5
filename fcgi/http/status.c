#include "http/status.h"

#include <assert.h>

static const struct {
	int code;
	const char *title;
} statuses[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 0, "Unknown" },
};

static_assert(sizeof statuses / sizeof statuses[0] == HTTP_STATUS_COUNT, "status.h counts the rows");

size_t
http_status_row(int status)
{
	size_t row = 0;

	while (row < HTTP_STATUS_COUNT - 1 && statuses[row].code != status)
		row++;
	return row;
}

int
http_status_of_row(size_t row)
{
	return statuses[row].code;
}

const char *
http_status_title(int status)
{
	return statuses[http_status_row(status)].title;
}
