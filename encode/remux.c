/* What is of a piece; remuxtimes.c has the tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/remux.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/rational.h"
#include "lib/media/scte35.h"

#define WRITE		(1 << 20)

int
remux_init(struct remux *m, const struct remux_config *c)
{
	*m = (struct remux){
		.config = *c, .now = PES_NO_TIME,
		.bases = { .near = PES_NO_TIME, .top = PES_NO_TIME },
	};
	return tsdemux_init(&m->demux);
}

static void
free_track(struct remux_track *t)
{
	track_free(&t->track);
	free(t->config);
	free(t->sample);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

void
remux_free(struct remux *m)
{
	for (unsigned i = 0; i < m->ntrack; i++)
		free_track(m->track[i]);
	for (unsigned i = 0; i < m->ncue; i++)
		free(m->cue[i].p);
	free(m->cue);
	free(m->buf);
	tsdemux_free(&m->demux);
}

/* ---- cuts */

/* From the cut to a time, where that is near it: by their last 33 bits. */
static bool
near(const struct remux_cut *cut, int64_t pts, int64_t *d)
{
	int64_t v = (pts - cut->time) & (PES_WRAP - 1);

	*d = v >= PES_WRAP / 2 ? v - PES_WRAP : v;
	return cut->known && llabs(*d) < REMUX_NEAR;
}

/*
 * Would what is shown at pts, and begins to be so here, be the first behind the cut?
 * Pictures go on to the other side with a random access point.  behind: it lies in bytes
 * behind the cut.
 */
static bool
passes(const struct remux_cut *cut, const struct track *t, const struct sample *s,
    bool behind)
{
	int64_t d, pts = s->pts;
	bool picture = t->kind == KIND_VIDEO;

	if (!picture && t->version != 0)	/* a frame is where its middle is */
		pts += rescale_near(s->frames, CLK_90K / 2, track_timescale(t, t->version));
	if (!cut->open && near(cut, pts, &d))
		return d >= -1 && (!picture || s->sync || cut->forced);
	return behind && (!picture || s->sync || cut->known);
}

/* Is the sample of the piece?  Sets begun and ended. */
static bool
is_of_piece(struct remux *m, struct remux_track *w, const struct sample *s)
{
	const struct remux_config *c = &m->config;
	int64_t d;

	if (!w->seen)
		w->first_pts = s->pts;
	w->seen = true;
	if (!w->begun)
		w->begun = passes(&c->begin, &w->track, s, m->phase != REMUX_BEFORE) ||
		    (m->phase != REMUX_BEFORE && s->pts - w->first_pts > REMUX_NEAR);
	if (!w->begun || w->ended)
		return false;
	if (m->phase == REMUX_AFTER || near(&c->end, s->pts, &d))
		w->ended = passes(&c->end, &w->track, s, m->phase == REMUX_AFTER);
	if (w->ended) {
		w->next = *s;
		w->has_next = true;
		return false;
	}
	if (!m->has_origin && near(&c->begin, s->pts, &d)) {
		m->has_origin = true;
		m->origin_base = s->base;
		m->origin = s->pts - d;
	}
	return true;
}

/* ---- samples */

static int
write_samples(struct remux_track *w)
{
	int r = w->buffered > 0 ? io_write(w->fd, w->track.buf, w->buffered) : 0;

	w->track.len = w->buffered = 0;
	return r;
}

