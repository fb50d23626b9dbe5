#include "event/facts.h"

#include <json-c/json.h>
#include <string.h>

#include "event/cleanup.h"
#include "event/text.h"
#include "tap.h"

static const char id[] = "0190163d-8694-739b-aea5-966c26f8ad91";

static void
put(struct es_facts *facts, const char *key, int number)
{
	es_facts_put(facts, key, json_object_new_int(number));
}

static int
get(const struct es_facts *facts, const char *key)
{
	struct json_object *value = es_facts_get(facts, key);

	return value == NULL ? -1 : json_object_get_int(value);
}

static int
compare_lines(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* What is to be written, as "close KEY until;KEY=VALUE [since,until);", sorted.  New. */
static char *
written(const struct es_facts *facts)
{
	struct es_fact_close close;
	struct es_fact_write write;
	char *lines[64];
	int count = 0;

	for (size_t at = 0; es_facts_next_close(facts, &at, &close);) {
		struct es_text line = ES_TEXT_INIT;
		es_text_add_format(&line, "close %s %d;", close.key, (int)close.until);
		lines[count++] = es_text_steal(&line);
	}
	for (size_t at = 0; es_facts_next_write(facts, &at, &write);) {
		struct es_text line = ES_TEXT_INIT;
		es_text_add_format(&line, "put %s=%d [%d,%d);", write.key, json_object_get_int(write.value),
		                   (int)write.since, (int)write.until);
		lines[count++] = es_text_steal(&line);
	}
	qsort(lines, (size_t)count, sizeof *lines, compare_lines);
	struct es_text text = ES_TEXT_INIT;
	for (int i = 0; i < count; i++) {
		es_text_add_string(&text, lines[i]);
		free(lines[i]);
	}
	return es_text_steal(&text);
}

static void
is_written(const struct es_facts *facts, const char *expected, const char *name)
{
	_cleanup_free_ char *got = written(facts);

	is_string(got, expected, name);
}

/* Key a is stored with value 1, b is declared, two facts are alive in the stream. */
static struct es_facts *
begin(void)
{
	struct es_facts *facts = es_facts_new();

	if (facts == NULL)
		bail("no memory");
	es_facts_declare(facts, "a");
	es_facts_declare(facts, "a");
	es_facts_declare(facts, "b");
	es_facts_fetched(facts, "a", "1");
	es_facts_fetched(facts, "unasked", "2");
	es_facts_set_live(facts, 2);
	return facts;
}

static void
test_one_event(void)
{
	static const struct {
		const char *name;
		const char *steps; /* pairs: key, then digit to put or - to remove */
		const char *written;
		int live;
	} cases[] = {
		{ "nothing", "", "", 2 },
		{ "a new key", "b5", "put b=5 [7,0);", 3 },
		{ "an overwritten key", "a5", "close a 7;put a=5 [7,0);", 2 },
		{ "a removed key", "a-", "close a 7;", 1 },
		{ "removing what is not there", "b-", "", 2 },
		{ "removing twice", "a-a-", "close a 7;", 1 },
		{ "put twice: the last word counts", "b5b6", "put b=6 [7,0);", 3 },
		{ "put and removed: never was", "b5b-", "", 2 },
		{ "put, removed, put", "b5b-b6", "put b=6 [7,0);", 3 },
		{ "removed and put: changed", "a-a5", "close a 7;put a=5 [7,0);", 2 },
		{ "overwritten and removed: removed", "a5a-", "close a 7;", 1 },
		{ "overwritten, removed, put", "a5a-a6", "close a 7;put a=6 [7,0);", 2 },
		{ "two keys", "a-b5", "close a 7;put b=5 [7,0);", 2 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct es_facts *facts = begin();
		struct es_error error = ES_ERROR_INIT;
		const struct es_facts_savepoint savepoint = es_facts_save(facts);
		es_facts_begin_event(facts, 7, id);
		for (const char *step = cases[i].steps; *step != '\0'; step += 2) {
			const char key[] = { step[0], '\0' };
			if (step[1] == '-')
				es_facts_remove(facts, key);
			else
				put(facts, key, step[1] - '0');
		}
		is_written(facts, cases[i].written, cases[i].name);
		is_int(es_facts_live(facts), cases[i].live, "the number alive");
		is_int(es_facts_check(facts, &error), ES_OK, "is fine");
		es_facts_rollback(facts, savepoint);
		is_written(facts, "", "taken back");
		is_int(es_facts_live(facts), 2, "with the number alive");
		is_int(get(facts, "a"), 1, "and what was stored");
		is_int(get(facts, "b"), -1, "and what was not");
		es_facts_free(facts);
	}
}

static void
test_several_events(void)
{
	struct es_facts *facts = begin();

	es_facts_begin_event(facts, 7, id);
	put(facts, "b", 2);
	es_facts_begin_event(facts, 8, id);
	put(facts, "b", 3);
	const struct es_facts_savepoint savepoint = es_facts_save(facts);
	es_facts_begin_event(facts, 9, id);
	put(facts, "b", 4);
	es_facts_remove(facts, "b");
	put(facts, "a", 5);
	es_facts_begin_event(facts, 10, id);
	es_facts_remove(facts, "a");
	put(facts, "b", 6);
	is_written(facts, "close a 9;put a=5 [9,10);put b=2 [7,8);put b=3 [8,9);put b=6 [10,0);",
	           "rows of four events");
	is_int(es_facts_live(facts), 2, "the number alive");
	es_facts_rollback(facts, savepoint);
	is_written(facts, "put b=2 [7,8);put b=3 [8,0);", "the last two taken back");
	is_int(get(facts, "b"), 3, "the value before them");
	is_int(es_facts_live(facts), 3, "the number alive then");
	es_facts_begin_event(facts, 9, id);
	put(facts, "b", 7);
	put(facts, "b", 8);
	is_written(facts, "put b=2 [7,8);put b=3 [8,9);put b=8 [9,0);", "and others in their place");
	es_facts_free(facts);
}

static void
count_key(const char *key, void *context)
{
	(void)key;
	(*(int *)context)++;
}

static void
test_keys(void)
{
	struct es_facts *facts = begin();
	struct es_error error = ES_ERROR_INIT;
	const struct es_facts_savepoint savepoint = es_facts_save(facts);
	char key[ES_KEY_MAX + 2];
	int count = 0;

	es_facts_each_key(facts, count_key, &count);
	is_int(count, 2, "each declared key once");
	is_int(get(facts, "unasked"), -1, "what nobody asked for is not taken");
	is_int(es_facts_check(facts, &error), ES_FAILED, "and reading it is a bug");
	ok(strstr(error.detail, "\"unasked\"") != NULL, "that names the key: %s", error.detail);
	es_facts_rollback(facts, savepoint);
	is_int(es_facts_check(facts, &error), ES_OK, "of that request alone");

	es_facts_begin_event(facts, 7, id);
	put(facts, "c", 1);
	is_int(es_facts_check(facts, &error), ES_FAILED, "putting under an undeclared key is a bug");
	es_facts_rollback(facts, savepoint);
	es_facts_remove(facts, "c");
	is_int(es_facts_check(facts, &error), ES_FAILED, "removing it as well");
	es_facts_rollback(facts, savepoint);
	is_written(facts, "", "nothing of it is written");

	snprintf(key, sizeof key, "%s/part", id);
	put(facts, id, 1);
	put(facts, key, 2);
	is_int(get(facts, key), 2, "keys that begin with the event's id need no declaration");
	es_facts_remove(facts, key);
	snprintf(key, sizeof key, "%s/other", id);
	es_facts_remove(facts, key);
	is_int(get(facts, key), -1, "also where nothing is under them");
	is_int(es_facts_check(facts, &error), ES_OK, "that is fine");
	is_written(facts, "put 0190163d-8694-739b-aea5-966c26f8ad91=1 [7,0);", "written under the id");
	es_facts_begin_event(facts, 8, "0190163d-8694-739b-aea5-966c26f8ad92");
	snprintf(key, sizeof key, "%s/third", id);
	put(facts, key, 1);
	is_int(es_facts_check(facts, &error), ES_FAILED, "the id of another event does not count");
	es_facts_rollback(facts, savepoint);

	memset(key, 'k', ES_KEY_MAX);
	memcpy(key, id, sizeof id - 1);
	key[ES_KEY_MAX] = '\0';
	es_facts_begin_event(facts, 7, id);
	put(facts, key, 1);
	is_int(es_facts_check(facts, &error), ES_OK, "a key of 512 bytes");
	key[ES_KEY_MAX] = 'k';
	key[ES_KEY_MAX + 1] = '\0';
	put(facts, key, 1);
	is_int(es_facts_check(facts, &error), ES_FAILED, "one of 513");
	es_facts_rollback(facts, savepoint);
	is_int(es_facts_check(facts, &error), ES_OK, "is the fault of its request alone");
	es_facts_declare(facts, "");
	put(facts, "", 1);
	is_int(es_facts_check(facts, &error), ES_FAILED, "the empty key");
	es_facts_rollback(facts, savepoint);
	es_facts_put(facts, "a", NULL);
	is_int(es_facts_check(facts, &error), ES_FAILED, "a value that is NULL");
	es_facts_rollback(facts, savepoint);
	put(facts, "a", 9);
	is_int(es_facts_check(facts, &error), ES_OK, "the next request goes on");
	is_written(facts, "close a 7;put a=9 [7,0);", "and writes");
	es_facts_free(facts);
	es_facts_free(NULL);
}

int
main(void)
{
	test_one_event();
	test_several_events();
	test_keys();
	return done_testing();
}
