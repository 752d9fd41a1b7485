#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/merge.h"

#define MASK		(MERGE_SLOTS - 1)
#define STRAGGLERS	(MERGE_AHEAD / MERGE_EPOCHS)	/* numbers for the end of a stream */
#define QUIET_NS	INT64_C(100000000)
#define TIMESTAMP_HZ	90000

int
merge_init(struct merge *m, int64_t window_ns, bool at_once)
{
	*m = (struct merge){ .window_ns = window_ns, .at_once = at_once, .nleg = 1 };
	m->slot = calloc(MERGE_SLOTS, sizeof(*m->slot));
	m->due = calloc(MERGE_SLOTS, sizeof(*m->due));
	if (m->slot == NULL || m->due == NULL) {
		merge_free(m);
		return -ENOMEM;
	}
	return 0;
}

void
merge_free(struct merge *m)
{
	for (unsigned i = 0; i < MERGE_LEGS; i++)
		if (m->leg[i].candidate != NULL)
			packet_unref(m->leg[i].candidate);
	for (unsigned i = 0; m->slot != NULL && i < MERGE_SLOTS; i++)
		if (m->slot[i].pkt != NULL)
			packet_unref(m->slot[i].pkt);
	free(m->slot);
	free(m->due);
	m->slot = NULL;
	m->due = NULL;
}

