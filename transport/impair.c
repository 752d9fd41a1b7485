/* The decisions of mconnect-impair; see impair.h. */
#include "transport/impair.h"

#define SECOND	INT64_C(1000000000)

/* What is drawn for a packet: each has a stream of random numbers of its own. */
enum draw { DRAW_STATE, DRAW_LOSS, DRAW_JITTER, DRAW_REORDER, DRAW_DUPLICATE,
	DRAW_COPY, DRAW_CORRUPT, DRAW_BIT };

/* splitmix64, by Vigna: a good hash of a counter. */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* 32 bits that nothing but seed, packet and draw decide. */
static uint64_t
draw(const struct impair *m, enum draw what)
{
	return mix(mix(m->seed ^ (uint64_t)what << 56) + m->n) >> 32;
}

static bool
chance(const struct impair *m, enum draw what, uint64_t of)
{
	return draw(m, what) < of;
}

void
impair_init(struct impair *m, const struct impair_spec *spec, uint64_t seed,
    int64_t start_ns)
{
	*m = (struct impair){
		.spec = *spec, .seed = mix(seed), .start_ns = start_ns,
		.free_ns = INT64_MIN, .last_ns = INT64_MIN,
	};
}

static bool
is_lost(struct impair *m)
{
	const struct impair_spec *s = &m->spec;

	if (chance(m, DRAW_STATE, m->bad ? s->mend : s->worsen))
		m->bad = !m->bad;
	return chance(m, DRAW_LOSS, m->bad ? s->loss_bad : s->loss_good);
}

static bool
is_out(const struct impair *m, int64_t now_ns)
{
	int64_t t = now_ns - m->start_ns;

	for (unsigned i = 0; i < m->spec.noutage; i++) {
		const struct impair_outage *o = &m->spec.outage[i];
		int64_t since = t - o->start_ns;

		if (since >= 0 && (o->every_ns > 0 ? since % o->every_ns : since) <
		    o->len_ns)
			return true;
	}
	return false;
}

/* When the line has sent it, or false when it would have to wait too long. */
static bool
take_line(struct impair *m, int64_t now_ns, size_t len, int64_t *sent_ns)
{
	const struct impair_spec *s = &m->spec;

	*sent_ns = now_ns;
	if (s->trace != NULL) {
		if (!impairtrace_take(s->trace, &m->at, now_ns - m->start_ns, len,
		    s->queue_ns, sent_ns))
			return false;
		*sent_ns += m->start_ns;
		return true;
	}
	if (s->rate == 0)
		return true;
	if (m->free_ns < now_ns)
		m->free_ns = now_ns;
	if (m->free_ns - now_ns > s->queue_ns)
		return false;
	m->free_ns += (int64_t)((__int128)len * 8 * SECOND / s->rate);
	*sent_ns = m->free_ns;
	return true;
}

static int64_t
delay(const struct impair *m, enum draw what)
{
	const struct impair_spec *s = &m->spec;
	int64_t d = s->delay_ns - s->jitter_ns +
	    (int64_t)((__int128)draw(m, what) * 2 * s->jitter_ns >> 32);

	return d > 0 ? d : 0;
}

static struct impair_verdict
pass(struct impair *m, int64_t sent_ns, size_t len)
{
	const struct impair_spec *s = &m->spec;
	struct impair_verdict v = { IMPAIR_PASS, 0, -1, -1 };

	v.due_ns = sent_ns + delay(m, DRAW_JITTER);
	if (!s->overtake && v.due_ns < m->last_ns)
		v.due_ns = m->last_ns;
	if (chance(m, DRAW_REORDER, s->reorder)) {
		v.due_ns += s->reorder_ns;
		m->reordered++;
	} else {
		m->last_ns = v.due_ns;
	}
	if (chance(m, DRAW_DUPLICATE, s->duplicate)) {
		v.copy_ns = sent_ns + delay(m, DRAW_COPY);
		if (v.copy_ns < v.due_ns)
			v.copy_ns = v.due_ns;
		m->duplicated++;
	}
	if (len > 0 && chance(m, DRAW_CORRUPT, s->corrupt)) {
		v.flip = (int64_t)(draw(m, DRAW_BIT) % (len * 8));
		m->corrupted++;
	}
	return v;
}

struct impair_verdict
impair_next(struct impair *m, int64_t now_ns, size_t len)
{
	struct impair_verdict v = { IMPAIR_PASS, 0, -1, -1 };
	bool lost = is_lost(m);
	int64_t sent_ns;

	if (is_out(m, now_ns))
		v.what = IMPAIR_OUTAGE;
	else if (lost)
		v.what = IMPAIR_LOSS;
	else if (!take_line(m, now_ns, len, &sent_ns))
		v.what = IMPAIR_QUEUE;
	else
		v = pass(m, sent_ns, len);
	m->count[v.what]++;
	m->n++;
	return v;
}

const char *
impair_word(enum impair_what what)
{
	static const char *const word[IMPAIR_WHATS] = {
		"pass", "loss", "outage", "queue",
	};

	return word[what];
}
