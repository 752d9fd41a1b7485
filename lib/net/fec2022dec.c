/*
 * What is missing from a sum is found by two watches: a sum of which two packets are
 * missing watches both, and has nothing to do until one of them comes.  Then it looks
 * for another to watch, further on, since those before stay there as long as the sum
 * does; if there is none, the other watch is what it can give.  So a packet that comes
 * costs nothing but for the sums that wait for it, and a sum looks at each of its
 * packets once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022priv.h"
#include "lib/net/rtp.h"

#define NONE		UINT32_MAX
#define PROOF_EVERY	16		/* whole sums are added up with their data */
#define EARLY_NS	INT64_C(1000000000)

/* Node 2 * i + w is watch w of group i. */
static struct fec_group *
group_of(struct fec_dec *d, uint32_t node)
{
	return &d->group[node / 2];
}

/* ---- the lists of watches */

static void
watch(struct fec_dec *d, struct fec_group *g, unsigned w, uint64_t seq)
{
	struct fec_slot *s = fec_dec_slot(d, seq);
	uint32_t node = (uint32_t)(g - d->group) * 2 + w;

	g->watch[w] = seq;
	g->prev[w] = NONE;
	g->next[w] = s->watch;
	if (s->watch != NONE)
		group_of(d, s->watch)->prev[s->watch % 2] = node;
	s->watch = node;
}

static void
unwatch(struct fec_dec *d, struct fec_group *g, unsigned w)
{
	uint32_t next = g->next[w], prev = g->prev[w];

	if (g->watch[w] == 0)
		return;
	if (prev != NONE)
		group_of(d, prev)->next[prev % 2] = next;
	else
		fec_dec_slot(d, g->watch[w])->watch = next;
	if (next != NONE)
		group_of(d, next)->prev[next % 2] = prev;
	g->watch[w] = 0;
}

static void
drop_group(struct fec_dec *d, struct fec_group *g)
{
	unwatch(d, g, 0);
	unwatch(d, g, 1);
	d->store.drop(d->store.ctx, g->pkt);
	g->pkt = NULL;
	g->ready = false;
	d->free[d->nfree++] = (uint16_t)(g - d->group);
}

/* The window has left, or is to leave, one of its packets. */
static void
expire(struct fec_dec *d, struct fec_group *g)
{
	d->fec_unused++;
	drop_group(d, g);
}

static void
expire_all(struct fec_dec *d, unsigned leg)
{
	for (unsigned i = 0; i < d->ngroup; i++)
		if (d->group[i].pkt != NULL && d->group[i].leg == leg)
			expire(d, &d->group[i]);
}

/* ---- the window */

static void
empty(struct fec_dec *d, struct fec_slot *s)
{
	while (s->watch != NONE)
		expire(d, group_of(d, s->watch));
	if (s->pkt != NULL)
		d->store.drop(d->store.ctx, s->pkt);
	*s = (struct fec_slot){ .watch = NONE };
}

static void
advance(struct fec_dec *d, uint64_t end)
{
	if (end <= d->end)
		return;
	if (end - d->end >= d->nslot)
		for (unsigned i = 0; i < d->nslot; i++)
			empty(d, &d->slot[i]);
	else
		for (uint64_t seq = d->end; seq < end; seq++)
			empty(d, fec_dec_slot(d, seq));
	d->end = end;
}

/* ---- trust */

/* g lacks but one packet.  Ready, unless that may still come by itself. */
static void
make_ready(struct fec_dec *d, struct fec_group *g)
{
	if (g->ready || (g->watch[0] != 0 ? g->watch[0] : g->watch[1]) > d->ripe)
		return;
	g->ready = true;
	d->ready[d->nready++] = (uint16_t)(g - d->group);
}

/* What had but one packet missing, and was not trusted with it. */
static void
make_waiting_ready(struct fec_dec *d, unsigned leg)
{
	for (unsigned i = 0; i < d->ngroup; i++) {
		struct fec_group *g = &d->group[i];

		if (g->pkt != NULL && g->leg == leg &&
		    (g->watch[0] == 0 || g->watch[1] == 0))
			make_ready(d, g);
	}
}

