/* MP4 of the tracks of a program; which files there are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/assemble_private.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/rational.h"
#include "lib/media/mp4file.h"

#define CHUNK		1		/* seconds of a track, then another's */
#define EVENT_ROOM	512		/* an event without its message */
#define EMPTY_ROOM	8		/* a sample without one */
#define EVENT_LONGEST	(12 * 3600 * CLK_90K)	/* a sample, whose duration has 32 bits */
#define COPY		(1 << 20)

#define SCHEME_SCTE35	"urn:scte:scte35:2013:bin"
#define SCHEME_ID3	"https://aomedia.org/emsg/ID3"

int
assemble_copy(int from, uint64_t at, uint64_t len, int to)
{
	off_t pos = (off_t)at;
	char *buf = NULL;
	int r = 0;

	while (len > 0) {
		size_t want = len < (UINT64_C(1) << 30) ? (size_t)len : (size_t)1 << 30;
		ssize_t n = buf == NULL ? copy_file_range(from, &pos, to, NULL, want, 0) : -1;

		if (n < 0 && buf == NULL && (errno == EXDEV || errno == EINVAL ||
		    errno == ENOSYS || errno == EOPNOTSUPP) && (buf = malloc(COPY)) == NULL)
			return -ENOMEM;
		if (n < 0 && buf != NULL) {	/* not every file system can */
			n = pread(from, buf, want < COPY ? want : COPY, pos);
			if (n > 0 && (r = io_write(to, buf, (size_t)n)) < 0)
				break;
			pos += n > 0 ? n : 0;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : -EIO;
			break;
		}
		len -= (uint64_t)n;
	}
	free(buf);
	return r;
}

/* ---- which files */

bool
assemble_before(const struct remux_track *a, const struct remux_track *b)
{
	bool video = a->track.kind == KIND_VIDEO;
	uint64_t x, y;

	if (a->track.kind != b->track.kind)
		return video;
	x = video ? (uint64_t)a->config[0].video.width * a->config[0].video.height : 0;
	y = video ? (uint64_t)b->config[0].video.width * b->config[0].video.height : 0;
	return x != y ? x > y : a->track.pid < b->track.pid;
}

bool
assemble_has(const struct remux_track *t)
{
	return t->sample != NULL && t->track.n > 0;
}

/* Its number among those of its kind, from 1. */
static unsigned
rank_of(const struct remux *m, unsigned track)
{
	const struct remux_track *t = m->track[track];
	unsigned rank = 1;

	for (unsigned i = 0; i < m->ntrack; i++)
		rank += i != track && assemble_has(m->track[i]) &&
		    m->track[i]->track.kind == t->track.kind && assemble_before(m->track[i], t);
	return rank;
}

/*
 * What tells the n-th file from those before it: a number, from 2 on, where a track goes on
 * with other parameters, or its PID with another codec.
 */
static void
set_tag(struct assemble_file *f, int n, const char *tag)
{
	size_t len = strlen(tag);
	unsigned part = 1;

	for (int i = 0; i < n; i++)
		part += strncmp(f[i].tag, tag, len) == 0 &&
		    (f[i].tag[len] == '\0' || f[i].tag[len] == '-');
	if (part == 1)
		snprintf(f[n].tag, ASSEMBLE_TAG, "%s", tag);
	else
		snprintf(f[n].tag, ASSEMBLE_TAG, "%s-%u", tag, part);
}

static int
plan_cmaf(const struct remux *m, struct assemble_file *f)
{
	char tag[ASSEMBLE_TAG];
	int n = 0;

	for (unsigned i = 0; i < m->ntrack; i++) {
		const struct remux_track *t = m->track[i];
		char kind = t->track.kind == KIND_VIDEO ? 'v' : 'a';
		size_t to;

		for (size_t at = 0; assemble_has(t) && at < t->track.n; at = to) {
			for (to = at + 1; to < t->track.n && t->track.sample[to].config ==
			    t->track.sample[at].config; to++)
				;
			if (n == 4 * REMUX_TRACKS)
				return -EFBIG;	/* they change too often */
			f[n] = (struct assemble_file){ .track = i, .from = at, .to = to,
			    .content_type = kind == 'v' ? "video/mp4" : "audio/mp4" };
			snprintf(tag, sizeof(tag), "-%c%u", kind, rank_of(m, i));
			set_tag(f, n++, tag);
		}
	}
	return n;
}

