/* Lists of entity tags. */
#include "http/etag.h"
#include "tap.h"

/* The list written back, one entry after the other: w for weak, then the text; "!" in the end where it does not parse.
 */
static const char *
rewrite(const char *list)
{
	static char text[256];
	const char *cursor = list;
	struct http_tag tag;
	size_t size = 0;

	text[0] = '\0';
	while (http_tag_next(&cursor, &tag))
		size += (size_t)snprintf(text + size, sizeof text - size, "%s%s%.*s;", tag.weak ? "w:" : "",
		                         tag.any ? "any:" : "", (int)tag.size, tag.text);
	if (*cursor != '\0')
		snprintf(text + size, sizeof text - size, "!");
	return text;
}

static const struct {
	const char *list;
	const char *entries;
} lists[] = {
	{ "", "" },
	{ "  ", "" },
	{ "*", "any:*;" },
	{ " * ", "any:*;" },
	{ "\"57\"", "57;" },
	{ "\"57-0a1b2c3d\"", "57-0a1b2c3d;" },
	{ "W/\"57-log\"", "w:57-log;" },
	{ "\"a\",\"b\"", "a;b;" },
	{ "\"a\" , W/\"b\",\t\"c\" ", "a;w:b;c;" },
	{ ",\"a\",, \"b\",", "a;b;" },
	{ "\"\"", ";" },
	{ "\"a,b\"", "a,b;" },
	{ "\"\xc3\xa9\"", "\xc3\xa9;" },
	{ "57", "!" },
	{ "\"57", "!" },
	{ "\"5 7\"", "!" },
	{ "w/\"57\"", "!" },
	{ "W/57", "!" },
	{ "W /\"57\"", "!" },
	{ "\"a\" \"b\"", "!" },
	{ "\"a\"x", "!" },
	{ "\"a\",b", "a;!" },
	{ "*,\"a\"", "!" },
	{ "\"a\",*x", "a;!" },
	{ "**", "!" },
	{ "\"a\x7f\"", "!" },
};

int
main(void)
{
	for (size_t at = 0; at < sizeof lists / sizeof lists[0]; at++)
		is_string(rewrite(lists[at].list), lists[at].entries, lists[at].list);

	ok(http_tag_listed("\"58-log\"", "\"58-log\""), "the same tag");
	ok(http_tag_listed("W/\"58-log\"", "\"58-log\""), "weak in the list");
	ok(http_tag_listed("\"58-log\"", "W/\"58-log\""), "weak as given");
	ok(http_tag_listed("\"57-log\", \"58-log\"", "\"58-log\""), "the second of a list");
	ok(http_tag_listed("*", "\"58-log\""), "any");
	ok(!http_tag_listed("\"57-log\"", "\"58-log\""), "another tag");
	ok(!http_tag_listed("\"58\"", "\"58-log\""), "only its beginning");
	ok(!http_tag_listed("58-log", "\"58-log\""), "without quotes");
	ok(!http_tag_listed("\"58-log\", oops", "\"58-log\""), "a list that does not parse");
	ok(!http_tag_listed("", "\"58-log\""), "an empty list");
	return done_testing();
}
