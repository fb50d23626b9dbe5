#include "http/utf8.h"

/* The well-formed sequences of RFC 3629, section 4: first byte, length, and the range of the second byte. */
static const struct form {
	unsigned char first_low, first_high;
	unsigned char length;
	unsigned char second_low, second_high;
} forms[] = {
	{ 0x00, 0x7F, 1, 0x00, 0x00 }, { 0xC2, 0xDF, 2, 0x80, 0xBF }, { 0xE0, 0xE0, 3, 0xA0, 0xBF },
	{ 0xE1, 0xEC, 3, 0x80, 0xBF }, { 0xED, 0xED, 3, 0x80, 0x9F }, { 0xEE, 0xEF, 3, 0x80, 0xBF },
	{ 0xF0, 0xF0, 4, 0x90, 0xBF }, { 0xF1, 0xF3, 4, 0x80, 0xBF }, { 0xF4, 0xF4, 4, 0x80, 0x8F },
};

size_t
http_utf8_sequence(const char *bytes, size_t size)
{
	if (size == 0)
		return 0;
	const unsigned char first = (unsigned char)bytes[0];

	for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
		const struct form *rule = &forms[form];
		if (first < rule->first_low || first > rule->first_high)
			continue;
		if (rule->length > size)
			return 0;
		for (size_t at = 1; at < rule->length; at++) {
			const unsigned char byte = (unsigned char)bytes[at];
			const unsigned char low = at == 1 ? rule->second_low : 0x80;
			const unsigned char high = at == 1 ? rule->second_high : 0xBF;
			if (byte < low || byte > high)
				return 0;
		}
		return rule->length;
	}
	return 0;
}

bool
http_utf8_valid(const char *bytes, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const size_t length = http_utf8_sequence(bytes + at, size - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}
