#include <stdlib.h>

#include "ingest/feedlist.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

static void
drop_first(struct feed *f)
{
	struct feed_unit *u = f->first;

	f->first = u->next;
	if (f->first == NULL)
		f->tail = &f->first;
	f->kept -= sizeof(*u) + u->len;
	free(u);
}

void
feedlist_clear(struct feed *f)
{
	while (f->first != NULL)
		drop_first(f);
	f->next = NULL;
}

/* The random access point after the first unit, or NULL; none that is not yet taken. */
static struct feed_unit *
next_group(const struct feed *f)
{
	struct feed_unit *u = f->first;

	for (; u != NULL && (!f->used || u != f->next); u = u->next)
		if (u != f->first && u->main && u->random_access)
			return u;
	return NULL;
}

static void
drop_until(struct feed *f, const struct feed_unit *end)
{
	while (f->first != end)
		drop_first(f);
}

static void
trim(struct feed *f, int64_t now_ns)
{
	struct feed_unit *u;

	if (f->once && !f->used && f->kept <= FEED_BYTES)
		return;			/* it is about to be, from its start */
	while ((u = next_group(f)) != NULL && (u->mono_ns <= now_ns - f->keep_ns ||
	    f->kept > FEED_BYTES))
		drop_until(f, u);
}

/* Of a file, cues and subtitles may come before the first picture there is. */
static bool
is_data(const struct feed *f, const struct feed_unit *u)
{
	enum codec_kind kind = f->stream[u->stream].kind;

	return kind != KIND_VIDEO && kind != KIND_AUDIO;
}

static bool
is_data_only(const struct feed *f)
{
	for (const struct feed_unit *u = f->first; u != NULL; u = u->next)
		if (!is_data(f, u))
			return false;
	return true;
}

void
feedlist_add(struct feed *f, struct feed_unit *u, int64_t now_ns)
{
	if (u->breaks && !f->used && !(f->once && is_data_only(f)))
		feedlist_clear(f);
	if (f->first == NULL && !f->used && !(u->main && u->random_access) &&
	    !(f->once && is_data(f, u))) {
		free(u);		/* nobody can begin with it */
		return;
	}
	*f->tail = u;
	f->tail = &u->next;
	f->kept += sizeof(*u) + u->len;
	if (f->used && f->next == NULL)
		f->next = u;
	if (u->main && u->random_access)
		trim(f, now_ns);
	/* What was taken is kept for a place to begin again at, which has not come. */
	if (f->kept > FEED_BYTES && f->used)
		drop_until(f, f->next);
	if (f->kept <= FEED_BYTES)
		return;
	if (f->used && u->main && u->random_access) {
		drop_until(f, u);
		f->next = u;
		u->breaks = true;
		return;
	}
	f->broken |= f->used;
	f->overruns++;
	if (f->overruns == 1)
		log_warn(0, "'%s' has no random access point in %u MiB", f->name,
		    FEED_BYTES >> 20);
	feedlist_clear(f);
}

void
feed_break(struct feed *f)
{
	f->broken = true;
	f->newest_pts = PES_NO_TIME;
	if (!f->used)
		feedlist_clear(f);
}

struct feed_unit *
feed_take(struct feed *f)
{
	struct feed_unit *u = f->next;

	if (u != NULL)
		f->next = u->next;
	return u;
}

struct feed_unit *
feed_find(const struct feed *f, int64_t pts, bool any)
{
	struct feed_unit *before = NULL, *after = NULL;

	for (struct feed_unit *u = f->first; u != NULL; u = u->next) {
		if (u->main && u->damaged && !any)
			before = after = NULL;
		if (u->breaks)
			before = after = NULL;
		if (!u->main || !u->random_access || (u->damaged && !any))
			continue;
		if (u->pts <= pts && (pts == INT64_MAX || u->pts >= pts - FEED_PREROLL))
			before = u;
		else if (u->pts > pts && after == NULL)
			after = u;
	}
	return before != NULL ? before : after;
}

void
feed_use(struct feed *f, struct feed_unit *begin, int64_t pts)
{
	struct feed_unit *kept = NULL, **end = &kept, *u;

	while ((u = f->first) != begin) {
		f->first = u->next;
		if (u->section || (!u->main && u->pts >= pts)) {
			u->next = NULL;
			*end = u;
			end = &u->next;
			continue;
		}
		f->kept -= sizeof(*u) + u->len;
		free(u);
	}
	*end = begin->next;
	begin->next = kept;
	for (f->tail = &f->first; *f->tail != NULL; f->tail = &(*f->tail)->next)
		;
	f->next = begin;
	f->used = true;
}

void
feed_unuse(struct feed *f)
{
	struct feed_unit *u;

	f->used = false;
	f->next = NULL;
	/* What came before the last break is of no use any more. */
	for (u = f->first; u != NULL; u = u->next)
		if (u->breaks && u != f->first)
			drop_until(f, u);
	if (f->broken)
		feedlist_clear(f);
}
