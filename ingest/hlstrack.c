#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hlsload.h"
#include "ingest/hlstrack.h"
#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"

#define AHEAD_BYTES	(64 << 20)	/* no more are begun above this */
#define AHEAD_FEW	4		/* at once; more only if they are short: */
#define AHEAD_NS	(8 * CLK_SECOND)
#define SEGMENT_MAX	(512u << 20)
#define PERIOD_EPOCH	(INT64_C(1) << 40)

struct slot {
	struct hlstrack_segment seg;
	struct fetch_job *job;
	struct hlsload_item *map, *key;
	uint8_t	 iv[16];
	bool	 ready, missed, useless;
};

struct hlstrack_private {
	struct hlstrack t;
	struct hlsload load;
	const struct hls *parent;	/* the multivariant playlist, or NULL */
	char	*url;			/* as it was given */
	int64_t	 lead_ns;

	struct hls list;		/* when loaded */
	uint64_t hash;			/* of its text */
	char	*etag, *last_modified;
	struct fetch_job *reload;
	int64_t	 reload_ns;		/* when to load it again */
	int64_t	 changed_ns;		/* when it was last seen to change */
	unsigned failures;		/* to load it, in a row */
	bool	 stale;			/* and that has been said */
	int64_t	 behind_ns;		/* since when it ends before next; 0: no */

	bool	 started, was_live;
	bool	 again;			/* it has begun again, not yet told */
	int64_t	 next;			/* number of the next segment to ask for */
	int64_t	 epoch, period;
	bool	 lost;			/* segments are missing before it */
	unsigned nslot;
	struct slot slot[HLSLOAD_AHEAD];
};

static void
out_of_memory(void)
{
	fatal(EXIT_RUNTIME, 0, "out of memory");
}

static char *
copy(const char *s)
{
	char *c = strdup(s);

	if (c == NULL)
		out_of_memory();
	return c;
}

/* ---- segments */

/* Free what a slot holds, and close the gap. */
static void
drop_slot(struct hlstrack_private *p, unsigned i)
{
	struct slot *s = &p->slot[i];

	fetch_end(s->job);
	hlsload_done(s->map);
	hlsload_done(s->key);
	p->nslot--;
	memmove(s, s + 1, (p->nslot - i) * sizeof(*s));
}

static const struct hls_segment *
listed(const struct hlstrack_private *p, int64_t number)
{
	const struct hls *h = &p->list;

	if (h->nsegment == 0 || number < h->segment[0].number ||
	    number > h->segment[h->nsegment - 1].number)
		return NULL;
	return &h->segment[number - h->segment[0].number];
}

/*
 * Which period the next segment belongs to.  The tags count, not the sequence
 * numbers that some servers forget; but these tell what was missed.
 */
static int64_t
next_period(struct hlstrack_private *p, const struct hls_segment *seg)
{
	int64_t by_list = p->epoch * PERIOD_EPOCH + seg->discontinuity_sequence;
	int64_t by_tag = p->period + seg->discontinuity;

	if (p->period < 0)
		return by_list;
	return p->lost && by_list > by_tag ? by_list : by_tag;
}

/* Ask for the next segment, if there is one.  False: not now. */
static bool
begin_slot(struct hlstrack_private *p)
{
	const struct hls_segment *seg = listed(p, p->next);
	struct slot *s = &p->slot[p->nslot];

	if (seg == NULL)
		return false;
	if (p->t.asked != NULL)
		p->t.asked(p->t.asked_arg, &p->list, (size_t)(seg - p->list.segment),
		    p->again);
	p->again = false;
	*s = (struct slot){ .seg = {
		.number = seg->number, .period = next_period(p, seg),
		.date_ns = seg->date_ns, .duration_ns = seg->duration_ns,
	} };
	if (seg->gap) {
		p->t.n.gaps++;
		p->period = s->seg.period;
		p->next++;
		return true;
	}
	if (seg->map != HLS_NONE)
		s->map = hlsload_map(&p->load, &p->list, seg, s->seg.period);
	if (seg->key != HLS_NONE) {
		s->key = hlsload_key(&p->load, &p->list.key[seg->key],
		    s->seg.period);
		hlsload_iv(&p->list.key[seg->key], seg->number, s->iv);
	}
	s->job = hlsload_start(&p->load, seg->uri, seg->range, SEGMENT_MAX);
	p->period = s->seg.period;
	p->lost = false;
	p->next++;
	p->nslot++;
	return true;
}