/* Its sums cannot be told from good ones: let go of all, and begin again. */
static void
distrust(struct fec_dec *d, unsigned leg)
{
	bool known = d->leg[leg].suspect;

	d->leg[leg].need = FEC_DEC_PROOF;
	d->leg[leg].suspect = true;
	if (!known)			/* since then, none has been let in */
		expire_all(d, leg);
}

static void
judge(struct fec_dec *d, struct fec_group *g)
{
	unsigned leg = g->leg;
	struct fec_dec_leg *l = &d->leg[leg];
	bool good = fec_is_sum(d, g, l->need > 0 || ++d->proof % PROOF_EVERY == 0);

	drop_group(d, g);
	if (!good) {
		l->bad++;
		distrust(d, leg);
		return;
	}
	l->good++;
	if (l->need == 0 || --l->need > 0)
		return;
	if (!l->suspect)
		make_waiting_ready(d, leg);
	l->suspect = false;
}

/* ---- sums that lack a packet */

/* The next packet that is missing; 0: no other is. */
static uint64_t
next_missing(const struct fec_dec *d, struct fec_group *g)
{
	while (g->scanned < g->count) {
		uint64_t seq = fec_member(g, g->scanned++);

		if (fec_dec_slot(d, seq)->pkt == NULL)
			return seq;
	}
	return 0;
}

/* Watch w of g has come, or g is new: what it waits for now, or can give. */
static void
look_on(struct fec_dec *d, struct fec_group *g, unsigned w)
{
	uint64_t seq;

	if (g->base < fec_dec_start(d)) {
		expire(d, g);
		return;
	}
	seq = next_missing(d, g);
	if (seq != 0)
		watch(d, g, w, seq);
	else if (g->watch[!w] != 0)
		make_ready(d, g);
	else
		judge(d, g);
}

static void
fill(struct fec_dec *d, uint64_t seq, const struct fec_slot *with)
{
	struct fec_slot *s = fec_dec_slot(d, seq);
	uint32_t node = s->watch;

	*s = *with;
	s->watch = node;
	if (seq > d->newest)
		d->newest = seq;
	while ((node = s->watch) != NONE) {
		struct fec_group *g = group_of(d, node);

		unwatch(d, g, node % 2);
		look_on(d, g, node % 2);
	}
}

static void
recover(struct fec_dec *d, struct fec_group *g)
{
	unsigned leg = g->leg;
	uint64_t seq = g->watch[0] != 0 ? g->watch[0] : g->watch[1];
	struct fec_slot s = { .leg = g->leg, .how = g->row ? FEC_BY_ROW : FEC_BY_COLUMN,
	    .arrival_ns = d->now_ns };
	uint8_t *data;

	if (g->base < fec_dec_start(d)) {
		expire(d, g);
		return;
	}
	s.pkt = d->store.make(d->store.ctx, (size_t)g->len + RTP_HEADER, &data);
	if (s.pkt == NULL) {
		d->no_memory++;
		drop_group(d, g);
		return;
	}
	s.data = data;
	s.len = (uint16_t)fec_add_up(d, g, seq, data);
	if (s.len == 0 ||
	    (d->store.check != NULL && !d->store.check(d->store.ctx, data, s.len))) {
		d->implausible++;
		d->store.drop(d->store.ctx, s.pkt);
		drop_group(d, g);
		distrust(d, leg);
		return;
	}
	s.sum = fec_sum(data, s.len);
	d->leg[leg].by_row += g->row;
	d->leg[leg].by_column += !g->row;
	drop_group(d, g);
	fill(d, seq, &s);
}

/* To the fixpoint.  No group is made meanwhile, so those in the list stay what they are. */
static void
recover_all(struct fec_dec *d)
{
	while (d->nready > 0) {
		struct fec_group *g = &d->group[d->ready[--d->nready]];

		if (g->pkt == NULL || !g->ready)
			continue;
		g->ready = false;
		if (d->leg[g->leg].need == 0)
			recover(d, g);
	}
}

/* No packet up to seq is waited for any more. */
static void
ripen(struct fec_dec *d, uint64_t seq)
{
	uint64_t at = d->ripe + 1 > fec_dec_start(d) ? d->ripe + 1 : fec_dec_start(d);

	if (seq <= d->ripe)
		return;
	d->ripe = seq;
	for (; at <= seq && at < d->end; at++)
		for (uint32_t node = fec_dec_slot(d, at)->watch; node != NONE;
		    node = group_of(d, node)->next[node % 2])
			if (group_of(d, node)->watch[!(node % 2)] == 0)
				make_ready(d, group_of(d, node));
}

