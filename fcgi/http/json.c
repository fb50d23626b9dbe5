#include "http/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/utf8.h"

enum {
	FEW_NAMES = 16,   /* up to here, comparing each pair is faster than sorting */
	FIRST_NAMES = 32, /* members of an ordinary command and its parents: no allocation */
};

#define INTEGER_MAX ((INT64_C(1) << 53) - 1) /* what every JSON implementation can tell apart (RFC 8259, section 6) */

/* The name of a member, decoded. */
struct name {
	const char *bytes;
	size_t size;
	size_t position; /* of its first byte in the input, for the error */
};

/* An array or object that is still open. */
struct container {
	bool is_object;
	size_t first_name; /* of an object: where its names begin in scanner.names */
};

struct scanner {
	const char *start;
	const char *at;
	const char *end;
	struct es_error *error;

	struct container open[HTTP_JSON_DEPTH_MAX];
	size_t depth;

	/* The names of all open objects, the innermost one's last. */
	struct name *names;
	size_t name_count;
	size_t name_capacity;
	struct name first_names[FIRST_NAMES];

	/* Names written with escapes, decoded one after the other; as large as the input, so it never moves. */
	char *decoded;
	size_t decoded_size;
};

static enum es_result
refuse(struct scanner *scanner, const char *where, const char *what)
{
	return es_fail(scanner->error, ES_INVALID, NULL, "not JSON: %s at byte %zu", what,
	               (size_t)(where - scanner->start));
}

static enum es_result
no_memory(struct scanner *scanner)
{
	return es_fail(scanner->error, ES_FAILED, NULL, "out of memory");
}

static void
skip_blanks(struct scanner *scanner)
{
	while (scanner->at < scanner->end &&
	       (*scanner->at == ' ' || *scanner->at == '\n' || *scanner->at == '\t' || *scanner->at == '\r'))
		scanner->at++;
}

/* The next byte, or -1 at the end. */
static int
peek(const struct scanner *scanner)
{
	return scanner->at < scanner->end ? (unsigned char)*scanner->at : -1;
}

static bool
skip(struct scanner *scanner, char byte)
{
	if (peek(scanner) != byte)
		return false;
	scanner->at++;
	return true;
}

/* --- strings --- */

/* The value of the four hexadecimal digits at the scanner, which moves behind them; -1 where there are none. */
static int
scan_hex(struct scanner *scanner)
{
	int value = 0;

	if (scanner->end - scanner->at < 4)
		return -1;
	for (int digit = 0; digit < 4; digit++) {
		const char byte = scanner->at[digit];
		if (byte >= '0' && byte <= '9')
			value = value << 4 | (byte - '0');
		else if (byte >= 'a' && byte <= 'f')
			value = value << 4 | (byte - 'a' + 10);
		else if (byte >= 'A' && byte <= 'F')
			value = value << 4 | (byte - 'A' + 10);
		else
			return -1;
	}
	scanner->at += 4;
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

/* What stands after a backslash; the scanner is behind that backslash and moves behind the escape. */
static enum es_result
scan_escape(struct scanner *scanner, unsigned *ret_code_point)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *where = scanner->at - 1;
	const int letter = peek(scanner);
	const char *found = letter <= 0 ? NULL : strchr(letters, letter);

	if (found != NULL) {
		scanner->at++;
		*ret_code_point = (unsigned char)meanings[found - letters];
		return ES_OK;
	}
	if (!skip(scanner, 'u'))
		return refuse(scanner, where, "unknown escape");
	const int first = scan_hex(scanner);
	if (first < 0)
		return refuse(scanner, where, "\\u without four hexadecimal digits");
	if (first == 0)
		return refuse(scanner, where, "the character U+0000");
	if (first < 0xD800 || first > 0xDFFF) {
		*ret_code_point = (unsigned)first;
		return ES_OK;
	}
	const int second = first <= 0xDBFF && skip(scanner, '\\') && skip(scanner, 'u') ? scan_hex(scanner) : -1;
	if (second < 0xDC00 || second > 0xDFFF)
		return refuse(scanner, where, "half of a surrogate pair");
	*ret_code_point = 0x10000U + (((unsigned)first & 0x3FF) << 10) + ((unsigned)second & 0x3FF);
	return ES_OK;
}

/*
 * A string; the scanner is at its opening quote.  With ret_name it is also handed out, decoded: as it stands in the
 * input where it has no escape, else copied to scanner->decoded.
 */
