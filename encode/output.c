#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/output.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define PMT_PID		0x1000
#define RATE_WINDOW	(2 * INT64_C(90000))
#define TELL_EACH	(10 * CLK_SECOND)
/* ISO/IEC 13818-1 2.4.2.3: transport and main buffers of AAC, AC-3 and sections. */
#define AUDIO_LEAK	2000000
#define AUDIO_BUFFER	3584
#define AC3_BUFFER	2592
#define DATA_LEAK	1000000
#define DATA_BUFFER	1536

static void
fatal_memory(void)
{
	fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the output");
}

static uint64_t
programs_of(const struct output *o, const struct output_stream *s)
{
	return s->program >= 0 ? UINT64_C(1) << s->program :
	    (UINT64_C(1) << o->nprogram) - 1;
}

/* ISO/IEC 13818-1 2.6.26: units of 50 bytes a second. */
static void
put_max_rate(struct tsmux_stream *m, uint64_t rate)
{
	uint64_t v = (rate + 399) / 400;
	uint8_t d[3] = {
		(uint8_t)(0xc0 | (v >> 16 & 0x3f)), (uint8_t)(v >> 8), (uint8_t)v,
	};

	desc_put(m->desc, sizeof(m->desc), &m->desc_len, DESC_MAXIMUM_BITRATE, d,
	    sizeof(d));
}

/*
 * The decoder model of a stream.  What a transport buffer of video empties with depends on
 * the level, and is at least this.
 */
static void
model(struct output *o, const struct output_stream *s)
{
	bool video = s->stream_id == PES_VIDEO;
	uint64_t rate = s->max_rate > 0 ? s->max_rate : o->mux_rate;
	uint64_t leak = video ? rate + rate / 5 : s->audio ? AUDIO_LEAK : DATA_LEAK;
	uint64_t size = video ? rate / 4 : s->stream_type == 0x81 ? AC3_BUFFER :
	    s->audio ? AUDIO_BUFFER : DATA_BUFFER;

	if (tscbr_add(&o->cbr, s->pid, (int64_t)leak,
	    (int64_t)(s->buffer > 0 ? s->buffer : size)) < 0)
		fatal_memory();
}

static void
list(struct output *o, struct output_stream *s)
{
	struct tsmux_stream *m = tsmux_add_stream(&o->mux, s->pid, s->stream_type,
	    s->stream_id, programs_of(o, s));

	if (m == NULL)
		fatal_memory();
	memcpy(m->desc, s->desc, s->desc_len);
	m->desc_len = s->desc_len;
	if (s->max_rate > 0)
		put_max_rate(m, s->max_rate);
	if (s->wants_cuei)
		for (unsigned i = 0; i < o->mux.nprogram; i++) {
			struct tsmux_program *p = &o->mux.program[i];

			if (p->desc_len == 0)
				desc_put(p->desc, sizeof(p->desc), &p->desc_len,
				    DESC_REGISTRATION, "CUEI", 4);
		}
	s->mux = m;
	if (o->mux_rate > 0)
		model(o, s);
	if (o->listed)
		tsmux_changed(&o->mux);
}

static void
measure(struct output *o, struct output_stream *s, int64_t dts, size_t len)
{
	pthread_mutex_lock(&o->lock);
	if (s->units++ == 0 || dts < s->window_dts)
		s->window_dts = dts;
	if (dts - s->window_dts >= RATE_WINDOW) {
		s->rate = s->window_bytes * 8 * 90000 / (uint64_t)(dts - s->window_dts);
		s->window_dts = dts;
		s->window_bytes = 0;
	}
	s->window_bytes += len;
	s->bytes += len;
	s->last_dts = dts;
	pthread_mutex_unlock(&o->lock);
}

static void
write_out(const uint8_t *p, size_t len)
{
	int r = len > 0 ? io_write(STDOUT_FILENO, p, len) : 0;

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write to standard output");
}

