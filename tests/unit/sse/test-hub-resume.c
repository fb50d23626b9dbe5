/* What a subscriber gets, from where it stands: what it missed, what follows, or a reset if neither can be had. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hub-fixture.h"
#include "tap.h"

static bool
closed(int client)
{
	char byte;

	return read(client, &byte, 1) == 0;
}

static void
test_first_and_later(void)
{
	fixture_start();
	const int first = fixture_join("main", 3);
	is_string(fixture_received(first), "s", "the first subscriber gets the header lines at once");
	is_string(fixture_next_order(), "fill main 3 0", "and has the ring filled from where it stands");
	const int second = fixture_join("main", 4);
	is_string(fixture_next_order(), "", "a second one causes no query");
	fixture_tell_events("main", 5, 5);
	is_string(fixture_received(first), "", "an event from before the ring stands is in the ring already");
	fixture_tell_filled("main", 5, 5, 4, 0, false);
	is_string(fixture_received(first), "4 5 h5", "then it gets what it missed, and the head");
	is_string(fixture_received(second), "s 5 h5", "the second one as well");
	fixture_tell_events("main", 5, 7);
	is_string(fixture_received(first), "6 7", "an event is sent once, however often it is told");
	is_string(fixture_received(second), "6 7", "to all");
	const int third = fixture_join("main", 5);
	is_string(fixture_received(third), "s 6 7 h7", "a third one reads the ring");
	const int live = fixture_join("main", SSE_LIVE_ONLY);
	is_string(fixture_received(live), "s h7", "one that asks for nothing gets the head");
	is_string(fixture_next_order(), "", "still without a query");
	is_int(fixture_value(SSE_METRIC_FILLS), 1, "one query was made in all");
	is_int(fixture_value(SSE_METRIC_SUBSCRIBERS), 4, "four subscribers are counted");
	fixture_tell_events("other", 1, 1);
	is_string(fixture_received(live), "", "another stream's events are not theirs");
	sse_hub_tick(fixture_hub);
	is_int(fixture_value(SSE_METRIC_DELIVERIES), 2 + 1 + 2 + 2 + 2, "every delivery is counted");
	close(first);
	close(second);
	close(third);
	close(live);
	fixture_stop();
}

static void
test_further_back(void)
{
	fixture_start();
	const int first = fixture_join("main", 9);
	fixture_next_order();
	fixture_tell_filled("main", 10, 10, 10, 0, false);
	is_string(fixture_received(first), "s 10 h10", "the ring holds one event");
	const int second = fixture_join("main", 2);
	is_string(fixture_next_order(), "fill main 0 9", "for one that needs more it is filled to the brim");
	const int third = fixture_join("main", 1);
	is_string(fixture_next_order(), "", "once");
	fixture_tell_events("main", 11, 11);
	fixture_tell_filled("main", 11, 9, 1, 9, false);
	is_string(fixture_received(second), "s 3 4 5 6 7 8 9 10 11 h11", "and everything is there, in order");
	is_string(fixture_received(third), "s 2 3 4 5 6 7 8 9 10 11 h11", "for all who waited");
	is_string(fixture_received(first), "11", "nobody gets anything twice");
	close(first);
	close(second);
	close(third);
	fixture_stop();
}

static void
test_resets(void)
{
	fixture_start();
	const int old = fixture_join("main", 5);
	fixture_next_order();
	fixture_tell_filled("main", 2000, 2000, 1001, 0, true);
	is_string(fixture_received(old), "s r2000 h2000", "one from before the ring is reset");
	const int bad = fixture_join("main", SSE_BAD_CURSOR);
	is_string(fixture_received(bad), "s r2000 h2000", "and one that never was");
	const int edge = fixture_join("main", 1000);
	ok(strncmp(fixture_received(edge), "s 1001 1002 ", 12) == 0, "the oldest the ring can serve is served");
	const int below = fixture_join("main", 999);
	is_string(fixture_received(below), "s r2000 h2000", "the one before is reset");
	is_string(fixture_next_order(), "", "without another query: the ring cannot reach further");
	fixture_tell_events("main", 2001, 2001);
	is_string(fixture_received(old), "2001", "a stream goes on after a reset");
	is_int(fixture_value(SSE_METRIC_RESETS), 3, "resets are counted");

	const int ahead = fixture_join("main", 2003);
	is_string(fixture_next_order(), "look main", "one from the future makes the log be looked at");
	is_string(fixture_received(ahead), "s", "and waits");
	const int late = fixture_join("main", 2004);
	is_string(fixture_next_order(), "", "one question at a time");
	fixture_tell_events("main", 2002, 2003);
	fixture_tell(SSE_NEWS_LOOKED, "main");
	is_string(fixture_received(ahead), "h2003", "it was no future: the news were late");
	is_string(fixture_received(late), "s", "one that came after the question was sent");
	is_string(fixture_next_order(), "look main", "is worth another look");
	fixture_tell(SSE_NEWS_LOOKED, "main");
	is_string(fixture_received(late), "r2003 h2003", "and then it is reset");
	close(old);
	close(bad);
	close(edge);
	close(below);
	close(ahead);
	close(late);
	fixture_stop();
}

static void
test_another_log(void)
{
	fixture_start();
	const int one = fixture_join("main", 0);
	fixture_next_order();
	fixture_tell_filled("main", 2, 2, 1, 0, false);
	const int other = fixture_join("quiet", SSE_LIVE_ONLY);
	fixture_next_order();
	fixture_tell_filled("quiet", 0, 0, 0, 0, false);
	is_string(fixture_received(one), "s 1 2 h2", "two streams");
	is_string(fixture_received(other), "s h0", "one of them without events");
	const int behind = fixture_join("quiet", 7);
	is_string(fixture_next_order(), "look quiet", "somebody waits for a look");
	fixture_tell_log("new");
	is_string(fixture_next_order(), "fill main -1 0", "when the log is another one,");
	is_string(fixture_next_order(), "fill quiet -1 0", "all rings are filled anew");
	fixture_tell_events("main", 3, 3);
	is_string(fixture_received(one), "", "nothing is sent before that");
	fixture_tell(SSE_NEWS_LOOKED, "quiet");
	fixture_tell_filled("main", 1, 0, 0, 0, false);
	fixture_tell_filled("quiet", 4, 0, 0, 0, false);
	is_string(fixture_received(one), "r1 h1", "then everybody is reset, also downwards,");
	is_string(fixture_received(other), "r4 h4", "or upwards");
	is_string(fixture_received(behind), "s r4 h4", "also whoever waited for something else");
	fixture_tell_events("main", 2, 2);
	is_string(fixture_received(one), "2", "and goes on from there");
	close(one);
	close(other);
	close(behind);
	fixture_stop();
}

/* Answers to questions that were overtaken by a change of the log. */
static void
test_overtaken_fill(void)
{
	fixture_start();
	const int one = fixture_join("main", 8);
	fixture_next_order();
	fixture_tell_filled("main", 9, 9, 9, 0, false);
	const int two = fixture_join("main", 3);
	is_string(fixture_next_order(), "fill main 0 8", "a ring is being filled");
	fixture_tell_log("new");
	is_string(fixture_next_order(), "fill main -1 0", "when the log changes");
	fixture_tell_filled("main", 9, 8, 4, 8, false);
	is_string(fixture_received(two), "s", "the old answer means nothing any more");
	fixture_tell_filled("main", 5, 0, 0, 0, false);
	is_string(fixture_received(one), "s 9 h9 r5 h5", "the new one resets everybody");
	is_string(fixture_received(two), "r5 h5", "once");
	close(one);
	close(two);
	fixture_stop();
}

static void
test_unreadable_and_gap(void)
{
	fixture_start();
	const int waiting = fixture_join("broken", 0);
	fixture_next_order();
	fixture_tell(SSE_NEWS_UNREADABLE, "broken");
	fixture_received(waiting);
	ok(closed(waiting), "where a stream cannot be read, its subscribers come back later");
	const int again = fixture_join("broken", 0);
	is_string(fixture_next_order(), "fill broken 0 0", "and it is tried again");
	fixture_tell_filled("broken", 1, 1, 1, 0, false);
	is_string(fixture_received(again), "s 1 h1", "until it works");
	fixture_tell_events("broken", 3, 3);
	ok(closed(again), "a gap is never sent: its subscribers resume by id");
	const int resumed = fixture_join("broken", 1);
	is_string(fixture_next_order(), "fill broken 1 0", "from a ring that is filled anew");
	fixture_tell_filled("broken", 3, 3, 2, 0, false);
	is_string(fixture_received(resumed), "s 2 3 h3", "without the gap");
	close(waiting);
	close(again);
	close(resumed);
	fixture_stop();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_first_and_later();
	test_further_back();
	test_resets();
	test_another_log();
	test_overtaken_fill();
	test_unreadable_and_gap();
	return done_testing();
}