void
fec_dec_settle(struct fec_dec *d, uint64_t seq, int64_t now_ns)
{
	if (d->end == 0)
		return;
	d->now_ns = now_ns;
	ripen(d, seq);
	recover_all(d);
}

/* ---- what comes */

static void
take_fec(struct fec_dec *d, const struct fec_arrival *a, const struct fec_packet *f)
{
	struct fec_group *g;
	uint64_t base, last;

	d->now_ns = a->arrival_ns;
	base = d->newest + (uint64_t)(int64_t)(int16_t)(f->base - (uint16_t)d->newest);
	last = base + (uint64_t)(f->count - 1u) * f->offset;
	if (last > d->newest + d->nslot / 4 || last - base >= d->nslot / 4 * 3) {
		d->fec_beyond++;
		d->store.drop(d->store.ctx, a->pkt);
		return;
	}
	advance(d, last + 1);
	if (base < fec_dec_start(d)) {
		d->fec_late++;
		d->store.drop(d->store.ctx, a->pkt);
		return;
	}
	if (d->nfree == 0) {
		/* About the one that has waited longest; a search would cost too much. */
		d->fec_dropped++;
		drop_group(d, &d->group[d->hand++ % d->ngroup]);
	}
	g = &d->group[d->free[--d->nfree]];
	*g = (struct fec_group){ .pkt = a->pkt, .data = f->data, .len = (uint16_t)f->len,
	    .base = base, .sum = f->sum, .offset = f->offset, .count = f->count,
	    .leg = (uint8_t)a->leg, .row = f->row };
	base = next_missing(d, g);
	if (base != 0 && d->leg[a->leg].suspect) {
		expire(d, g);
		return;
	}
	if (base != 0)
		watch(d, g, 1, base);
	look_on(d, g, 0);
	recover_all(d);
}

static void
drop_early(struct fec_dec *d, const struct fec_arrival *a)
{
	d->fec_beyond++;
	d->store.drop(d->store.ctx, a->pkt);
}

static void
keep_early(struct fec_dec *d, const struct fec_arrival *a)
{
	if (d->nearly == FEC_DEC_EARLY) {
		drop_early(d, &d->early[0]);
		memmove(d->early, d->early + 1, --d->nearly * sizeof(d->early[0]));
	}
	d->early[d->nearly++] = *a;
}

static void
forget_early(struct fec_dec *d)
{
	for (unsigned i = 0; i < d->nearly; i++)
		drop_early(d, &d->early[i]);
	d->nearly = 0;
}

/* The first packet of the media has come: for FEC that came before it. */
static void
use_early(struct fec_dec *d, int64_t now_ns)
{
	struct fec_packet f;

	for (unsigned i = 0; i < d->nearly; i++) {
		const struct fec_arrival *a = &d->early[i];

		if (now_ns - a->arrival_ns <= EARLY_NS && fec_parse(a->data, a->len, &f) == 0)
			take_fec(d, a, &f);
		else
			drop_early(d, a);
	}
	d->nearly = 0;
	d->now_ns = now_ns;
}

enum fec_dec_result
fec_dec_media(struct fec_dec *d, uint64_t seq, const struct fec_arrival *a)
{
	struct fec_slot *s, new = { .pkt = a->pkt, .data = a->data, .len = (uint16_t)a->len,
	    .how = FEC_RECEIVED, .leg = (uint8_t)a->leg, .arrival_ns = a->arrival_ns };
	struct rtp_packet pkt;

	if (a->leg >= FEC_DEC_LEGS || seq <= d->nslot || a->len > UINT16_MAX ||
	    rtp_parse(a->data, a->len, &pkt) < 0 || pkt.seq != (uint16_t)seq) {
		d->refused++;
		d->store.drop(d->store.ctx, a->pkt);
		return FEC_DEC_REFUSED;
	}
	d->now_ns = a->arrival_ns;
	if (d->end == 0)
		d->end = seq + 1;
	advance(d, seq + 1);
	if (seq < fec_dec_start(d)) {
		d->late++;
		d->store.drop(d->store.ctx, a->pkt);
		return FEC_DEC_LATE;
	}
	s = fec_dec_slot(d, seq);
	new.legs = (uint16_t)(s->legs | 1 << a->leg);
	if (s->pkt == NULL) {
		d->received++;
		d->type = pkt.type;
		memcpy(d->ssrc, a->data + 8, 4);
		new.sum = fec_sum(a->data, a->len);
		fill(d, seq, &new);
		use_early(d, a->arrival_ns);
		ripen(d, d->newest - 1 - d->reorder);
		recover_all(d);
		return FEC_DEC_NEW;
	}
	s->legs = new.legs;
	d->duplicates++;
	d->unneeded += s->how != FEC_RECEIVED;
	/* The source may have another name on each leg. */
	if (s->len != a->len || s->sum != fec_sum(a->data, a->len) ||
	    memcmp(s->data + RTP_HEADER, a->data + RTP_HEADER, a->len - RTP_HEADER) != 0)
		d->mismatches++;
	d->store.drop(d->store.ctx, a->pkt);
	return FEC_DEC_DUPLICATE;
}