static int
plan_mp4(const struct remux *m, struct assemble_file *f)
{
	char tag[ASSEMBLE_TAG];
	int n = 0;

	for (unsigned i = 0; i < m->demux.nprogram && i < 64; i++) {
		bool video = false, some = false;

		for (unsigned k = 0; k < m->ntrack; k++) {
			const struct remux_track *t = m->track[k];

			if (!assemble_has(t) || (t->programs >> i & 1) == 0)
				continue;
			some = true;
			video |= t->track.kind == KIND_VIDEO;
		}
		if (!some || n == 4 * REMUX_TRACKS)
			continue;
		f[n] = (struct assemble_file){ .program = UINT64_C(1) << i,
		    .content_type = video ? "video/mp4" : "audio/mp4" };
		snprintf(tag, sizeof(tag), "-p%u", m->demux.program[i].program_number);
		if (n > 0)
			set_tag(f, n, tag);
		n++;
	}
	return n;
}

int
assemble_plan(const struct remux *m, bool cmaf, struct assemble_file **file)
{
	if ((*file = calloc(4 * REMUX_TRACKS, sizeof(**file))) == NULL)
		return -ENOMEM;
	return cmaf ? plan_cmaf(m, *file) : plan_mp4(m, *file);
}

/* ---- events */

struct mp4_emsg
assemble_event(const struct remux *m, const struct remux_cue *c, uint32_t timescale)
{
	int64_t t = remux_time(m, c->base, c->pts != PES_NO_TIME ? c->pts : c->at);

	int64_t duration = c->codec == CODEC_ID3 ? 0 : c->duration == UINT32_MAX ? UINT32_MAX :
	    rescale_near(c->duration, timescale, CLK_90K);

	return (struct mp4_emsg){
		.version = 1, .timescale = timescale, .id = c->id, .value = "",
		.scheme_id_uri = c->codec == CODEC_ID3 ? SCHEME_ID3 : SCHEME_SCTE35,
		.presentation_time = t < 0 ? 0 : (uint64_t)rescale_near(t, timescale, CLK_90K),
		.event_duration = duration > UINT32_MAX ? UINT32_MAX : (uint32_t)duration,
		.message_data = c->p, .message_len = c->len,
	};
}

struct events {
	struct mp4_track desc;
	struct mp4_sample *sample;
	size_t	 n;
	uint8_t	*p;
	size_t	 len;
	struct mp4file_chunk chunk;
};

static int64_t
came_at(const struct remux *m, const struct remux_cue *c)
{
	return remux_time(m, c->base, c->at) - m->config.t;
}

/* Room for all messages, and for nothing between them. */
static int
make_room(const struct remux *m, struct events *e, size_t *size)
{
	size_t n = m->ncue + 2;
	int64_t last = 0;

	*size = 0;
	for (unsigned i = 0; i < m->ncue; i++) {
		int64_t t = came_at(m, &m->cue[i]);

		last = t > last ? t : last;
		*size += m->cue[i].len + EVENT_ROOM;
	}
	n += (size_t)(last / EVENT_LONGEST);
	*size += n * EMPTY_ROOM;
	e->p = malloc(*size);
	e->sample = calloc(n, sizeof(*e->sample));
	return e->p == NULL || e->sample == NULL ? -ENOMEM : 0;
}

static void
add_empty(struct events *e, size_t size)
{
	e->sample[e->n].len = (size_t)mp4file_event_put(NULL, 0, e->p + e->len, size - e->len);
	e->len += e->sample[e->n++].len;
}