/* What is late, or had to be left out, has been more than the rate. */
static void
tell_late(struct output *o)
{
	const struct tscbr *c = &o->cbr;
	int64_t now = clk_mono_ns();
	bool worse = c->late > o->cbr_late || c->dropped > o->cbr_dropped;

	if (worse && (o->told_ns == 0 || now - o->told_ns > TELL_EACH)) {
		o->told_ns = now;
		log_warn(0, "the streams need more than --mux-rate '%" PRIu64 "k': late by up to "
		    "%" PRId64 " ms, %" PRIu64 " units left out", o->mux_rate / 1000,
		    c->worst / 27000, c->dropped);
	}
	pthread_mutex_lock(&o->lock);
	o->cbr_late = c->late;
	o->cbr_dropped = c->dropped;
	o->cbr_nulls = c->nulls;
	pthread_mutex_unlock(&o->lock);
}

static int
put_constant(struct output *o, struct output_stream *s, const struct output_unit *u,
    const struct tsmux_unit *m)
{
	int r = u->jump ? tscbr_break(&o->cbr) : 0;

	write_out(o->mux.out, o->mux.len);	/* a clock packet, before all others */
	tsmux_clear(&o->mux);
	if (r == 0)
		r = tscbr_put(&o->cbr, s->mux, m, u->section);
	write_out(o->cbr.out, o->cbr.len);
	o->cbr.len = 0;
	tell_late(o);
	return r;
}