static enum es_result
scan_string(struct scanner *scanner, struct name *ret_name)
{
	const char *opening = scanner->at++;
	const char *run = scanner->at; /* bytes that decode to themselves */
	char *copy = NULL;             /* where the decoded name begins, once it differs from the input */
	char *to = NULL;

	for (;;) {
		const int byte = peek(scanner);
		if (byte < 0)
			return refuse(scanner, opening, "string without an end");
		if (byte < 0x20)
			return refuse(scanner, scanner->at, "control character in a string");
		if (byte >= 0x80) {
			const size_t length = http_utf8_sequence(scanner->at, (size_t)(scanner->end - scanner->at));
			if (length == 0)
				return refuse(scanner, scanner->at, "a byte that is not UTF-8");
			scanner->at += length;
			continue;
		}
		if (byte != '"' && byte != '\\') {
			scanner->at++;
			continue;
		}

		const size_t run_size = (size_t)(scanner->at - run);
		if (byte == '\\' && ret_name != NULL && copy == NULL) {
			if (scanner->decoded == NULL)
				scanner->decoded = malloc((size_t)(scanner->end - scanner->start));
			if (scanner->decoded == NULL)
				return no_memory(scanner);
			copy = to = scanner->decoded + scanner->decoded_size;
		}
		if (copy != NULL) {
			memcpy(to, run, run_size);
			to += run_size;
		}
		scanner->at++;
		if (byte == '"')
			break;
		unsigned code_point = 0;
		const enum es_result result = scan_escape(scanner, &code_point);
		if (result != ES_OK)
			return result;
		if (copy != NULL)
			to = encode(to, code_point);
		run = scanner->at;
	}
	if (ret_name != NULL) {
		ret_name->position = (size_t)(opening - scanner->start);
		ret_name->bytes = copy == NULL ? opening + 1 : copy;
		ret_name->size = copy == NULL ? (size_t)(scanner->at - opening) - 2 : (size_t)(to - copy);
		if (copy != NULL)
			scanner->decoded_size += ret_name->size;
	}
	return ES_OK;
}

/* --- numbers --- */

static size_t
skip_digits(struct scanner *scanner)
{
	const char *first = scanner->at;

	while (peek(scanner) >= '0' && peek(scanner) <= '9')
		scanner->at++;
	return (size_t)(scanner->at - first);
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

static enum es_result
scan_number(struct scanner *scanner)
{
	const char *first = scanner->at;
	bool is_integer = true;

	skip(scanner, '-');
	const char *digits = scanner->at;
	const size_t count = skip_digits(scanner);
	if (count == 0)
		return refuse(scanner, scanner->at, "a digit expected");
	if (count > 1 && *digits == '0')
		return refuse(scanner, digits, "leading zero");
	if (skip(scanner, '.')) {
		is_integer = false;
		if (skip_digits(scanner) == 0)
			return refuse(scanner, scanner->at, "a digit expected");
	}
	if (skip(scanner, 'e') || skip(scanner, 'E')) {
		is_integer = false;
		if (!skip(scanner, '+'))
			skip(scanner, '-');
		if (skip_digits(scanner) == 0)
			return refuse(scanner, scanner->at, "a digit expected");
	}

	const size_t size = (size_t)(scanner->at - first);
	if (size > HTTP_JSON_NUMBER_SIZE_MAX)
		return refuse(scanner, first, "number too long");
	if (!in_range(first, size, is_integer))
		return refuse(scanner, first, is_integer ? "integer beyond 9007199254740991" : "number out of range");
	return ES_OK;
}

/* --- names --- */

static int
compare_names(const void *one, const void *other)
{
	const struct name *left = one;
	const struct name *right = other;

	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->size);
}

/* Checks the names of the innermost object, which ends here, and forgets them. */
static enum es_result
close_names(struct scanner *scanner, size_t first)
{
	struct name *names = scanner->names + first;
	const size_t count = scanner->name_count - first;
	const struct name *duplicate = NULL;

	if (count > FEW_NAMES) {
		qsort(names, count, sizeof *names, compare_names);
		for (size_t at = 1; at < count && duplicate == NULL; at++)
			if (compare_names(&names[at - 1], &names[at]) == 0)
				duplicate = names[at - 1].position > names[at].position ? &names[at - 1] : &names[at];
	} else {
		for (size_t at = 1; at < count && duplicate == NULL; at++)
			for (size_t before = 0; before < at && duplicate == NULL; before++)
				if (compare_names(&names[before], &names[at]) == 0)
					duplicate = &names[at];
	}
	scanner->name_count = first;
	if (duplicate != NULL)
		return refuse(scanner, scanner->start + duplicate->position, "name used before in the same object");
	return ES_OK;
}

static enum es_result
add_name(struct scanner *scanner, const struct name *name)
{
	if (scanner->name_count == scanner->name_capacity) {
		const size_t capacity = scanner->name_capacity * 2;
		const bool on_heap = scanner->names != scanner->first_names;
		struct name *names = realloc(on_heap ? scanner->names : NULL, capacity * sizeof *names);
		if (names == NULL)
			return no_memory(scanner);
		if (!on_heap)
			memcpy(names, scanner->first_names, sizeof scanner->first_names);
		scanner->names = names;
		scanner->name_capacity = capacity;
	}
	scanner->names[scanner->name_count++] = *name;
	return ES_OK;
}