/* Copies of one packet have the same; that is all it is for. */
static uint32_t
hash(const struct packet *p)
{
	uint64_t h = p->len, word;
	size_t i = 0;

	for (; i + 8 <= p->len; i += 8) {
		memcpy(&word, p->data + i, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (; i < p->len; i++)
		h = (h ^ p->data[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

/* ---- whose turn it is */

static void
put_due(struct merge *m, uint64_t number, int64_t due_ns)
{
	if (m->due_n == MERGE_SLOTS) {		/* cannot wait any longer */
		uint64_t first = m->due[m->due_first].number + 1;

		m->upto = first > m->upto ? first : m->upto;
		m->due_first = (m->due_first + 1) & MASK;
		m->due_n--;
	}
	m->due[(m->due_first + m->due_n++) & MASK] =
	    (struct merge_due){ number, due_ns };
}

/* Move upto by what is due; release_ns is the time by which it was. */
static void
come_due(struct merge *m, int64_t now_ns)
{
	while (m->due_n > 0) {
		const struct merge_due *d = &m->due[m->due_first];

		if (d->number >= m->upto && d->number >= m->next) {
			if (d->due_ns > now_ns)
				break;
			m->upto = d->number + 1;
			m->release_ns = d->due_ns;
		}
		m->due_first = (m->due_first + 1) & MASK;
		m->due_n--;
	}
}

/* Numbers between the end of one stream and the beginning of the next are no loss. */
static bool
is_between(const struct merge *m, uint64_t number)
{
	if (number > m->before.newest && number < m->now.base)
		return true;
	for (unsigned i = 0; i < MERGE_EPOCHS; i++)
		if (number > m->hole[i].end && number < m->hole[i].base)
			return true;
	return false;
}

static bool
is_first(const struct merge *m, uint64_t number)
{
	if (m->restarts > 0 && number == m->now.base)
		return true;
	for (unsigned i = 0; i < MERGE_EPOCHS; i++)
		if (m->restarts > 1 && number == m->hole[i].base)
			return true;
	return false;
}

static bool
is_there(const struct merge *m, uint64_t number)
{
	const struct merge_slot *s = &m->slot[number & MASK];

	return s->pkt != NULL && s->number == number;
}

/* One that is missing is put in its place, if it can be had. */
static bool
repair(struct merge *m, uint64_t number)
{
	struct merge_slot *s = &m->slot[number & MASK];
	enum merge_how how;
	struct packet *pkt;
	unsigned leg;

	if (m->repair.find == NULL || number < m->now.base || number > m->now.newest ||
	    (pkt = m->repair.find(m->repair.ctx, number, &leg, &how)) == NULL)
		return false;
	*s = (struct merge_slot){ .pkt = pkt, .arrival_ns = m->now_ns, .number = number,
	    .first = (uint8_t)leg, .how = (uint8_t)how };
	return true;
}

static struct packet *
hand_out(struct merge *m, struct merge_slot *s)
{
	struct packet *p = s->pkt;

	s->pkt = NULL;
	s->delivered = true;
	m->from = s->first;
	m->repaired = s->how != MERGE_CAME;
	m->leg[s->first].held -= !m->repaired;
	m->leg[s->first].delivered += !m->repaired;
	m->leg[s->first].by_row += s->how == MERGE_BY_ROW;
	m->leg[s->first].by_column += s->how == MERGE_BY_COLUMN;
	m->delivered++;
	m->restarted = is_first(m, m->next);
	m->released = true;
	m->next++;
	return p;
}

struct packet *
merge_pop(struct merge *m, int64_t now_ns)
{
	struct merge_slot *s;

	m->gap = 0;
	if (!m->started)
		return NULL;
	if (m->next >= m->upto)
		come_due(m, now_ns);
	for (;;) {
		bool may = m->next < m->upto, there = is_there(m, m->next);

		if (!there && (may || m->at_once))
			there = repair(m, m->next);
		if (!may && !(m->at_once && there))
			return NULL;
		s = &m->slot[m->next & MASK];
		if (there) {
			if (m->next >= m->upto)
				m->release_ns = s->arrival_ns;
			return hand_out(m, s);
		}
		if (!is_between(m, m->next)) {
			m->lost++;
			m->gap++;
		}
		m->next++;
	}
}

int64_t
merge_deadline(const struct merge *m)
{
	/* What is before it has gone; there are few of those, see come_due(). */
	for (unsigned i = 0; i < m->due_n; i++) {
		const struct merge_due *d = &m->due[(m->due_first + i) & MASK];

		if (d->number >= m->next)
			return d->number < m->upto ? INT64_MIN : d->due_ns;
	}
	return INT64_MAX;
}

void
merge_flush(struct merge *m)
{
	if (!m->started)
		return;
	m->upto = m->now.newest + 1;
	m->release_ns = m->now_ns;
}

/* ---- what comes */

/* A new number: there is no other copy of it. */
static void
hold(struct merge *m, unsigned leg, struct packet *pkt, uint64_t number)
{
	struct merge_slot *s = &m->slot[number & MASK];
	struct merge_leg *l = &m->leg[leg];

	*s = (struct merge_slot){ .pkt = pkt, .arrival_ns = m->now_ns, .number = number,
	    .hash = m->nleg > 1 ? hash(pkt) : 0, .legs = (uint16_t)(1u << leg),
	    .first = (uint8_t)leg };
	l->held++;
	l->reordered += number < l->newest;
	m->new_ns = m->now_ns;
	put_due(m, number, m->now_ns + m->window_ns);
}

/* A number that was there before. */
static void
copy(struct merge *m, unsigned leg, struct packet *pkt, struct merge_slot *s)
{
	struct merge_leg *l = &m->leg[leg];

	if ((s->legs >> leg & 1) != 0) {
		l->duplicate++;
	} else if (s->how != MERGE_CAME || (s->pkt == NULL && !s->delivered)) {
		l->late++;
	} else {
		l->other_leg++;
		l->mismatch += s->hash != hash(pkt);
		l->behind_ns += (m->now_ns - s->arrival_ns - l->behind_ns) / 16;
	}
	s->legs |= (uint16_t)(1u << leg);
	packet_unref(pkt);
}

/* Is the stream of now silent? */
static bool
quiet(const struct merge *m)
{
	return m->now_ns - m->new_ns > m->window_ns + QUIET_NS;
}

static void sort_in(struct merge *m, unsigned leg, struct packet *pkt, uint64_t number);

/*
 * Is it what was silent, after an outage that was long for its numbers?  By its timestamps
 * it has gone on meanwhile.
 */
static bool
has_gone_on(const struct merge *m, const struct packet *pkt, uint64_t *number)
{
	int64_t silent = m->now_ns - m->new_ns, told;
	uint16_t off = (uint16_t)(pkt->seq - m->now.newest_seq);

	told = (int64_t)(uint32_t)(pkt->timestamp - m->now.newest_timestamp) *
	    (INT64_C(1000000000) / 1000) / (TIMESTAMP_HZ / 1000);
	*number = m->now.newest + off;
	return pkt->ssrc == m->now.ssrc && quiet(m) && off < MERGE_AHEAD / 2 &&
	    *number - m->next < MERGE_AHEAD / 2 && told > silent / 4 * 3 &&
	    told < silent / 4 * 5;
}

/* The next two of it: the leg has the first aside. */
static bool
resume(struct merge *m, unsigned leg, struct packet *pkt)
{
	struct merge_leg *l = &m->leg[leg];
	struct packet *first = l->candidate;
	uint64_t number;

	if (!has_gone_on(m, first, &number))
		return false;
	l->candidate = NULL;
	l->aside = 0;
	sort_in(m, leg, first, number);
	sort_in(m, leg, pkt, number + 1);
	return true;
}

/* A new stream, of which the leg has the first packet aside.  False: not yet. */
static bool
restart(struct merge *m, unsigned leg, struct packet *pkt)
{
	struct merge_leg *l = &m->leg[leg];
	struct packet *first = l->candidate;

	if (m->now.newest + STRAGGLERS + 1 - m->next >= MERGE_AHEAD)
		return false;			/* too many in one window */
	/* Of the old stream, what can be repaired can be now. */
	for (uint64_t n = m->next; m->repair.find != NULL && n <= m->now.newest; n++)
		if (!is_there(m, n))
			repair(m, n);
	l->candidate = NULL;
	l->aside = 0;
	if (m->restarts > 0)
		m->hole[m->restarts % MERGE_EPOCHS] = (struct merge_hole){ m->before.newest,
		    m->now.base };
	m->before = m->now;
	m->now = (struct merge_epoch){ .id = m->before.id + 1, .ssrc = pkt->ssrc,
	    .base = m->before.newest + STRAGGLERS, .newest_seq = first->seq,
	    .newest_timestamp = first->timestamp };
	m->now.newest = m->now.base;
	m->restarts++;
	if (m->at_once)				/* no one else has more of the old one */
		m->upto = m->now.base;
	m->release_ns = m->now_ns;
	sort_in(m, leg, first, m->now.base);
	sort_in(m, leg, pkt, m->now.base + 1);
	return true;
}

/* Far off, or of another stream: believed when a second one follows it. */
static void
doubt(struct merge *m, unsigned leg, struct packet *pkt)
{
	struct merge_leg *l = &m->leg[leg];

	if (l->candidate != NULL && l->candidate->ssrc == pkt->ssrc &&
	    (uint16_t)(l->candidate->seq + 1) == pkt->seq &&
	    (l->epoch == m->now.id || quiet(m)) &&
	    (resume(m, leg, pkt) || restart(m, leg, pkt)))
		return;
	if (l->candidate != NULL) {
		l->astray++;
		packet_unref(l->candidate);
	}
	l->candidate = pkt;
	l->aside = 1;
}

static void
forget_candidate(struct merge_leg *l)
{
	if (l->candidate == NULL)
		return;
	packet_unref(l->candidate);
	l->candidate = NULL;
	l->astray++;
	l->aside = 0;
}

static void
show(struct merge *m, unsigned leg, struct packet *pkt, uint64_t number)
{
	if (m->repair.seen != NULL)
		m->repair.seen(m->repair.ctx, leg, number, pkt);
}

/* A packet of the streams that are known. */
static void
sort_in(struct merge *m, unsigned leg, struct packet *pkt, uint64_t number)
{
	struct merge_leg *l = &m->leg[leg];
	struct merge_slot *s = &m->slot[number & MASK];
	bool current = number >= m->now.base;
	uint32_t timestamp = pkt->timestamp;

	if (number < m->next && !m->released)	/* nothing has gone out yet */
		m->next = m->upto = number;
	if (s->number == number) {
		copy(m, leg, pkt, s);
	} else if (number < m->next) {
		l->late++;
		*s = (struct merge_slot){ .number = number, .legs = (uint16_t)(1u << leg) };
		show(m, leg, pkt, number);	/* others can be repaired with it */
		packet_unref(pkt);
	} else if (number - m->next >= MERGE_AHEAD) {
		l->overflow++;
		packet_unref(pkt);
		return;
	} else {
		hold(m, leg, pkt, number);
		show(m, leg, pkt, number);
	}
	l->seen_ns = m->now_ns;
	l->newest = number > l->newest ? number : l->newest;
	if (!current)
		return;
	l->epoch = m->now.id;
	if (number > m->now.newest) {
		m->now.newest_seq = (uint16_t)(m->now.newest_seq + (number - m->now.newest));
		m->now.newest_timestamp = timestamp;
		m->now.newest = number;
	}
}

/* The number of a packet in a stream: false, it is too far from it. */
static bool
find_number(const struct merge_epoch *e, const struct packet *pkt, uint64_t *number)
{
	int16_t off = (int16_t)(pkt->seq - e->newest_seq);

	*number = e->newest + (uint64_t)(int64_t)off;
	return e->id != 0 && pkt->ssrc == e->ssrc && off <= MERGE_DROPOUT &&
	    off > -(MERGE_AHEAD - MERGE_DROPOUT);
}

void
merge_push(struct merge *m, unsigned leg, struct packet *pkt, int64_t now_ns)
{
	struct merge_leg *l = &m->leg[leg];
	uint64_t number;

	if (now_ns > m->now_ns)
		m->now_ns = now_ns;
	l->received++;
	if (!m->started) {
		m->started = true;
		m->now = (struct merge_epoch){ .id = 1, .ssrc = pkt->ssrc,
		    .newest_seq = pkt->seq, .newest_timestamp = pkt->timestamp };
		m->next = m->upto = m->now.newest = UINT64_C(1) << 40;
		m->now.base = m->now.newest - MERGE_AHEAD;	/* others may be behind */
		m->before.newest = m->now.base;
		m->new_ns = m->now_ns;
	}
	if (find_number(&m->now, pkt, &number) && number >= m->now.base) {
		bool behind = number < m->next && m->released;

		/* In a stream that is silent, numbers from the past are a new one. */
		if (!behind || !(quiet(m) ||
		    (m->at_once && m->next - number > MERGE_DROPOUT))) {
			forget_candidate(l);
			sort_in(m, leg, pkt, number);
			return;
		}
	} else if (find_number(&m->before, pkt, &number) && number < m->now.base &&
	    number >= m->next && l->epoch < m->now.id) {
		forget_candidate(l);
		sort_in(m, leg, pkt, number);
		m->before.newest_seq = number > m->before.newest ? pkt->seq :
		    m->before.newest_seq;
		m->before.newest = number > m->before.newest ? number : m->before.newest;
		return;
	}
	doubt(m, leg, pkt);
}

void
merge_forget_leg(struct merge *m, unsigned leg)
{
	struct merge_leg *l = &m->leg[leg];

	forget_candidate(l);
	for (unsigned i = 0; i < MERGE_SLOTS; i++)
		m->slot[i].legs &= (uint16_t)~(1u << leg);
	if (l->held == 0) {			/* its counts go with it */
		m->delivered -= l->delivered + l->by_row + l->by_column;
		*l = (struct merge_leg){ .received = 0 };
	}
}

bool
merge_ledger_ok(const struct merge *m)
{
	uint64_t delivered = 0;

	for (unsigned i = 0; i < MERGE_LEGS; i++) {
		const struct merge_leg *l = &m->leg[i];

		if (l->received != l->delivered + l->held + l->other_leg + l->duplicate +
		    l->late + l->astray + l->overflow + l->aside)
			return false;
		delivered += l->delivered + l->by_row + l->by_column;
	}
	return delivered == m->delivered;
}