/* error: why it, or what it needs, could not be had; -EBADMSG: it is of no use. */
static void
miss(struct hlstrack_private *p, struct slot *s, int error, const char *reason)
{
	if (!p->was_live && error != -ENOENT && error != -EBADMSG)
		fatal(EXIT_RUNTIME, 0, "cannot read '%s': %s", s->job->url, reason);
	log_warn(0, "segment %" PRId64 " of '%s' is missing: %s", s->seg.number,
	    p->t.name, reason);
	s->missed = true;
	s->useless = error == -EBADMSG;
	p->t.n.missed++;
}

static void
tend_slot(struct hlstrack_private *p, struct slot *s)
{
	int64_t len = 0;

	if (s->ready || s->missed || !s->job->done ||
	    (s->map != NULL && !hlsload_settled(s->map)) ||
	    (s->key != NULL && !hlsload_settled(s->key)))
		return;
	p->t.n.retries += s->job->failures;
	if (s->job->error < 0) {
		miss(p, s, s->job->error, s->job->reason);
		return;
	}
	if (s->key != NULL && s->key->failed) {
		miss(p, s, s->key->error, "no key");
		return;
	}
	if (s->map != NULL && s->map->failed) {
		miss(p, s, s->map->error, "no initialization section");
		return;
	}
	if (s->key != NULL) {
		len = hlsload_decrypt(s->job->data, s->job->len, s->key, s->iv);
		if (len < 0) {
			miss(p, s, -EBADMSG, "it cannot be decrypted");
			return;
		}
		s->job->len = (size_t)len;
	}
	s->seg.data = s->job->data;
	s->seg.len = s->job->len;
	if (s->map != NULL) {
		s->seg.map = s->map->job->data;
		s->seg.map_len = s->map->job->len;
		s->seg.map_id = s->map->id;
	}
	s->ready = true;
	p->t.n.segments++;
}

/* ---- the playlist */

static int64_t
length_of(const struct hls *h)
{
	int64_t sum = 0;

	for (size_t i = 0; i < h->nsegment; i++)
		sum += h->segment[i].duration_ns;
	return sum;
}

/*
 * Live begins some target durations before the end, or earlier if it says so;
 * anything else at the start.
 */
static void
choose_start(struct hlstrack_private *p)
{
	const struct hls *h = &p->list, *start = h;
	int64_t hold = HLSTRACK_HOLD * h->target_ns, wish = h->hold_back_ns, sum = 0;
	size_t i = h->nsegment;

	if (h->nsegment == 0)
		return;
	if (!h->has_start && p->parent != NULL)
		start = p->parent;
	if (start->has_start && start->start_ns >= 0)
		wish = length_of(h) - start->start_ns;
	else if (start->has_start)
		wish = -start->start_ns;
	if (wish > hold)
		hold = wish;
	p->t.hold_ns = hold;
	while (i > 0 && (!p->t.live || sum < hold + p->lead_ns))
		sum += h->segment[--i].duration_ns;
	p->next = h->segment[i].number;
	p->started = true;
	p->period = -1;
}

/* The playlist does not have the next segment any more, or begins again. */
static void
check_place(struct hlstrack_private *p, int64_t now)
{
	const struct hls *h = &p->list;
	int64_t first, end;

	if (h->nsegment == 0)
		return;
	first = h->segment[0].number;
	end = h->segment[h->nsegment - 1].number + 1;
	if (p->next < first) {
		log_warn(0, "'%s' has gone on: %" PRId64 " segments are missing",
		    p->t.name, first - p->next);
		p->t.n.missed += (uint64_t)(first - p->next);
		p->next = first;
		p->lost = true;
	}
	if (p->next <= end) {
		p->behind_ns = 0;
		return;
	}
	/* An old copy from a cache; or, when it stays so, another beginning. */
	if (p->behind_ns == 0)
		p->behind_ns = now;
	if (now - p->behind_ns < 2 * p->t.target_ns && !h->endlist)
		return;
	log_warn(0, "the playlist of '%s' has begun again", p->t.name);
	p->behind_ns = 0;
	p->epoch++;
	p->again = true;
	p->t.n.restarts++;
	choose_start(p);
}

/*
 * A playlist has been loaded: text, or NULL if it is the one we have.  0, or the
 * number of the line that is wrong.
 */