static void
write_unit(struct output *o, struct output_stream *s, struct output_unit *u)
{
	struct tsmux_unit m = {
		.data = u->data, .len = u->len, .pts = u->pts, .dts = u->dts,
		.random_access = u->random_access, .ebp = u->has_ebp ? &u->ebp : NULL,
	};
	int r;

	if (o->mux_rate > 0) {
		r = put_constant(o, s, u, &m);
	} else {
		if (u->jump)
			tsmux_discontinuity(&o->mux);
		r = u->section ? tsmux_put_section(&o->mux, s->mux, u->dts, u->data, u->len) :
		    tsmux_put(&o->mux, s->mux, &m);
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write PID %u", s->pid);
	write_out(o->mux.out, o->mux.len);
	tsmux_clear(&o->mux);
	measure(o, s, u->dts, u->len);
	free(u);
}

static bool
has_video(const struct output *o)
{
	return o->marks.pictures == 0;
}

/*
 * The stream whose unit is next, or NULL: a required one has nothing yet.  At the
 * end *done is set.
 */
static struct output_stream *
choose(struct output *o, bool *done)
{
	struct output_stream *best = NULL;
	bool all_ended = o->finished;

	*done = false;
	if (o->held && !o->finished)
		return NULL;
	for (unsigned i = 0; i < o->nstream; i++) {
		struct output_stream *s = &o->stream[i];

		if (s->head == NULL) {
			if (s->required && !s->ended && !o->finished &&
			    !(o->eager && s->audio && s->mux != NULL && has_video(o)))
				return NULL;
			continue;
		}
		all_ended = false;
		if (best == NULL || s->head->dts < best->head->dts)
			best = s;
	}
	*done = all_ended;
	return best;
}

/*
 * The tables, before the first unit: all streams that have one by now, and cues, which a
 * packager has to know of before the first.
 */
static void
list_streams(struct output *o)
{
	if (!o->live && tsmux_put_clock(&o->mux, false, 0) < 0)
		fatal_memory();
	for (unsigned i = 0; i < o->nprogram; i++)
		if (tsmux_add_program(&o->mux, (uint16_t)(i + 1),
		    (uint16_t)(PMT_PID + i), o->pcr_pid) == NULL)
			fatal_memory();
	for (unsigned i = 0; i < o->nstream; i++)
		if (o->stream[i].head != NULL || o->stream[i].wants_cuei)
			list(o, &o->stream[i]);
	o->listed = true;
}

static void *
writer(void *arg)
{
	struct output *o = arg;
	bool done = false;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		struct output_stream *s = choose(o, &done);
		struct output_unit *u;

		if (done)
			break;
		if (s == NULL) {
			o->starving = true;
			pthread_cond_broadcast(&o->changed);
			pthread_cond_wait(&o->changed, &o->lock);
			continue;
		}
		o->starving = false;
		if (!o->listed)
			list_streams(o);
		else if (s->mux == NULL)
			list(o, s);
		u = s->head;
		s->head = u->next;
		if (s->head == NULL)
			s->tail = &s->head;
		o->waiting -= u->len;
		pthread_cond_broadcast(&o->changed);
		pthread_mutex_unlock(&o->lock);
		write_unit(o, s, u);
		pthread_mutex_lock(&o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	if (o->mux_rate > 0) {
		if (tscbr_flush(&o->cbr) < 0)
			fatal_memory();
		write_out(o->cbr.out, o->cbr.len);
		o->cbr.len = 0;
		tell_late(o);
	}
	return NULL;
}

void
output_init(struct output *o, unsigned programs, bool eager)
{
	*o = (struct output){ .nprogram = programs, .held = true, .eager = eager };
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	tsmux_init(&o->mux);
	if (pthread_create(&o->thread, NULL, writer, o) != 0)
		fatal(EXIT_RUNTIME, EAGAIN, "cannot start a thread");
}

void
output_constant(struct output *o, uint64_t mux_rate, int64_t delay_90k)
{
	pthread_mutex_lock(&o->lock);
	o->mux_rate = mux_rate;
	tscbr_init(&o->cbr, &o->mux, (int64_t)mux_rate, delay_90k);
	pthread_mutex_unlock(&o->lock);
}

void
output_release(struct output *o, bool live)
{
	pthread_mutex_lock(&o->lock);
	o->held = false;
	o->live = live;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void
output_mark(struct output *o, struct grid grid, const struct epoch *epoch)
{
	o->marks = grid;
	o->epoch = epoch;
}

struct output_stream *
output_add(struct output *o, bool required)
{
	struct output_stream *s;

	pthread_mutex_lock(&o->lock);
	if (o->nstream == TSMUX_STREAMS)
		fatal(EXIT_INPUT, 0, "the input has too many streams");
	s = &o->stream[o->nstream++];
	*s = (struct output_stream){
		.required = required, .program = -1, .segment = INT64_MIN,
	};
	s->tail = &s->head;
	pthread_mutex_unlock(&o->lock);
	return s;
}

void
output_require(struct output *o, struct output_stream *s, bool required)
{
	pthread_mutex_lock(&o->lock);
	s->required = required;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void
output_end(struct output *o, struct output_stream *s)
{
	pthread_mutex_lock(&o->lock);
	s->ended = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

struct output_unit *
output_unit_new(const void *data, size_t len)
{
	struct output_unit *u = malloc(sizeof(*u) + len);

	if (u == NULL)
		fatal_memory();
	*u = (struct output_unit){ .len = len };
	if (data != NULL)
		memcpy(u->data, data, len);
	return u;
}

/* The first frame of a segment gets a boundary point. */
static void
mark(const struct output *o, struct output_stream *s, struct output_unit *u)
{
	int64_t segment = grid_segment(&o->marks, grid_picture(&o->marks, u->dts));

	if (segment == s->segment)
		return;
	s->segment = segment;
	u->has_ebp = true;
	u->ebp = (struct ebp){
		.segment = true, .fragment = true, .sap_type = 1,
		.has_time = o->epoch != NULL,
	};
	if (o->epoch != NULL)
		u->ebp.ntp = clk_ns_to_ntp(epoch_utc_ns(o->epoch, u->dts));
}

void
output_put(struct output *o, struct output_stream *s, struct output_unit *u)
{
	if (s->audio && o->marks.pictures > 0)
		mark(o, s, u);
	pthread_mutex_lock(&o->lock);
	while (o->waiting > OUTPUT_LIMIT && !o->starving && !o->finished)
		pthread_cond_wait(&o->changed, &o->lock);
	u->next = NULL;
	*s->tail = u;
	s->tail = &u->next;
	s->ended = false;
	o->waiting += u->len;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void
output_finish(struct output *o)
{
	pthread_mutex_lock(&o->lock);
	o->finished = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	tsmux_free(&o->mux);
	tscbr_free(&o->cbr);
}

size_t
output_waiting(struct output *o)
{
	size_t n;

	pthread_mutex_lock(&o->lock);
	n = o->waiting;
	pthread_mutex_unlock(&o->lock);
	return n;
}

uint64_t
output_rate(struct output *o, const struct output_stream *s)
{
	uint64_t rate;

	pthread_mutex_lock(&o->lock);
	rate = s->rate;
	pthread_mutex_unlock(&o->lock);
	return rate;
}