/* The index of its parameters, which stay; the last one when there are too many. */
static int
keep_config(struct remux_track *w, uint32_t version, uint32_t *index)
{
	const struct config *c = track_config(&w->track, version);
	struct config *p;

	for (unsigned i = 0; i < w->nconfig; i++)
		if (w->config[i].version == version) {
			*index = i;
			return 0;
		}
	if (c == NULL || w->nconfig == REMUX_CONFIGS) {
		w->lost_config++;
		*index = w->nconfig > 0 ? w->nconfig - 1 : 0;
		return w->nconfig > 0 ? 0 : -EBADMSG;
	}
	p = realloc(w->config, (w->nconfig + 1) * sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	w->config = p;
	p[w->nconfig] = *c;
	*index = w->nconfig++;
	return 0;
}

/* Of the samples from kept on, keep those of the piece. */
static int
sort_out(struct remux *m, struct remux_track *w)
{
	struct track *t = &w->track;
	size_t at = w->buffered, n = t->n;
	int r;

	for (size_t i = w->kept; i < n; i++) {
		struct sample s = t->sample[i];

		if (is_of_piece(m, w, &s)) {
			if ((r = keep_config(w, s.config, &s.config)) < 0 && r != -EBADMSG)
				return r;
			memmove(t->buf + w->buffered, t->buf + at, s.len);
			w->buffered += s.len;
			t->sample[w->kept++] = s;
		}
		at += s.len;
	}
	t->n = w->kept;
	t->len = w->buffered;
	return w->buffered >= WRITE ? write_samples(w) : 0;
}

/* ---- cues */

/* When the first event of a message is, how long, and its number.  Does it say anything? */
static bool
read_cue(struct remux *m, struct remux_cue *q)
{
	struct scte35 *s = malloc(sizeof(*s));
	uint64_t pts = SCTE35_NULL_PTS;
	bool some;

	q->pts = PES_NO_TIME;
	q->duration = UINT32_MAX;
	if (s == NULL || scte35_parse(q->p, q->len, s) < 0 || s->encrypted) {
		free(s);
		return true;
	}
	if (s->command == SCTE35_SPLICE_INSERT) {
		q->id = s->insert.id;
		pts = scte35_pts(s, &s->insert.time);
		if (s->insert.has_duration && s->insert.duration.duration < UINT32_MAX)
			q->duration = (uint32_t)s->insert.duration.duration;
	} else if (s->command == SCTE35_TIME_SIGNAL) {
		pts = scte35_pts(s, &s->signal);
		for (unsigned i = 0; i < s->ndescriptor; i++) {
			const struct scte35_descriptor *d = &s->descriptor[i];

			if (d->tag != SCTE35_SEGMENTATION || !d->known)
				continue;
			q->id = d->seg.event_id;
			if (d->seg.has_duration && d->seg.duration < UINT32_MAX)
				q->duration = (uint32_t)d->seg.duration;
			break;
		}
	}
	if (pts != SCTE35_NULL_PTS) {
		int64_t d = ((int64_t)pts - m->now) & (PES_WRAP - 1);

		q->pts = m->now + (d >= PES_WRAP / 2 ? d - PES_WRAP : d);
	}
	some = (s->command != SCTE35_SPLICE_NULL && s->command != SCTE35_BANDWIDTH_RESERVATION) ||
	    s->ndescriptor > 0;
	free(s);
	return some;
}

/* One more at its end, zeroed; NULL: there is no memory. */
static struct remux_cue *
new_cue(struct remux *m)
{
	unsigned room = m->cue_room > 0 ? 2 * m->cue_room : 64;
	struct remux_cue *more;

	if (m->ncue == m->cue_room) {
		if ((more = realloc(m->cue, room * sizeof(*more))) == NULL)
			return NULL;
		m->cue = more;
		m->cue_room = room;
	}
	m->cue[m->ncue] = (struct remux_cue){ .len = 0 };
	return &m->cue[m->ncue];
}

/* It is of the piece in which it came, by the clock. */
static int
take_cue(struct remux *m, const struct tsdemux_event *ev)
{
	const struct remux_config *c = &m->config;
	int64_t at = ev->type == TSDEMUX_UNIT ? ev->pts : m->now, d;
	struct remux_cue *q;

	if (at == PES_NO_TIME || ev->len == 0 || ev->damaged)
		return 0;
	if (near(&c->begin, at, &d) ? d < 0 : m->phase == REMUX_BEFORE)
		return 0;
	if (near(&c->end, at, &d) ? d >= 0 : m->phase == REMUX_AFTER)
		return 0;
	if (m->ncue == REMUX_CUES) {
		m->left_cues++;
		return 0;
	}
	if ((q = new_cue(m)) == NULL)
		return -ENOMEM;
	*q = (struct remux_cue){ .at = at, .pts = at, .base = m->bases.newest, .len = ev->len,
	    .codec = ev->stream->codec, .p = malloc(ev->len) };
	if (q->p == NULL)
		return -ENOMEM;
	memcpy(q->p, ev->data, ev->len);
	if (q->codec == CODEC_SCTE35 && !read_cue(m, q))
		free(q->p);
	else
		m->ncue++;
	return 0;
}

/* ---- streams */

/* Those of one program, or of all that have its clock. */
static void
choose(struct remux *m)
{
	const struct tsdemux *d = &m->demux;
	unsigned first = d->nprogram;

	for (unsigned i = 0; i < d->nprogram && first == d->nprogram; i++) {
		if (m->config.program != 0) {
			if (d->program[i].program_number == m->config.program)
				first = i;
			continue;
		}
		for (unsigned k = 0; k < d->nstream; k++)
			if ((d->stream[k]->programs >> i & 1) != 0 &&
			    codec_kind(d->stream[k]->codec) == KIND_VIDEO)
				first = i;
	}
	for (unsigned i = 0; i < d->nprogram && first == d->nprogram; i++)
		if (m->config.program == 0 && d->program[i].seen)
			first = i;
	m->chosen = 0;
	m->left_programs = 0;
	for (unsigned i = first; i < d->nprogram && i < 64; i++)
		if (i == first || (m->config.program == 0 &&
		    d->program[i].pcr_pid == d->program[first].pcr_pid && d->program[i].seen))
			m->chosen |= UINT64_C(1) << i;
		else
			m->left_programs += m->config.program == 0 && d->program[i].seen;
}

static struct remux_track *
find_track(struct remux *m, const struct tsdemux_stream *st)
{
	for (unsigned i = 0; i < m->ntrack; i++)
		if (m->track[i]->track.pid == st->pid && m->track[i]->track.codec == st->codec)
			return m->track[i];
	return NULL;
}

/* Not every file system has files without a name. */
static int
open_nameless(int dir)
{
	static const char name[] = "track.part";
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL &&
	    errno != ENOENT))
		return fd < 0 ? -errno : fd;
	unlinkat(dir, name, 0);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(dir, name, 0);
	return fd;
}

