/* The frames of FastCGI: where a request ends, what is refused, and how replies are framed. */
#include "fastcgi-client.h"
#include "http/record.h"
#include "tap.h"

static enum http_scan_state
scan(const struct es_text *bytes, size_t *ret_taken)
{
	struct http_scan state = { 0 };

	*ret_taken = 0;
	return http_scan_take(&state, bytes->bytes, bytes->size, ret_taken);
}

static struct es_text
make_request(size_t body_size)
{
	struct es_text body = ES_TEXT_INIT;
	struct es_text request = ES_TEXT_INIT;

	for (size_t at = 0; at < body_size; at++)
		es_text_add(&body, "x", 1);
	fastcgi_add_request(&request, 7, true, "POST", "/a", body.bytes, body.size, NULL);
	es_text_done(&body);
	return request;
}

static void
test_ends(void)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 65535, 65536, 200000 };

	for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
		struct es_text request = make_request(sizes[at]);
		const size_t size = request.size;
		size_t taken;
		is_int(scan(&request, &taken), HTTP_SCAN_WHOLE, "a request is recognised whole");
		is_int(taken, size, "to its last byte");
		es_text_add(&request, "more", 4);
		is_int(scan(&request, &taken), HTTP_SCAN_WHOLE, "also with something behind it");
		is_int(taken, size, "which is left alone");

		/* In pieces of 1, 2, 3 ... bytes. */
		struct http_scan state = { 0 };
		size_t offset = 0;
		size_t piece = 1;
		int early = 0;
		while (offset + piece < size) {
			early += http_scan_take(&state, request.bytes + offset, piece, &taken) != HTTP_SCAN_MORE;
			early += taken != piece;
			offset += piece++;
		}
		is_int(early, 0, "no piece but the last one ends it");
		is_int(http_scan_take(&state, request.bytes + offset, size - offset, &taken), HTTP_SCAN_WHOLE,
		       "the last one does");
		is_int(state.stdin_size, sizes[at], "the body is counted");
		is_int(state.id, 7, "the id is kept");
		es_text_done(&request);
	}
}

static void
test_padding(void)
{
	struct es_text request = ES_TEXT_INIT;
	size_t taken;

	fastcgi_add_begin(&request, 1, 1, false);
	fastcgi_add_padded(&request, FASTCGI_PARAMS, 1, "\1\1ab", 4, 255);
	fastcgi_add_padded(&request, FASTCGI_PARAMS, 1, "", 0, 0);
	fastcgi_add_padded(&request, FASTCGI_STDIN, 1, "abc", 3, 5);
	const size_t size = request.size;
	fastcgi_add_padded(&request, FASTCGI_STDIN, 1, "", 0, 0);
	is_int(scan(&request, &taken), HTTP_SCAN_WHOLE, "padding is part of the request");
	is_int(taken, request.size, "wherever it is");
	struct http_scan state = { 0 };
	is_int(http_scan_take(&state, request.bytes, size - 1, &taken), HTTP_SCAN_MORE, "taken in two");
	is_int(http_scan_take(&state, request.bytes + size - 1, request.size - size + 1, &taken), HTTP_SCAN_WHOLE,
	       "parts, the cut within padding");
	es_text_done(&request);
}

/* libfcgi would take it for the next record. */
static void
test_padding_that_is_forgotten(void)
{
	static const struct {
		const char *what;
		unsigned of_begin, of_params, of_stdin;
	} cases[] = {
		{ "of BEGIN_REQUEST", 8, 0, 0 },
		{ "of the end of the parameters", 0, 8, 0 },
		{ "of the end of the body", 0, 0, 8 },
	};

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		struct es_text bytes = ES_TEXT_INIT;
		size_t taken;
		fastcgi_add_padded(&bytes, FASTCGI_BEGIN_REQUEST, 1, "\0\1\1\0\0\0\0\0", 8, cases[at].of_begin);
		fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, "", 0, cases[at].of_params);
		fastcgi_add_padded(&bytes, FASTCGI_STDIN, 1, "", 0, cases[at].of_stdin);
		is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, cases[at].what);
		es_text_done(&bytes);
	}
}

