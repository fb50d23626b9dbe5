#include "http/json_scan.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/json.h"
#include "http/utf8.h"

#define INTEGER_MAX ((INT64_C(1) << 53) - 1) /* what every JSON implementation can tell apart (RFC 8259, section 6) */

enum es_result
http_json_refuse(struct http_json_scan *scan, const char *where, const char *what)
{
	return es_fail(scan->error, ES_INVALID, NULL, "not JSON: %s at byte %zu", what, (size_t)(where - scan->start));
}

enum es_result
http_json_no_memory(struct http_json_scan *scan)
{
	return es_fail(scan->error, ES_FAILED, NULL, "out of memory");
}

void
http_json_skip_blanks(struct http_json_scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
		scan->at++;
}

int
http_json_peek(const struct http_json_scan *scan)
{
	return scan->at < scan->end ? (unsigned char)*scan->at : -1;
}

bool
http_json_skip(struct http_json_scan *scan, char byte)
{
	if (http_json_peek(scan) != byte)
		return false;
	scan->at++;
	return true;
}

/* --- strings --- */

/* The value of the four hexadecimal digits at the scan, which moves behind them; -1 where there are none. */
static int
scan_hex(struct http_json_scan *scan)
{
	int value = 0;

	if (scan->end - scan->at < 4)
		return -1;
	for (int digit = 0; digit < 4; digit++) {
		const char byte = scan->at[digit];
		if (byte >= '0' && byte <= '9')
			value = value << 4 | (byte - '0');
		else if (byte >= 'a' && byte <= 'f')
			value = value << 4 | (byte - 'a' + 10);
		else if (byte >= 'A' && byte <= 'F')
			value = value << 4 | (byte - 'A' + 10);
		else
			return -1;
	}
	scan->at += 4;
	return value;
}

/* Writes a code point as UTF-8; returns behind it. */
static char *
encode(char *to, unsigned code_point)
{
	if (code_point < 0x80) {
		*to++ = (char)code_point;
	} else if (code_point < 0x800) {
		*to++ = (char)(0xC0 | code_point >> 6);
		*to++ = (char)(0x80 | (code_point & 0x3F));
	} else if (code_point < 0x10000) {
		*to++ = (char)(0xE0 | code_point >> 12);
		*to++ = (char)(0x80 | (code_point >> 6 & 0x3F));
		*to++ = (char)(0x80 | (code_point & 0x3F));
	} else {
		*to++ = (char)(0xF0 | code_point >> 18);
		*to++ = (char)(0x80 | (code_point >> 12 & 0x3F));
		*to++ = (char)(0x80 | (code_point >> 6 & 0x3F));
		*to++ = (char)(0x80 | (code_point & 0x3F));
	}
	return to;
}

/* What stands after a backslash; the scan is behind that backslash and moves behind the escape. */
static enum es_result
scan_escape(struct http_json_scan *scan, unsigned *ret_code_point)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *where = scan->at - 1;
	const int letter = http_json_peek(scan);
	const char *found = letter <= 0 ? NULL : strchr(letters, letter);

	if (found != NULL) {
		scan->at++;
		*ret_code_point = (unsigned char)meanings[found - letters];
		return ES_OK;
	}
	if (!http_json_skip(scan, 'u'))
		return http_json_refuse(scan, where, "unknown escape");
	const int first = scan_hex(scan);
	if (first < 0)
		return http_json_refuse(scan, where, "\\u without four hexadecimal digits");
	if (first == 0)
		return http_json_refuse(scan, where, "the character U+0000");
	if (first < 0xD800 || first > 0xDFFF) {
		*ret_code_point = (unsigned)first;
		return ES_OK;
	}
	const int second =
		first <= 0xDBFF && http_json_skip(scan, '\\') && http_json_skip(scan, 'u') ? scan_hex(scan) : -1;
	if (second < 0xDC00 || second > 0xDFFF)
		return http_json_refuse(scan, where, "half of a surrogate pair");
	*ret_code_point = 0x10000U + (((unsigned)first & 0x3FF) << 10) + ((unsigned)second & 0x3FF);
	return ES_OK;
}

