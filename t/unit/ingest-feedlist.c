/* What is kept of an input of a failover: bounded, wherever it is in its life. */
#include "ingest/feedlist.c"
#include "t/tap.h"

#define UNIT	(1u << 20)
#define MANY	(3 * (FEED_BYTES / UNIT))

static void
add(struct feed *f, int64_t i, bool random_access)
{
	struct feed_unit *u = calloc(1, sizeof(*u) + UNIT);

	if (u == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	u->main = true;
	u->random_access = random_access;
	u->breaks = f->broken;
	f->broken = false;
	u->pts = u->dts = i * 3600;
	u->len = UNIT;
	feedlist_add(f, u, i * (CLK_SECOND / 25));
}

static void
init(struct feed *f)
{
	*f = (struct feed){ .name = "in", .keep_ns = CLK_SECOND };
	f->tail = &f->first;
}

/* One random access point, and pictures for ever; every is how many are taken at once. */
static void
endless(unsigned every, const char *what)
{
	static struct feed f;
	const struct feed_unit *u;
	size_t most = 0;
	int64_t want = 0;
	bool order = true;

	init(&f);
	add(&f, 0, true);
	feed_use(&f, feed_find(&f, INT64_MAX, false), 0);
	for (unsigned i = 1; i < MANY; i++) {
		add(&f, i, false);
		most = f.kept > most ? f.kept : most;
		while (i % every == 0 && (u = feed_take(&f)) != NULL)
			order &= u->pts == want++ * 3600;
	}
	ok(most <= FEED_BYTES + 2 * UNIT, "%s: %zu MiB are kept at most", what, most >> 20);
	if (every == 1)
		ok(order && want == MANY && f.overruns == 0, "%s: each is taken, in order", what);
	feedlist_clear(&f);
}

int
main(void)
{
	static struct feed f;
	const struct feed_unit *u;

	log_init("test");
	log_verbose(-2);
	endless(1, "in use, all taken");
	endless(MANY, "in use, none taken");

	/* After a break none is taken before a random access point, which does not come. */
	init(&f);
	add(&f, 0, true);
	feed_use(&f, feed_find(&f, INT64_MAX, false), 0);
	while (feed_take(&f) != NULL)
		;
	feed_break(&f);
	for (unsigned i = 1; i < MANY; i++)
		add(&f, i, false);
	ok(f.kept <= FEED_BYTES + 2 * UNIT, "after a break: %zu MiB are kept", f.kept >> 20);
	ok(feed_find(&f, INT64_MAX, true) == NULL, "and there is no place to begin at");
	add(&f, MANY, true);
	u = feed_find(&f, INT64_MAX, true);
	ok(u != NULL && u->pts == MANY * INT64_C(3600), "until there is one");
	feedlist_clear(&f);
	return done_testing();
}