/* A request with one of its records exchanged. */
static void
test_refused(void)
{
	static const struct {
		const char *what;
		unsigned role, id, next_type, next_id;
	} cases[] = {
		{ "an authorizer", 2, 1, FASTCGI_PARAMS, 1 },
		{ "role 257", 257, 1, FASTCGI_PARAMS, 1 },
		{ "id 0", 1, 0, FASTCGI_PARAMS, 0 },
		{ "parameters of another request", 1, 1, FASTCGI_PARAMS, 2 },
		{ "GET_VALUES in between", 1, 1, FASTCGI_GET_VALUES, 0 },
		{ "GET_VALUES with the request's id", 1, 1, FASTCGI_GET_VALUES, 1 },
		{ "ABORT_REQUEST", 1, 1, FASTCGI_ABORT_REQUEST, 1 },
		{ "a second BEGIN_REQUEST", 1, 1, FASTCGI_BEGIN_REQUEST, 2 },
		{ "the body before the parameters", 1, 1, FASTCGI_STDIN, 1 },
		{ "a record type that there is not", 1, 1, 99, 1 },
	};
	size_t taken;

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		struct es_text bytes = ES_TEXT_INIT;
		fastcgi_add_begin(&bytes, cases[at].id, cases[at].role, true);
		fastcgi_add_padded(&bytes, cases[at].next_type, cases[at].next_id, "", 0, 0);
		is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, cases[at].what);
		es_text_done(&bytes);
	}

	struct es_text bytes = ES_TEXT_INIT;
	fastcgi_add_padded(&bytes, FASTCGI_GET_VALUES, 0, "", 0, 0);
	is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, "GET_VALUES first");
	es_text_clear(&bytes);
	fastcgi_add_begin(&bytes, 1, 1, true);
	bytes.bytes[0] = 2;
	is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, "version 2");
	es_text_clear(&bytes);
	fastcgi_add_padded(&bytes, FASTCGI_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0\0\0", 9, 0);
	is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, "BEGIN_REQUEST with a long body");
	es_text_clear(&bytes);
	es_text_add_string(&bytes, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, "plain HTTP");

	/* Parameters without an end. */
	char content[32768] = { 0 }; /* pairs of empty names and values */
	es_text_clear(&bytes);
	fastcgi_add_begin(&bytes, 1, 1, true);
	for (size_t size = 0; size < HTTP_PARAMS_SIZE_MAX; size += sizeof content)
		fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, content, sizeof content, 0);
	is_int(scan(&bytes, &taken), HTTP_SCAN_MORE, "as many parameters as are allowed");
	fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, "\0\0", 2, 0);
	is_int(scan(&bytes, &taken), HTTP_SCAN_REFUSED, "one more");
	es_text_done(&bytes);
}

static void
test_replies(void)
{
	static const size_t sizes[] = { 0, 1, 65508, 65509, 65535, 65536, 200000 };
	struct es_text head = ES_TEXT_INIT;
	struct es_text frame = ES_TEXT_INIT;

	es_text_add_string(&head, "Status: 200 OK\r\n\r\n"); /* 18 bytes: 65510 more fill a record */
	for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
		struct fastcgi_reply reply;
		char *body = malloc(sizes[at] + 1);
		if (body == NULL)
			bail("no memory");
		for (size_t byte = 0; byte < sizes[at]; byte++)
			body[byte] = (char)('a' + byte % 26);
		es_text_clear(&frame);
		http_record_reply(&frame, 0x1234, &head, body, sizes[at]);
		const size_t size = fastcgi_parse(frame.bytes, frame.size, 0x1234, &reply);
		is_int(size, frame.size, "a reply is one whole FastCGI reply");
		is_int(reply.status, 200, "with its head");
		ok(reply.body_size == sizes[at] && memcmp(reply.body, body, sizes[at]) == 0,
		   "and its body of %zu bytes", sizes[at]);
		is_int(reply.records,
		       sizes[at] <= 65510   ? 3
		       : sizes[at] <= 65528 ? 4
		       : sizes[at] < 131056 ? 5
		                            : 7,
		       "in as few records as can be");
		fastcgi_reply_done(&reply);
		free(body);
	}
	es_text_done(&frame);
	es_text_done(&head);
}

static void
test_pairs(void)
{
	static const struct {
		const char *what;
		const char *content;
		size_t size;
		enum http_scan_state state;
	} cases[] = {
		{ "no pair", "", 0, HTTP_SCAN_WHOLE },
		{ "a pair", "\1\2abb", 5, HTTP_SCAN_WHOLE },
		{ "two pairs", "\1\2abb\1\1cd", 9, HTTP_SCAN_WHOLE },
		{ "empty name and value", "\0\0", 2, HTTP_SCAN_WHOLE },
		{ "long lengths", "\x80\0\0\1\x80\0\0\2abb", 11, HTTP_SCAN_WHOLE },
		{ "a name alone", "\1", 1, HTTP_SCAN_REFUSED },
		{ "lengths alone", "\1\1", 2, HTTP_SCAN_REFUSED },
		{ "a value cut off", "\1\2ab", 4, HTTP_SCAN_REFUSED },
		{ "a byte too many", "\1\2abbc", 6, HTTP_SCAN_REFUSED },
		{ "a long length cut off", "\x80\0\0", 3, HTTP_SCAN_REFUSED },
		{ "a name of 2 GiB", "\xff\xff\xff\xff\1a", 6, HTTP_SCAN_REFUSED },
		{ "a value of 2 GiB",
		  "\1\xff\xff\xff\xff"
		  "a",
		  6, HTTP_SCAN_REFUSED },
	};

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		/* In one record, and each byte in a record of its own. */
		for (size_t record = 1; record <= 64; record += 63) {
			struct es_text bytes = ES_TEXT_INIT;
			size_t taken;
			fastcgi_add_begin(&bytes, 1, 1, true);
			for (size_t offset = 0; offset < cases[at].size; offset += record) {
				const size_t left = cases[at].size - offset;
				fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, cases[at].content + offset,
				                   left < record ? left : record, 0);
			}
			fastcgi_add_padded(&bytes, FASTCGI_PARAMS, 1, "", 0, 0);
			fastcgi_add_padded(&bytes, FASTCGI_STDIN, 1, "", 0, 0);
			is_int(scan(&bytes, &taken), cases[at].state, cases[at].what);
			es_text_done(&bytes);
		}
	}
}

int
main(void)
{
	test_pairs();
	test_ends();
	test_padding();
	test_padding_that_is_forgotten();
	test_refused();
	test_replies();
	return done_testing();
}
