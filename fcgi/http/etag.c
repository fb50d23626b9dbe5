#include "http/etag.h"

#include <string.h>

static const char *
skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* What may stand between the quotes of an entity tag: visible characters but the quote, and bytes above ASCII. */
static bool
is_tag_character(char character)
{
	const unsigned char byte = (unsigned char)character;

	return byte >= 0x21 && byte != '"' && byte != 0x7F;
}

/* Reads W/"..." or "..." at *cursor and moves it behind; false, without moving, where there is none. */
static bool
read_tag(const char **cursor, struct http_tag *ret_tag)
{
	const char *at = *cursor;
	const bool weak = at[0] == 'W' && at[1] == '/';

	if (weak)
		at += 2;
	if (*at != '"')
		return false;
	const char *text = ++at;
	while (is_tag_character(*at))
		at++;
	if (*at != '"')
		return false;
	*ret_tag = (struct http_tag){ .text = text, .size = (size_t)(at - text), .weak = weak };
	*cursor = at + 1;
	return true;
}

bool
http_tag_next(const char **cursor, struct http_tag *ret_tag)
{
	const char *at = skip_blanks(*cursor);

	/* RFC 9110, section 5.6.1: empty elements of a list are ignored. */
	while (*at == ',')
		at = skip_blanks(at + 1);
	*cursor = at;
	if (*at == '\0')
		return false;

	if (*at == '*') {
		if (*skip_blanks(at + 1) != '\0')
			return false;
		*ret_tag = (struct http_tag){ .text = at, .size = 1, .any = true };
		*cursor = skip_blanks(at + 1);
		return true;
	}
	struct http_tag tag;
	if (!read_tag(&at, &tag))
		return false;
	at = skip_blanks(at);
	if (*at != ',' && *at != '\0')
		return false;
	*cursor = at;
	*ret_tag = tag;
	return true;
}

bool
http_tag_listed(const char *list, const char *tag)
{
	struct http_tag wanted;
	struct http_tag entry;
	const char *cursor = list;
	bool found = false;

	if (!read_tag(&tag, &wanted))
		return false;
	while (http_tag_next(&cursor, &entry))
		if (entry.any || (entry.size == wanted.size && memcmp(entry.text, wanted.text, entry.size) == 0))
			found = true;
	return found && *cursor == '\0';
}