/* The last sample lasts so long; what is too long for one goes on with nothing. */
static void
extend(struct events *e, int64_t gap, size_t size)
{
	if (e->n == 0 && gap > 0)
		add_empty(e, size);
	while (e->n > 0 && e->sample[e->n - 1].duration + gap > EVENT_LONGEST) {
		gap -= EVENT_LONGEST - e->sample[e->n - 1].duration;
		e->sample[e->n - 1].duration = (uint32_t)EVENT_LONGEST;
		add_empty(e, size);
	}
	if (e->n > 0)
		e->sample[e->n - 1].duration += (uint32_t)gap;
}

/* From the time at which a message came a sample has it, until the next. */
static int
make_events(const struct remux *m, uint32_t track_id, struct events *e)
{
	size_t size;
	int64_t at = 0;
	int r;

	*e = (struct events){ .desc = { .track_id = track_id, .timescale = MP4FILE_TIMESCALE,
	    .codec = CODEC_SCTE35 } };
	if ((r = make_room(m, e, &size)) < 0)
		return r;
	for (unsigned i = 0; i < m->ncue; i++) {
		const struct remux_cue *c = &m->cue[i];
		struct mp4_emsg msg = assemble_event(m, c, MP4FILE_TIMESCALE);
		int64_t t = came_at(m, c);
		int64_t due = remux_time(m, c->base, c->pts != PES_NO_TIME ? c->pts : c->at) -
		    m->config.t;
		int len;

		if (t < at)
			t = at;
		extend(e, t - at, size);
		if (e->n == 0 || t > at)
			e->n++;
		len = mp4file_event_put(&msg, due - t, e->p + e->len, size - e->len);
		if (len < 0)
			return len;
		e->sample[e->n - 1].len += (size_t)len;
		e->len += (size_t)len;
		at = t;
	}
	if (e->n > 0)
		e->sample[e->n - 1].duration = 1;
	for (size_t i = 0; i < e->n; i++)
		e->sample[i].sync = true;
	e->chunk.n = (uint32_t)e->n;
	return 0;
}

/* ---- MP4 */

struct strand {				/* a track on its way into the file */
	const struct remux_track *from;
	struct mp4_track *desc;
	struct mp4file_chunk *chunk;
	size_t	 nchunk, next;
	int64_t	*time;			/* of chunks, 90 kHz */
	uint64_t *len, done;
};

static void
free_strand(struct strand *s)
{
	free(s->desc);
	free(s->chunk);
	free(s->time);
	free(s->len);
}

/* Chunks of one description, about a second long. */
static int
make_strand(const struct remux_track *t, uint32_t track_id, struct strand *s)
{
	uint32_t scale;
	int64_t at;
	size_t to;

	s->from = t;
	s->desc = calloc(t->nconfig, sizeof(*s->desc));
	s->chunk = calloc(t->track.n, sizeof(*s->chunk));
	s->time = calloc(t->track.n, sizeof(*s->time));
	s->len = calloc(t->track.n, sizeof(*s->len));
	if (s->desc == NULL || s->chunk == NULL || s->time == NULL || s->len == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < t->nconfig; i++) {
		track_describe(&t->track, &t->config[i], &s->desc[i]);
		s->desc[i].track_id = track_id;
		if (t->track.kind != KIND_VIDEO)
			s->desc[i].timescale = t->config[i].audio.rate;
	}
	scale = s->desc[0].timescale;
	at = t->start;
	for (size_t i = 0; i < t->track.n; i = to, s->nchunk++) {
		struct mp4file_chunk *c = &s->chunk[s->nchunk];
		int64_t begin = at;

		c->desc = t->track.sample[i].config;
		s->time[s->nchunk] = rescale_near(at, CLK_90K, scale);
		for (to = i; to < t->track.n && at - begin < CHUNK * (int64_t)scale &&
		    t->track.sample[to].config == c->desc; to++) {
			at += t->sample[to].duration;
			s->len[s->nchunk] += t->sample[to].len;
			c->n++;
		}
	}
	return 0;
}