static void
learn(struct fec_dec_leg *l, const struct fec_packet *f)
{
	bool change = false;

	l->rows += f->row;
	l->columns += !f->row;
	if (f->row) {
		change = l->l != 0 && l->l != f->count;
		l->l = f->count;
	} else {
		change = l->d != 0 && (l->l != f->offset || l->d != f->count);
		l->l = f->offset;
		l->d = f->count;
	}
	l->changes += change;
}

int
fec_dec_fec(struct fec_dec *d, const struct fec_arrival *a)
{
	struct fec_packet f;
	int r = a->leg < FEC_DEC_LEGS && a->len <= UINT16_MAX ?
	    fec_parse(a->data, a->len, &f) : -EINVAL;

	if (r < 0) {
		d->store.drop(d->store.ctx, a->pkt);
		return r;
	}
	learn(&d->leg[a->leg], &f);
	if (d->newest == 0)
		keep_early(d, a);
	else
		take_fec(d, a, &f);
	return 0;
}

/* ---- life */

int
fec_dec_new(struct fec_dec **out, unsigned slots, unsigned reorder,
    const struct fec_store *store)
{
	struct fec_dec *d;

	if (slots < 64 || slots > 32768 || (slots & (slots - 1)) != 0 ||
	    reorder > slots / 4)
		return -EINVAL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return -ENOMEM;
	d->store = *store;
	d->reorder = reorder;
	d->nslot = d->ngroup = slots;
	d->slot = calloc(slots, sizeof(*d->slot) + sizeof(*d->group) + 2 * sizeof(*d->free));
	if (d->slot == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->group = (struct fec_group *)(d->slot + slots);
	d->free = (uint16_t *)(d->group + slots);
	d->ready = d->free + slots;
	for (unsigned i = 0; i < slots; i++) {
		d->slot[i].watch = NONE;
		d->free[d->nfree++] = (uint16_t)i;
	}
	fec_dec_reset(d);
	*out = d;
	return 0;
}

void
fec_dec_reset(struct fec_dec *d)
{
	for (unsigned i = 0; i < d->nslot; i++)
		empty(d, &d->slot[i]);
	for (unsigned i = 0; i < FEC_DEC_LEGS; i++) {
		/* What was sent for the old one can still come. */
		d->leg[i].suspect = d->end != 0;
		d->leg[i].need = d->leg[i].need > 1 ? d->leg[i].need : 1;
	}
	d->end = d->newest = d->ripe = 0;
}

void
fec_dec_forget_leg(struct fec_dec *d, unsigned leg)
{
	struct fec_dec_leg *l = &d->leg[leg];

	forget_early(d);
	expire_all(d, leg);
	l->l = l->d = 0;
	l->need = 1;
	l->suspect = false;
}

void
fec_dec_free(struct fec_dec *d)
{
	if (d == NULL)
		return;
	fec_dec_reset(d);
	forget_early(d);
	free(d->slot);
	free(d);
}

uint64_t
fec_dec_oldest(const struct fec_dec *d)
{
	return d->end == 0 ? 0 : fec_dec_start(d);
}

const struct fec_slot *
fec_dec_find(const struct fec_dec *d, uint64_t seq)
{
	return d->end == 0 || seq < fec_dec_start(d) || seq >= d->end ? NULL : fec_dec_slot(d, seq);
}
