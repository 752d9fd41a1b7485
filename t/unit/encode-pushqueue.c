/* The queue of a target: what it drops, and that what comes out is whole from a key on. */
#include <poll.h>

#include "encode/pushitem.c"
#include "encode/pushqueue.c"
#include "t/tap.h"

#define MS	90
#define LEN	10

static void
add(struct pushqueue *q, int64_t t_ms, bool key)
{
	struct pushitem *item = pushitem_new(LEN);

	if (item == NULL)
		return;
	item->t = t_ms * MS;
	item->key = key;
	ok(pushqueue_put(q, item) == 0, "%s at %d ms", key ? "a key picture" : "a picture",
	    (int)t_ms);
	pushitem_unref(item);
}

/* -1: nothing; its time in ms, and in *key what it is. */
static int64_t
take(struct pushqueue *q, bool fresh, bool *key)
{
	struct pushitem *item = pushqueue_get(q, fresh);
	int64_t t = -1;

	*key = false;
	if (item != NULL) {
		t = item->t / MS;
		*key = item->key;
		pushitem_unref(item);
	}
	return t;
}

static bool
is_awake(const struct pushqueue *q)
{
	struct pollfd pfd = { .fd = q->wake, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static void
test_order(void)
{
	struct pushqueue_counts c;
	struct pushqueue q;
	bool key;

	is(pushqueue_init(&q, CLK_SECOND, 1 << 20), 0, "a queue");
	ok(!is_awake(&q) && take(&q, false, &key) == -1 && !pushqueue_done(&q), "which is empty");
	add(&q, 0, true);
	ok(is_awake(&q), "who gets is woken");
	pushqueue_awake(&q);
	ok(!is_awake(&q) && pushqueue_at_key(&q), "once");
	for (int i = 1; i < 600; i++)	/* it grows, and its ring goes round */
		add(&q, i, false);
	c = pushqueue_counts(&q);
	ok(c.items == 600 && c.bytes == 600 * LEN && c.ns / 1000000 == 599, "all of them wait");
	for (int i = 0; i < 300; i++)
		is(take(&q, i == 0, &key), i, "in order");
	for (int i = 600; i < 1200; i++)
		add(&q, i, false);
	for (int i = 300; i < 1200; i++)
		is(take(&q, false, &key), i, "in order");
	c = pushqueue_counts(&q);
	ok(c.items == 0 && c.bytes == 0 && c.dropped == 0, "nothing is left, nothing dropped");
	pushqueue_end(&q);
	ok(pushqueue_done(&q) && is_awake(&q), "and that is the end");
	pushqueue_free(&q);
}

/* Whole groups, the oldest first. */
static void
test_drops(void)
{
	struct pushqueue_counts c;
	struct pushqueue q;
	bool key;

	is(pushqueue_init(&q, CLK_SECOND, 1 << 20), 0, "a queue of one second");
	for (int i = 0; i <= 10; i++)
		add(&q, i * 100, i % 5 == 0);
	is(pushqueue_counts(&q).dropped, 0, "just that much fits");
	add(&q, 1100, false);
	c = pushqueue_counts(&q);
	ok(c.dropped == 5 && c.dropped_groups == 1 && c.dropped_bytes == 5 * LEN,
	    "then the oldest group goes, and no more");
	ok(take(&q, false, &key) == 500 && key, "what comes next is a key picture");
	pushqueue_free(&q);

	is(pushqueue_init(&q, CLK_SECOND, 1 << 20), 0, "a group that is too long by itself");
	add(&q, 0, true);
	add(&q, 1001, false);
	add(&q, 1100, false);
	c = pushqueue_counts(&q);
	ok(c.items == 0 && c.dropped == 3 && c.dropped_groups == 1, "goes, with what follows of it");
	add(&q, 1200, true);
	ok(take(&q, false, &key) == 1200 && key, "up to the next");
	pushqueue_free(&q);

	is(pushqueue_init(&q, CLK_SECOND, 3 * LEN), 0, "a queue of 30 bytes");
	for (int i = 0; i < 4; i++)
		add(&q, i, i % 2 == 0);
	c = pushqueue_counts(&q);
	ok(c.bytes == 2 * LEN && c.dropped == 2, "is bounded in bytes");
	pushqueue_free(&q);
}

/* A connection that is new begins with a key picture. */
static void
test_fresh(void)
{
	struct pushqueue q;
	bool key;

	is(pushqueue_init(&q, CLK_SECOND, 1 << 20), 0, "a queue");
	add(&q, 0, true);
	for (int i = 1; i < 4; i++)
		add(&q, i, i == 3);
	is(take(&q, true, &key), 0, "the first connection has the first");
	ok(take(&q, true, &key) == 3 && key, "the second the next key picture");
	is(pushqueue_counts(&q).dropped, 2, "what is between them is dropped");
	is(take(&q, true, &key), -1, "the third finds nothing");
	add(&q, 4, false);
	is(take(&q, true, &key), -1, "nor does it take the rest of a group");
	add(&q, 5, true);
	ok(take(&q, true, &key) == 5 && key, "but waits for a key picture");
	pushqueue_free(&q);
}

int
main(void)
{
	test_order();
	test_drops();
	test_fresh();
	return done_testing();
}
