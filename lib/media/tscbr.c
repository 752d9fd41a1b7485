#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rational.h"
#include "lib/media/tscbr.h"

#define SECOND		INT64_C(27000000)
#define PCR_PERIOD	(SECOND * 36 / 1000)
#define TABLE_PERIOD	(SECOND * 90 / 1000)
#define TRANSPORT	(INT64_C(512) * 8 * SECOND)	/* the buffer, in bits / 27e6 */
#define PACKET_BITS	(INT64_C(8) * TS_PACKET)
#define OUT_SIZE	((size_t)512 * TS_PACKET)
#define NULL_PID	0x1fff
#define JUMP		(10 * SECOND)

struct tscbr_unit {
	struct tscbr_unit *next;
	int64_t	dts;			/* 27 MHz */
	bool	tables;			/* PAT and PMT come first */
	size_t	len, pos;		/* of its packets */
	int64_t	payload;		/* bytes of it that were sent */
	uint8_t	data[];
};

void
tscbr_init(struct tscbr *c, struct tsmux *mux, int64_t rate, int64_t delay_90k)
{
	*c = (struct tscbr){ .mux = mux, .rate = rate, .delay = delay_90k * 300 };
	mux->bare = true;
}

static void
free_list(struct tscbr_unit *u)
{
	while (u != NULL) {
		struct tscbr_unit *next = u->next;

		free(u);
		u = next;
	}
}

void
tscbr_free(struct tscbr *c)
{
	for (unsigned i = 0; i < c->nstream; i++) {
		free_list(c->stream[i].head);
		free_list(c->stream[i].kept);
	}
	free(c->out);
	free(c->tables);
	*c = (struct tscbr){ 0 };
}

static struct tscbr_stream *
find(struct tscbr *c, uint16_t pid)
{
	for (unsigned i = 0; i < c->nstream; i++)
		if (c->stream[i].pid == pid)
			return &c->stream[i];
	return NULL;
}

int
tscbr_add(struct tscbr *c, uint16_t pid, int64_t leak, int64_t size)
{
	struct tscbr_stream *s = &c->stream[c->nstream];

	if (c->nstream == TSMUX_STREAMS)
		return -ENOSPC;
	c->nstream++;
	*s = (struct tscbr_stream){ .pid = pid, .leak = leak, .size = size };
	s->tail = &s->head;
	s->kept_tail = &s->kept;
	return 0;
}

/* ---- the clock */

static int64_t
slot_time(const struct tscbr *c, int64_t slot)
{
	return c->base + rescale_down(slot, PACKET_BITS * SECOND, c->rate);
}

/* The place of one more packet, or NULL. */
static uint8_t *
room(struct tscbr *c)
{
	if (c->len + TS_PACKET > c->size) {
		size_t size = c->size == 0 ? OUT_SIZE : c->size * 2;
		uint8_t *out = realloc(c->out, size);

		if (out == NULL)
			return NULL;
		c->out = out;
		c->size = size;
	}
	return c->out + c->len;
}

/* ---- the decoder's buffers */

static void
settle(struct tscbr_stream *s, int64_t now)
{
	struct tscbr_unit *u;
	int64_t since = now < s->at ? 0 : now - s->at > SECOND ? SECOND : now - s->at;
	int64_t out = since * s->leak;

	s->transport = s->transport > out ? s->transport - out : 0;
	s->at = now;
	while ((u = s->kept) != NULL && u->dts <= now) {
		s->main -= u->payload;
		s->kept = u->next;
		if (s->kept == NULL)
			s->kept_tail = &s->kept;
		free(u);
	}
}

static int64_t
payload_of(const uint8_t *p)
{
	return (p[3] & 0x20) == 0 ? TS_PACKET - 4 : TS_PACKET - 5 - p[4];
}

/* Would the next packet go in?  A unit that is larger than the buffer alone does. */
static bool
fits(const struct tscbr_stream *s)
{
	const struct tscbr_unit *u = s->head;

	return s->transport + PACKET_BITS * SECOND <= TRANSPORT &&
	    (s->main - u->payload == 0 || s->main + payload_of(u->data + u->pos) <= s->size);
}

/* ---- a slot */

static int
fill_tables(struct tscbr *c)
{
	int r;

	tsmux_clear(c->mux);
	if ((r = tsmux_put_tables(c->mux)) < 0)
		return r;
	if (c->mux->len > c->tables_size) {
		uint8_t *p = realloc(c->tables, c->mux->len);

		if (p == NULL)
			return -ENOMEM;
		c->tables = p;
		c->tables_size = c->mux->len;
	}
	memcpy(c->tables, c->mux->out, c->mux->len);
	c->tables_len = c->mux->len;
	c->tables_pos = 0;
	tsmux_clear(c->mux);
	return 0;
}

static void
drop_head(struct tscbr_stream *s)
{
	struct tscbr_unit *u = s->head;

	s->head = u->next;
	if (s->head == NULL)
		s->tail = &s->head;
	free(u);
}

/* The stream whose turn it is, or NULL: nothing is there that has a place. */
static struct tscbr_stream *
choose(struct tscbr *c, int64_t now)
{
	struct tscbr_stream *best = NULL;

	for (unsigned i = 0; i < c->nstream; i++) {
		struct tscbr_stream *s = &c->stream[i];

		settle(s, now);
		while (s->head != NULL && s->head->pos == 0 && now - s->head->dts > TSCBR_LATE) {
			drop_head(s);
			c->dropped++;
		}
		if (s->head != NULL && fits(s) && (best == NULL || s->head->dts < best->head->dts))
			best = s;
	}
	return best;
}