static unsigned
take_playlist(struct hlstrack_private *p, const void *text, size_t len,
    const char *url, int64_t now)
{
	struct hls list;
	int r;

	if (text != NULL && (r = hls_parse_at(&list, text, len, url, p->parent)) < 0) {
		if (!p->t.loaded || !p->t.live)
			fatal(EXIT_INPUT, -r, "'%s' is no playlist: line %u", p->url,
			    list.line);
		return list.line;
	}
	if (text != NULL && list.multivariant)
		fatal(EXIT_INPUT, 0, "'%s' is a multivariant playlist within another",
		    p->url);
	if (text != NULL) {
		uint64_t hash = hash_add(HASH_START, text, len);

		if (p->t.loaded)
			hls_free(&p->list);
		p->list = list;
		if (hash != p->hash || !p->t.loaded) {
			if (p->stale)
				log_info("the playlist of '%s' goes on", p->t.name);
			p->changed_ns = now;
			p->stale = false;
		}
		p->hash = hash;
	}
	p->t.loaded = true;
	p->t.live = !p->list.endlist && p->list.type != HLS_VOD;
	p->was_live |= p->t.live;
	p->t.target_ns = p->list.target_ns > CLK_SECOND / 10 ? p->list.target_ns :
	    CLK_SECOND / 10;
	p->load.live = p->t.live;
	p->load.target_ns = p->t.target_ns;
	if (p->started)
		check_place(p, now);
	else
		choose_start(p);
	return 0;
}

static void
keep_word(char **to, const char *word)
{
	free(*to);
	*to = *word == '\0' ? NULL : copy(word);
}

static void
start_reload(struct hlstrack_private *p)
{
	p->reload = fetch_start(p->load.f, &(struct fetch_request){
		.url = p->url, .limit = HLS_TEXT_MAX, .compressed = true,
		.etag = p->t.loaded ? p->etag : NULL,
		.last_modified = p->t.loaded && p->etag == NULL ? p->last_modified : NULL,
		.timeout_ns = 15 * CLK_SECOND, .allow_file = p->load.allow_file,
	});
	if (p->reload == NULL)
		out_of_memory();
}

static void
reload_failed(struct hlstrack_private *p, const char *reason, int64_t now)
{
	int64_t wait = CLK_SECOND / 4 << (p->failures < 5 ? p->failures : 5);

	if (p->failures++ == 0)
		log_warn(0, "cannot read '%s': %s: trying again", p->url, reason);
	p->t.n.reload_errors++;
	p->reload_ns = now + wait;
}

static void
end_reload(struct hlstrack_private *p)
{
	struct fetch_job *job = p->reload;
	int64_t now = clk_mono_ns(), changed = p->changed_ns;
	bool same = job->status == 304;
	char reason[64];
	unsigned line;

	p->reload = NULL;
	p->t.n.reloads++;
	if (job->error < 0 && !p->t.loaded && !job->transient)
		fatal(EXIT_RUNTIME, 0, "cannot read '%s': %s", p->url, job->reason);
	if (job->error < 0) {
		reload_failed(p, job->reason, now);
		fetch_end(job);
		return;
	}
	line = take_playlist(p, same ? NULL : job->data, job->len, job->url, now);
	if (line > 0) {
		snprintf(reason, sizeof(reason), "it is no playlist: line %u", line);
		reload_failed(p, reason, now);
		fetch_end(job);
		return;
	}
	if (p->failures > 1)
		log_info("'%s' is there again", p->url);
	p->failures = 0;
	if (!same) {
		hlsload_set_base(&p->load, job->url);
		keep_word(&p->etag, job->etag);
		keep_word(&p->last_modified, job->last_modified);
	}
	p->reload_ns = job->start_ns + (p->changed_ns != changed ? p->t.target_ns :
	    p->t.target_ns / 2);
	if (p->t.live && !p->stale && now - p->changed_ns > 3 * p->t.target_ns) {
		p->stale = true;
		log_warn(0, "the playlist of '%s' is stale: no change for %" PRId64 " s",
		    p->t.name, (now - p->changed_ns) / CLK_SECOND);
	}
	fetch_end(job);
}

/* ---- the whole */

struct hlstrack *
hlstrack_new(struct fetch *f, const char *name, const char *url,
    const struct hls *parent, int64_t lead_ns, const void *text, size_t len)
{
	struct hlstrack_private *p = calloc(1, sizeof(*p));

	if (p == NULL)
		out_of_memory();
	p->t = (struct hlstrack){ .name = name, .live = true, .private = p,
	    .target_ns = CLK_SECOND };
	hlsload_init(&p->load, f, name, url, &p->t.n.retries);
	p->url = copy(url);
	p->parent = parent;
	p->lead_ns = lead_ns;
	if (text != NULL) {
		take_playlist(p, text, len, url, clk_mono_ns());
		p->reload_ns = clk_mono_ns() + p->t.target_ns;
	}
	return &p->t;
}

