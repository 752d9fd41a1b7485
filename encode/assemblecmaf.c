/* A CMAF track file: header, index, fragments. */
#include <errno.h>
#include <stdlib.h>

#include "encode/assemble_private.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/rational.h"
#include "lib/media/mp4mux.h"

#define AUDIO		2		/* seconds of a fragment without pictures */
#define REFS		65535
#define SIDX_ROOM(n)	(64 + 12 * (size_t)(n))

struct fragment {
	size_t	 from, to;
	uint64_t bytes;			/* of its media */
	uint64_t duration;
	uint8_t	*head;
	size_t	 head_len;
};

struct track_file {
	const struct remux *m;
	const struct remux_track *t;
	const struct assemble_file *f;
	struct mp4_track desc;
	uint64_t start, bytes_before;	/* decoding time; in the track's file */
	size_t	 n;
	struct fragment *fragment;
	struct mp4_emsg *emsg;		/* room for all cues of the piece */
};

/* Cues are in one track: -v1, or -a1 without pictures. */
static bool
has_cues(const struct remux *m, const struct remux_track *t)
{
	const struct remux_track *best = NULL;

	for (unsigned i = 0; i < m->ntrack; i++)
		if (assemble_has(m->track[i]) && (best == NULL ||
		    assemble_before(m->track[i], best)))
			best = m->track[i];
	return best == t;
}

/* Those that came while the fragment was shown; what was earlier is with the track's first. */
static unsigned
find_cues(const struct track_file *x, const struct fragment *g, uint64_t at)
{
	size_t end = x->t->track.n;
	uint32_t scale = x->desc.timescale;
	int64_t from = rescale_near((int64_t)at, CLK_90K, scale);
	int64_t to = rescale_near((int64_t)(at + g->duration), CLK_90K, scale);
	unsigned n = 0;

	for (unsigned i = 0; i < x->m->ncue; i++) {
		int64_t t = remux_time(x->m, x->m->cue[i].base, x->m->cue[i].at);

		if ((t >= from || g->from == 0) && (t < to || g->to == end))
			x->emsg[n++] = assemble_event(x->m, &x->m->cue[i], scale);
	}
	return n;
}

static int
split(struct track_file *x)
{
	const struct mp4_sample *s = x->t->sample;
	bool video = x->t->track.kind == KIND_VIDEO;
	size_t to, end = x->f->to;

	x->fragment = calloc(end - x->f->from, sizeof(*x->fragment));
	if (x->fragment == NULL)
		return -ENOMEM;
	for (size_t i = x->f->from; i < end; i = to) {
		struct fragment *g = &x->fragment[x->n++];

		*g = (struct fragment){ .from = i };
		for (to = i; to < end && (to == i || (video ? !s[to].sync :
		    g->duration < AUDIO * (uint64_t)x->desc.timescale)); to++) {
			g->bytes += s[to].len;
			g->duration += s[to].duration;
		}
		g->to = to;
	}
	return 0;
}

static int
make_head(struct track_file *x, struct fragment *g, uint64_t at, bool cues)
{
	struct mp4mux_chunk c = {
		.track_id = 1, .sequence_number = (uint32_t)(g - x->fragment) + 1,
		.base_media_decode_time = at, .video = x->t->track.kind == KIND_VIDEO,
		.sample = x->t->sample + g->from, .n = (unsigned)(g->to - g->from), .emsg = x->emsg,
		.nemsg = cues ? find_cues(x, g, at) : 0,
	};
	size_t size = mp4mux_chunk_max(&c);
	int len;

	if ((g->head = malloc(size)) == NULL)
		return -ENOMEM;
	len = mp4mux_chunk_put(&c, g->head, size);
	if (len < 0)
		return len;
	g->head_len = (size_t)len;
	return 0;
}

static int
put_index(const struct track_file *x, int fd)
{
	struct mp4mux_ref *ref = calloc(x->n + 1, sizeof(*ref));
	uint8_t *p = malloc(SIDX_ROOM(x->n));
	int r = ref == NULL || p == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < x->n && r == 0; i++) {
		const struct fragment *g = &x->fragment[i];

		if (g->head_len + g->bytes > INT32_MAX)
			r = -EFBIG;
		ref[i] = (struct mp4mux_ref){ .size = (uint32_t)(g->head_len + g->bytes),
		    .duration = (uint32_t)g->duration, .sap = x->t->sample[g->from].sync };
	}
	if (r == 0)
		r = mp4mux_sidx_put(1, x->desc.timescale, x->start + (uint64_t)x->t->delay,
		    ref, (unsigned)x->n, p, SIDX_ROOM(x->n));
	if (r > 0)
		r = io_write(fd, p, (size_t)r);
	free(ref);
	free(p);
	return r == -EFBIG ? 0 : r;	/* it plays without one */
}

static int
put_file(struct track_file *x, int fd)
{
	uint64_t at = x->start, pos = x->bytes_before;
	bool cues = has_cues(x->m, x->t);
	uint8_t *init = malloc(MP4MUX_INIT_MAX);
	int r = init == NULL ? -ENOMEM : mp4mux_init_put(&x->desc, init, MP4MUX_INIT_MAX);

	if (r > 0)
		r = io_write(fd, init, (size_t)r);
	free(init);
	for (size_t i = 0; i < x->n && r == 0; i++) {
		r = make_head(x, &x->fragment[i], at, cues);
		at += x->fragment[i].duration;
	}
	if (r == 0 && x->n <= REFS)
		r = put_index(x, fd);
	for (size_t i = 0; i < x->n && r == 0; i++) {
		struct fragment *g = &x->fragment[i];

		if ((r = io_write(fd, g->head, g->head_len)) == 0)
			r = assemble_copy(x->t->fd, pos, g->bytes, fd);
		pos += g->bytes;
	}
	return r;
}

int
assemble_cmaf(const struct remux *m, const struct assemble_file *f, int fd)
{
	const struct remux_track *t = m->track[f->track];
	struct track_file x = { .m = m, .t = t, .f = f };
	int64_t start = t->start;
	int r;

	track_describe(&t->track, &t->config[t->track.sample[f->from].config], &x.desc);
	x.desc.track_id = 1;
	x.desc.timescale = t->track.kind == KIND_VIDEO ? CLK_90K : t->config[0].audio.rate;
	for (size_t i = 0; i < f->from; i++) {
		start += t->sample[i].duration;
		x.bytes_before += t->sample[i].len;
	}
	x.start = start < 0 ? 0 : (uint64_t)start;
	x.emsg = calloc(m->ncue + 1, sizeof(*x.emsg));
	r = x.emsg == NULL ? -ENOMEM : split(&x);
	if (r == 0)
		r = put_file(&x, fd);
	for (size_t i = 0; i < x.n; i++)
		free(x.fragment[i].head);
	free(x.fragment);
	free(x.emsg);
	return r;
}