enum es_result
http_json_scan_string(struct http_json_scan *scan, struct http_json_name *ret_name)
{
	const char *opening = scan->at++;
	const char *run = scan->at; /* bytes that decode to themselves */
	char *copy = NULL;          /* where the decoded name begins, once it differs from the input */
	char *to = NULL;

	for (;;) {
		const int byte = http_json_peek(scan);
		if (byte < 0)
			return http_json_refuse(scan, opening, "string without an end");
		if (byte < 0x20)
			return http_json_refuse(scan, scan->at, "control character in a string");
		if (byte >= 0x80) {
			const size_t length = http_utf8_sequence(scan->at, (size_t)(scan->end - scan->at));
			if (length == 0)
				return http_json_refuse(scan, scan->at, "a byte that is not UTF-8");
			scan->at += length;
			continue;
		}
		if (byte != '"' && byte != '\\') {
			scan->at++;
			continue;
		}

		const size_t run_size = (size_t)(scan->at - run);
		if (byte == '\\' && ret_name != NULL && copy == NULL) {
			if (scan->decoded == NULL)
				scan->decoded = malloc((size_t)(scan->end - scan->start));
			if (scan->decoded == NULL)
				return http_json_no_memory(scan);
			copy = to = scan->decoded + scan->decoded_size;
		}
		if (copy != NULL) {
			memcpy(to, run, run_size);
			to += run_size;
		}
		scan->at++;
		if (byte == '"')
			break;
		unsigned code_point = 0;
		const enum es_result result = scan_escape(scan, &code_point);
		if (result != ES_OK)
			return result;
		if (copy != NULL)
			to = encode(to, code_point);
		run = scan->at;
	}
	if (ret_name != NULL) {
		ret_name->position = (size_t)(opening - scan->start);
		ret_name->bytes = copy == NULL ? opening + 1 : copy;
		ret_name->size = copy == NULL ? (size_t)(scan->at - opening) - 2 : (size_t)(to - copy);
		if (copy != NULL)
			scan->decoded_size += ret_name->size;
	}
	return ES_OK;
}

/* --- numbers --- */

static size_t
skip_digits(struct http_json_scan *scan)
{
	const char *first = scan->at;

	while (http_json_peek(scan) >= '0' && http_json_peek(scan) <= '9')
		scan->at++;
	return (size_t)(scan->at - first);
}

/* Whether a number, whose grammar is checked, has a value that everybody reads alike. */
static bool
in_range(const char *number, size_t size, bool is_integer)
{
	char text[HTTP_JSON_NUMBER_SIZE_MAX + 1];

	memcpy(text, number, size);
	text[size] = '\0';
	errno = 0;
	if (!is_integer)
		return isfinite(strtod(text, NULL));
	const long long value = strtoll(text, NULL, 10);
	return errno == 0 && value >= -INTEGER_MAX && value <= INTEGER_MAX;
}

enum es_result
http_json_scan_number(struct http_json_scan *scan)
{
	const char *first = scan->at;
	bool is_integer = true;

	http_json_skip(scan, '-');
	const char *digits = scan->at;
	const size_t count = skip_digits(scan);
	if (count == 0)
		return http_json_refuse(scan, scan->at, "a digit expected");
	if (count > 1 && *digits == '0')
		return http_json_refuse(scan, digits, "leading zero");
	if (http_json_skip(scan, '.')) {
		is_integer = false;
		if (skip_digits(scan) == 0)
			return http_json_refuse(scan, scan->at, "a digit expected");
	}
	if (http_json_skip(scan, 'e') || http_json_skip(scan, 'E')) {
		is_integer = false;
		if (!http_json_skip(scan, '+'))
			http_json_skip(scan, '-');
		if (skip_digits(scan) == 0)
			return http_json_refuse(scan, scan->at, "a digit expected");
	}

	const size_t size = (size_t)(scan->at - first);
	if (size > HTTP_JSON_NUMBER_SIZE_MAX)
		return http_json_refuse(scan, first, "number too long");
	if (!in_range(first, size, is_integer))
		return http_json_refuse(scan, first,
		                        is_integer ? "integer beyond 9007199254740991" : "number out of range");
	return ES_OK;
}

/* --- words --- */

enum es_result
http_json_scan_word(struct http_json_scan *scan)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t word = 0; word < sizeof words / sizeof words[0]; word++) {
		const size_t size = strlen(words[word]);
		if ((size_t)(scan->end - scan->at) >= size && memcmp(scan->at, words[word], size) == 0) {
			scan->at += size;
			return ES_OK;
		}
	}
	return http_json_refuse(scan, scan->at, "a value expected");
}