/* A name and its colon. */
static enum es_result
scan_name(struct scanner *scanner)
{
	struct name name;

	skip_blanks(scanner);
	if (peek(scanner) != '"')
		return refuse(scanner, scanner->at, "a name in quotes expected");
	enum es_result result = scan_string(scanner, &name);
	if (result == ES_OK)
		result = add_name(scanner, &name);
	if (result != ES_OK)
		return result;
	skip_blanks(scanner);
	if (!skip(scanner, ':'))
		return refuse(scanner, scanner->at, "\":\" expected");
	return ES_OK;
}

/* --- values --- */

static enum es_result
scan_word(struct scanner *scanner)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t word = 0; word < sizeof words / sizeof words[0]; word++) {
		const size_t size = strlen(words[word]);
		if ((size_t)(scanner->end - scanner->at) >= size && memcmp(scanner->at, words[word], size) == 0) {
			scanner->at += size;
			return ES_OK;
		}
	}
	return refuse(scanner, scanner->at, "a value expected");
}

/* Opens an array or object; *ret_empty says that it closed again at once. */
static enum es_result
open_container(struct scanner *scanner, bool *ret_empty)
{
	const bool is_object = *scanner->at == '{';

	if (scanner->depth == HTTP_JSON_DEPTH_MAX)
		return refuse(scanner, scanner->at, "nested too deep (at most 32 levels)");
	scanner->at++;
	scanner->open[scanner->depth++] = (struct container){ is_object, scanner->name_count };
	skip_blanks(scanner);
	*ret_empty = skip(scanner, is_object ? '}' : ']');
	if (*ret_empty)
		scanner->depth--;
	else if (is_object)
		return scan_name(scanner);
	return ES_OK;
}

/* Behind a value: closes what ends here, up to a comma (*ret_more) or the end of the outermost value. */
static enum es_result
close_containers(struct scanner *scanner, bool *ret_more)
{
	*ret_more = false;
	while (scanner->depth > 0) {
		const struct container *inner = &scanner->open[scanner->depth - 1];
		skip_blanks(scanner);
		if (skip(scanner, ',')) {
			*ret_more = true;
			return inner->is_object ? scan_name(scanner) : ES_OK;
		}
		if (!skip(scanner, inner->is_object ? '}' : ']'))
			return refuse(scanner, scanner->at,
			              inner->is_object ? "\",\" or \"}\" expected" : "\",\" or \"]\" expected");
		if (inner->is_object) {
			const enum es_result result = close_names(scanner, inner->first_name);
			if (result != ES_OK)
				return result;
		}
		scanner->depth--;
	}
	return ES_OK;
}

static enum es_result
scan_text(struct scanner *scanner)
{
	enum es_result result;
	bool more = true;

	while (more) {
		skip_blanks(scanner);
		const int byte = peek(scanner);
		bool complete = true;
		if (byte == '{' || byte == '[')
			result = open_container(scanner, &complete);
		else if (byte == '"')
			result = scan_string(scanner, NULL);
		else if (byte == '-' || (byte >= '0' && byte <= '9'))
			result = scan_number(scanner);
		else
			result = scan_word(scanner);
		if (result == ES_OK && complete)
			result = close_containers(scanner, &more);
		if (result != ES_OK)
			return result;
	}
	skip_blanks(scanner);
	if (scanner->at != scanner->end)
		return refuse(scanner, scanner->at, "more after the value");
	return ES_OK;
}

enum es_result
http_json_check(const char *bytes, size_t size, struct es_error *error)
{
	struct scanner scanner;

	if (size > INT_MAX)
		return es_fail(error, ES_INVALID, NULL, "not JSON: too long");
	scanner.start = scanner.at = bytes;
	scanner.end = bytes + size;
	scanner.error = error;
	scanner.depth = 0;
	scanner.names = scanner.first_names;
	scanner.name_count = 0;
	scanner.name_capacity = FIRST_NAMES;
	scanner.decoded = NULL;
	scanner.decoded_size = 0;

	const enum es_result result = scan_text(&scanner);
	if (scanner.names != scanner.first_names)
		free(scanner.names);
	free(scanner.decoded);
	return result;
}

enum es_result
http_json_parse(const char *bytes, size_t size, struct json_object **ret_value, struct es_error *error)
{
	const enum es_result result = http_json_check(bytes, size, error);

	if (result != ES_OK)
		return result;
	/* json-c counts the innermost value as one more level. */
	struct json_tokener *tokener = json_tokener_new_ex(HTTP_JSON_DEPTH_MAX + 1);
	if (tokener == NULL)
		return es_fail(error, ES_FAILED, NULL, "out of memory");
	struct json_object *value = json_tokener_parse_ex(tokener, bytes, (int)size);
	/* A number at the very end may go on; the NUL of "" ends it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1);
	const enum json_tokener_error outcome = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (outcome != json_tokener_success) {
		json_object_put(value);
		return es_fail(error, ES_FAILED, NULL, "json-c: %s", json_tokener_error_desc(outcome));
	}
	if (value == NULL)
		return es_fail(error, ES_INVALID, NULL, "null where a value is expected");
	*ret_value = value;
	return ES_OK;
}