static void
leave(struct tscbr *c, struct tscbr_stream *s, int64_t now, uint8_t *p)
{
	struct tscbr_unit *u = s->head;
	int64_t n = payload_of(u->data + u->pos);

	memcpy(p, u->data + u->pos, TS_PACKET);
	s->cc = s->begun ? (s->cc + 1) & 0x0f : p[3] & 0x0f;
	s->begun = true;
	p[3] = (uint8_t)((p[3] & 0xf0) | s->cc);
	u->pos += TS_PACKET;
	u->payload += n;
	s->main += n;
	s->transport += PACKET_BITS * SECOND;
	if (now > u->dts) {
		c->late++;
		c->worst = now - u->dts > c->worst ? now - u->dts : c->worst;
	}
	if (u->pos < u->len)
		return;
	s->head = u->next;
	if (s->head == NULL)
		s->tail = &s->head;
	u->next = NULL;
	*s->kept_tail = u;
	s->kept_tail = &u->next;
}

static void
put_null(uint8_t *p)
{
	memset(p, 0xff, TS_PACKET);
	p[0] = TS_SYNC;
	p[1] = NULL_PID >> 8;
	p[2] = NULL_PID & 0xff;
	p[3] = 0x10;
}

static void
put_pcr(struct tscbr *c, uint8_t *p, int64_t now)
{
	uint16_t pid = c->mux->program[0].pcr_pid;
	const struct tscbr_stream *s = find(c, pid);

	tsmux_pcr_packet(p, pid, s != NULL && s->begun ? s->cc : 0x0f, now, c->discontinuous);
	c->discontinuous = false;
	c->last_pcr = now;
}

static int
slot(struct tscbr *c)
{
	int64_t now = slot_time(c, c->slots), next = slot_time(c, c->slots + 1);
	uint8_t *p = room(c);
	struct tscbr_stream *s;
	int r;

	if (p == NULL)
		return -ENOMEM;
	c->slots++;
	c->packets++;
	c->len += TS_PACKET;
	if (c->last_pcr == INT64_MIN || next - c->last_pcr > PCR_PERIOD) {
		put_pcr(c, p, now);
		return 0;
	}
	s = choose(c, now);
	if (c->tables_pos == c->tables_len && (c->last_tables == INT64_MIN ||
	    now - c->last_tables >= TABLE_PERIOD || (s != NULL && s->head->tables))) {
		if ((r = fill_tables(c)) < 0)
			return r;
		c->last_tables = now;
	}
	if (c->tables_pos < c->tables_len) {
		if (s != NULL)
			s->head->tables = false;
		memcpy(p, c->tables + c->tables_pos, TS_PACKET);
		c->tables_pos += TS_PACKET;
	} else if (s != NULL) {
		leave(c, s, now, p);
	} else {
		put_null(p);
		c->nulls++;
	}
	return 0;
}

static int
run_until(struct tscbr *c, int64_t t)
{
	int r = 0;

	while (r == 0 && slot_time(c, c->slots) < t)
		r = slot(c);
	return r;
}

/* ---- units */

static void
anchor(struct tscbr *c, int64_t t)
{
	c->base = t;
	c->slots = 0;
	c->last_pcr = c->last_tables = INT64_MIN;
	c->anchored = true;
	for (unsigned i = 0; i < c->nstream; i++) {
		struct tscbr_stream *s = &c->stream[i];

		free_list(s->kept);
		s->kept = NULL;
		s->kept_tail = &s->kept;
		s->transport = s->main = 0;
		s->at = t;
	}
}

int
tscbr_flush(struct tscbr *c)
{
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		more = c->tables_pos < c->tables_len;
		for (unsigned i = 0; i < c->nstream; i++)
			more |= c->stream[i].head != NULL;
		if (more)
			r = slot(c);
	}
	return r;
}

int
tscbr_break(struct tscbr *c)
{
	int r = c->anchored ? tscbr_flush(c) : 0;

	if (r < 0)
		return r;
	c->discontinuous |= c->anchored;
	c->anchored = false;
	tsmux_discontinuity(c->mux);
	return 0;
}

int
tscbr_put(struct tscbr *c, struct tsmux_stream *s, const struct tsmux_unit *unit,
    bool section)
{
	int64_t dts = unit->dts != PES_NO_TIME ? unit->dts : unit->pts;
	struct tscbr_stream *to = find(c, s->pid);
	struct tscbr_unit *u;
	int r;

	dts = dts != PES_NO_TIME ? dts * 300 : c->last_dts;
	if (to == NULL)
		return -ENOSPC;
	if (c->anchored && llabs(dts - c->last_dts) > JUMP && (r = tscbr_break(c)) < 0)
		return r;
	if (!c->anchored)
		anchor(c, dts - c->delay);
	c->last_dts = dts > c->last_dts || llabs(dts - c->last_dts) > JUMP ? dts : c->last_dts;
	if ((r = run_until(c, dts - c->delay)) < 0)
		return r;
	tsmux_clear(c->mux);
	r = section ? tsmux_put_section(c->mux, s, unit->dts, unit->data, unit->len) :
	    tsmux_put(c->mux, s, unit);
	if (r < 0)
		return r;
	u = malloc(sizeof(*u) + c->mux->len);
	if (u == NULL)
		return -ENOMEM;
	*u = (struct tscbr_unit){
		.dts = dts, .len = c->mux->len, .tables = unit->ebp != NULL &&
		    unit->ebp->segment,
	};
	memcpy(u->data, c->mux->out, c->mux->len);
	tsmux_clear(c->mux);
	*to->tail = u;
	to->tail = &u->next;
	return 0;
}