/* Offsets, in the order of times; then again to copy.  fd: -1 the first time. */
static int
weave(struct strand *s, unsigned n, uint64_t *at, int fd)
{
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		s[i].next = s[i].done = 0;
	while (r == 0) {
		struct strand *first = NULL;

		for (unsigned i = 0; i < n; i++)
			if (s[i].next < s[i].nchunk && (first == NULL ||
			    s[i].time[s[i].next] < first->time[first->next]))
				first = &s[i];
		if (first == NULL)
			break;
		first->chunk[first->next].offset = *at;
		if (fd >= 0)
			r = assemble_copy(first->from->fd, first->done,
			    first->len[first->next], fd);
		*at += first->len[first->next];
		first->done += first->len[first->next++];
	}
	return r;
}

static int
put_head(const struct mp4file *f, int fd)
{
	size_t size = mp4file_max(f);
	uint8_t *p = malloc(size);
	int64_t len = p == NULL ? -ENOMEM : mp4file_put(f, p, size);
	int r = len < 0 ? (int)len : io_write(fd, p, (size_t)len);

	free(p);
	return r;
}

static int
write_mp4(const struct remux *m, const struct strand *s, unsigned n, struct events *e,
    int64_t created_ns, int fd, uint64_t media_len)
{
	struct mp4file_track *t = calloc(n + 1, sizeof(*t));
	struct mp4file f = { .track = t, .n = n, .created_ns = created_ns };
	int r;

	if (t == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct remux_track *w = s[i].from;

		t[i] = (struct mp4file_track){
			.kind = w->track.kind, .desc = s[i].desc, .ndesc = w->nconfig,
			.sample = w->sample, .n = w->track.n, .chunk = s[i].chunk,
			.nchunk = s[i].nchunk, .start = w->start -
			    rescale_near(m->config.t, s[i].desc[0].timescale, CLK_90K),
		};
	}
	if (e->n > 0) {			/* behind the others: it is short */
		e->chunk.offset = media_len;
		t[f.n++] = (struct mp4file_track){
			.kind = KIND_DATA, .desc = &e->desc, .ndesc = 1, .sample = e->sample,
			.n = e->n, .chunk = &e->chunk, .nchunk = 1,
		};
	}
	f.media_len = media_len + e->len;
	r = put_head(&f, fd);
	free(t);
	return r;
}

static int
assemble_mp4(const struct remux *m, const struct assemble_file *f, int64_t created_ns,
    int fd)
{
	struct strand s[REMUX_TRACKS] = { { .from = NULL } };
	struct events e = { .n = 0 };
	uint64_t len = 0, again = 0;
	unsigned n = 0;
	int r = 0;

	for (unsigned i = 0; i < m->ntrack && r == 0; i++)
		if (assemble_has(m->track[i]) && (m->track[i]->programs & f->program) != 0) {
			r = make_strand(m->track[i], n + 1, &s[n]);
			n++;
		}
	if (r == 0 && m->ncue > 0)
		r = make_events(m, n + 1, &e);
	if (r == 0)
		r = weave(s, n, &len, -1);
	if (r == 0)
		r = write_mp4(m, s, n, &e, created_ns, fd, len);
	if (r == 0)
		r = weave(s, n, &again, fd);
	if (r == 0 && e.len > 0)
		r = io_write(fd, e.p, e.len);
	for (unsigned i = 0; i < n; i++)
		free_strand(&s[i]);
	free(e.sample);
	free(e.p);
	return r;
}

int
assemble_put(const struct remux *m, bool cmaf, const struct assemble_file *f,
    int64_t created_ns, int fd)
{
	return cmaf ? assemble_cmaf(m, f, fd) : assemble_mp4(m, f, created_ns, fd);
}