void
hlstrack_free(struct hlstrack *t)
{
	struct hlstrack_private *p = t->private;

	while (p->nslot > 0)
		drop_slot(p, p->nslot - 1);
	hlsload_clear(&p->load);
	fetch_end(p->reload);
	if (p->t.loaded)
		hls_free(&p->list);
	free(p->etag);
	free(p->last_modified);
	free(p->url);
	free(p);
}

static size_t
bytes_ahead(const struct hlstrack_private *p)
{
	size_t sum = 0;

	for (unsigned i = 0; i < p->nslot; i++)
		sum += p->slot[i].job->len;
	return sum;
}

/* Is there a place for another, and use?  What is ahead tells what is coming. */
static bool
may_begin(const struct hlstrack_private *p)
{
	int64_t ahead = 0;

	for (unsigned i = 1; i < p->nslot; i++)
		ahead += p->slot[i].seg.duration_ns;
	return p->nslot < (ahead < AHEAD_NS ? HLSLOAD_AHEAD : AHEAD_FEW) &&
	    bytes_ahead(p) < AHEAD_BYTES;
}

int64_t
hlstrack_tend(struct hlstrack *t)
{
	struct hlstrack_private *p = t->private;

	if (p->reload != NULL && p->reload->done)
		end_reload(p);
	if (p->reload == NULL && clk_mono_ns() >= p->reload_ns &&
	    (!t->loaded || t->live))
		start_reload(p);
	hlsload_tend(&p->load);
	for (unsigned i = 0; i < p->nslot; i++)
		tend_slot(p, &p->slot[i]);
	while (p->started && may_begin(p) && begin_slot(p))
		;
	return p->reload == NULL && (!t->loaded || t->live) ? p->reload_ns : INT64_MAX;
}

/* Has enough been loaded behind the front, or all that there will be? */
static bool
enough_ahead(const struct hlstrack_private *p)
{
	int64_t ahead = 0;

	if (p->t.live || p->t.ahead_ns == 0)
		return true;
	for (unsigned i = 1; i < p->nslot && ahead < p->t.ahead_ns; i++) {
		if (!p->slot[i].ready && !p->slot[i].missed)
			return false;
		ahead += p->slot[i].seg.duration_ns;
	}
	return ahead >= p->t.ahead_ns || listed(p, p->next) == NULL || !may_begin(p);
}

enum hlstrack_state
hlstrack_front(struct hlstrack *t, const struct hlstrack_segment **segment)
{
	struct hlstrack_private *p = t->private;

	while (p->nslot > 0 && p->slot[0].missed) {
		t->passed++;
		t->lost += !p->slot[0].useless;
		t->useless += p->slot[0].useless;
		drop_slot(p, 0);
	}
	if (p->nslot == 0)
		return t->loaded && !t->live && listed(p, p->next) == NULL ?
		    HLSTRACK_END : HLSTRACK_WAIT;
	if (!p->slot[0].ready || !enough_ahead(p))
		return HLSTRACK_WAIT;
	*segment = &p->slot[0].seg;
	return HLSTRACK_READY;
}

bool
hlstrack_from(const struct hlstrack *t, int64_t number,
    const struct hlstrack_segment **segment)
{
	const struct hlstrack_private *p = t->private;
	unsigned i = 0;

	while (i < p->nslot && (p->slot[i].missed || p->slot[i].seg.number < number))
		i++;
	if (i == p->nslot || !p->slot[i].ready)
		return false;
	*segment = &p->slot[i].seg;
	return true;
}

void
hlstrack_pop(struct hlstrack *t)
{
	t->passed++;
	drop_slot(t->private, 0);
}

int64_t
hlstrack_level(const struct hlstrack *t)
{
	const struct hlstrack_private *p = t->private;
	int64_t sum = 0;

	for (unsigned i = 1; i < p->nslot; i++)
		sum += p->slot[i].seg.duration_ns;
	for (size_t i = p->list.nsegment; t->loaded && i > 0 &&
	    p->list.segment[i - 1].number >= p->next; i--)
		sum += p->list.segment[i - 1].duration_ns;
	return sum;
}

int
hlstrack_rewind(struct hlstrack *t)
{
	struct hlstrack_private *p = t->private;

	if (t->live)
		return -ENOTSUP;
	while (p->nslot > 0)
		drop_slot(p, p->nslot - 1);
	choose_start(p);
	return 0;
}