static int
add_track(struct remux *m, struct tsdemux_stream *st)
{
	struct remux_track *w = find_track(m, st);
	int r;

	if (w == NULL && m->ntrack < REMUX_TRACKS) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return -ENOMEM;
		w->fd = open_nameless(m->config.dir);
		r = w->fd < 0 ? w->fd : track_init(&w->track, st);
		if (r < 0) {
			if (w->fd >= 0)
				close(w->fd);
			free(w);
			return r;
		}
		m->track[m->ntrack++] = w;
	}
	st->user = w;
	return 0;
}

static int
take_streams(struct remux *m)
{
	int r = 0;

	choose(m);
	m->left_out = 0;
	for (unsigned i = 0; i < m->demux.nstream && r == 0; i++) {
		struct tsdemux_stream *st = m->demux.stream[i];
		enum codec_kind kind = codec_kind(st->codec);

		st->user = NULL;
		if ((st->programs & m->chosen) == 0 || st->gone)
			continue;
		if (track_carries(st->codec) || st->codec == CODEC_MPEGA) {
			r = add_track(m, st);
		} else if (st->codec != CODEC_SCTE35 && st->codec != CODEC_ID3 &&
		    kind != KIND_OTHER) {
			m->left_out++;
			m->left_codec = st->codec;
			m->left_video |= kind == KIND_VIDEO;
		}
		if (r == 0 && st->user != NULL)
			((struct remux_track *)st->user)->programs = st->programs & m->chosen;
	}
	return r;
}

/* Of a program that is made into files: others may have another clock. */
static bool
is_clock(const struct remux *m, uint16_t pid)
{
	const struct tsdemux *d = &m->demux;

	for (unsigned i = 0; i < d->nprogram && i < 64; i++)
		if ((m->chosen >> i & 1) != 0 && d->program[i].pcr_pid == pid)
			return true;
	return false;
}

static int
take_event(struct remux *m, const struct tsdemux_event *ev)
{
	struct remux_track *w;
	int r;

	switch (ev->type) {
	case TSDEMUX_STREAMS:
		return take_streams(m);
	case TSDEMUX_PCR:
		if (is_clock(m, ev->pid))
			m->now = ev->pcr / 300;
		return 0;
	case TSDEMUX_SECTION:
		return ev->stream->codec == CODEC_SCTE35 &&
		    (ev->stream->programs & m->chosen) != 0 ? take_cue(m, ev) : 0;
	case TSDEMUX_UNIT:
		if (ev->stream->codec == CODEC_ID3 && (ev->stream->programs & m->chosen) != 0)
			return take_cue(m, ev);
		w = ev->stream->user;
		if (w == NULL || (m->demux.eof && m->config.torn &&
		    w->track.kind == KIND_VIDEO))
			return 0;
		r = track_unit(&w->track, &m->bases, ev);
		return r < 0 ? r : sort_out(m, w);
	}
	return 0;
}

int
remux_take(struct remux *m, enum remux_phase phase, const uint8_t *p, size_t len)
{
	struct tsdemux_event ev;
	size_t used, at = 0;
	int got, r = 0;

	m->phase = phase;
	if (m->len + len > m->size) {
		uint8_t *q = realloc(m->buf, m->len + len);

		if (q == NULL)
			return -ENOMEM;
		m->buf = q;
		m->size = m->len + len;
	}
	if (len > 0)
		memcpy(m->buf + m->len, p, len);
	m->len += len;
	if (m->buf == NULL)
		return 0;
	while (r == 0 && (got = tsdemux_next(&m->demux, m->buf + at, m->len - at, &used,
	    &ev)) != 0) {
		at += used;
		r = got < 0 ? got : take_event(m, &ev);
	}
	if (r == 0)
		at += used;
	memmove(m->buf, m->buf + at, m->len - at);
	m->len -= at;
	return r;
}

bool
remux_full(const struct remux *m)
{
	int64_t d;

	if (m->now != PES_NO_TIME && m->phase == REMUX_AFTER && !near(&m->config.end, m->now, &d))
		return true;		/* what has not come is not there */
	for (unsigned i = 0; i < m->ntrack; i++)
		if (!m->track[i]->ended && m->track[i]->begun)
			return false;
	return m->ntrack > 0;
}

static int
flush(struct remux *m)
{
	int r;

	m->demux.eof = true;
	if ((r = remux_take(m, m->phase, NULL, 0)) < 0)
		return r;
	for (unsigned i = 0; i < m->ntrack; i++)
		if ((r = track_flush(&m->track[i]->track, &m->bases)) < 0 ||
		    (r = sort_out(m, m->track[i])) < 0)
			return r;
	return 0;
}

int
remux_end(struct remux *m, bool eof)
{
	int r = eof ? flush(m) : 0;

	for (unsigned i = 0; i < m->ntrack && r == 0; i++)
		r = write_samples(m->track[i]);
	return r < 0 ? r : remux_tables(m);
}
