#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/content.h"
#include "transport/contentapart.h"
#include "transport/contentlist.h"
#include "transport/contentput.h"

#define DUE_MASK	(CONTENT_NODES - 1)
#define WAIT_LEAST	64		/* that a leg can have waiting, whatever others have */
#define SCARCE		(CONTENT_NODES / 16)	/* nodes: what is left of them */
#define ALONE_NS	INT64_C(200000000)

int
content_init(struct content *c, int64_t window_ns)
{
	*c = (struct content){ .window_ns = window_ns };
	c->node = calloc(CONTENT_NODES, sizeof(*c->node));
	c->due = calloc(CONTENT_NODES, sizeof(*c->due));
	c->due_id = calloc(CONTENT_NODES, sizeof(*c->due_id));
	c->bucket = calloc(CONTENT_BUCKETS, sizeof(*c->bucket));
	c->waiting = calloc(CONTENT_BUCKETS, sizeof(*c->waiting));
	c->sample = calloc(CONTENT_SAMPLES, sizeof(*c->sample));
	if (c->node == NULL || c->due == NULL || c->due_id == NULL || c->bucket == NULL ||
	    c->waiting == NULL || c->sample == NULL) {
		content_free(c);
		return -ENOMEM;
	}
	c->nfree = CONTENT_NODES - 1;
	return 0;
}

void
content_free(struct content *c)
{
	free(c->node);
	free(c->due);
	free(c->due_id);
	free(c->bucket);
	free(c->waiting);
	free(c->sample);
	*c = (struct content){ .window_ns = 0 };
}

static void
drop_waiting(struct content *c, struct content_leg *l, uint64_t *count)
{
	content_drop_oldest(c, l, l->nwait, count);
}

/* Those that never find their place must leave room for those that have. */
static void
make_room(struct content *c, struct content_leg *l)
{
	uint32_t most = WAIT_LEAST, legs = 0;

	if (l->nwait < WAIT_LEAST)
		return;
	for (unsigned i = 0; i < CONTENT_LEGS; i++)
		legs += c->leg[i].nwait > 0;
	if (c->nfree >= SCARCE / 2)
		most = CONTENT_NODES / 2 / legs;
	if (l->nwait >= most) {
		content_drop_oldest(c, l, l->nwait - most / 4 * 3, &l->astray);
		l->locked = false;
	}
}

static void
wait_for_place(struct content *c, unsigned leg, const uint8_t *p, uint64_t h, bool mute)
{
	uint32_t n;

	make_room(c, &c->leg[leg]);
	if ((n = content_node_new(c, leg, p, h, mute)) == 0)
		c->leg[leg].overflow++;
	else
		content_wait(c, n);
}

/*
 * The list has grown by what waits: a leg that is ahead is found by the others.  What of
 * it stands before the first that they have brought, they have lost.
 */
static void
resolve_waiting(struct content *c, struct content_leg *l)
{
	while (l->nwait > 0) {
		uint32_t w = l->wait_first, n;

		if (content_at_end(c, l)) {
			content_put_waiting(c, l, 0, 0);
			return;
		}
		if (l->hits == 0)
			return;
		while (!c->node[w].hit)
			w = c->node[w].next;
		n = content_find_sure(c, content_behind_place(c, l), c->node[w].hash);
		if (n == 0) {
			c->node[w].hit = false;
			l->hits--;
			continue;
		}
		content_put_waiting(c, l, w, n);
		content_put_first(c, l, n);
	}
}

/* Where a leg is has been found: from the packet on that waits and stands there. */
static void
lock(struct content *c, struct content_leg *l)
{
	uint32_t w = l->found, n = l->found_at, before = 0;

	l->found = 0;
	while (w != l->wait_first) {
		w = c->node[w].prev;
		before++;
	}
	content_drop_oldest(c, l, before, &l->astray);
	l->locked = true;
	l->told = false;
	l->apart_ns = 0;
	l->napart = l->alike = 0;
	content_put_first(c, l, n);
	for (w = l->wait_first; w != 0; w = c->node[w].next)
		if (!c->node[w].mute && !c->node[w].hit && content_find_sure(c,
		    content_behind_place(c, l), c->node[w].hash) != 0) {
			c->node[w].hit = true;
			l->hits++;
		}
	resolve_waiting(c, l);
}

static void
resolve_all(struct content *c)
{
	while (c->hit_legs != 0) {
		unsigned leg = (unsigned)__builtin_ctz(c->hit_legs);

		c->hit_legs &= (uint16_t)~(1u << leg);
		if (c->leg[leg].found != 0)
			lock(c, &c->leg[leg]);
		else if (c->leg[leg].locked)
			resolve_waiting(c, &c->leg[leg]);
	}
}

/* Of a leg whose place is not known: what is too old to be found. */
static void
forget_old(struct content *c, struct content_leg *l, int64_t before_ns, uint64_t *count)
{
	uint32_t n = 0, w = l->wait_first;

	for (; w != 0 && c->node[w].arrival_ns < before_ns; w = c->node[w].next)
		n++;
	content_drop_oldest(c, l, n, count);
}

/*
 * What waits for half of the window while no other leg has brought anything is the
 * end of the list; what waits for all of it has no place any more.
 */
static void
expire_waiting(struct content *c, struct content_leg *l)
{
	int64_t since;
	bool silent, late;

	resolve_waiting(c, l);
	if (l->nwait == 0)
		return;
	since = c->node[l->wait_first].arrival_ns;
	silent = c->flushing || (c->now_ns - since >= c->window_ns / 2 && c->grown_ns < since);
	late = c->now_ns - since > c->window_ns;
	if ((silent || late) && l->nmute == l->nwait) {
		drop_waiting(c, l, &l->nulls);
	} else if (silent) {
		if (c->tail != 0)
			content_set_place(c, l, c->tail);
		content_put_waiting(c, l, 0, 0);
	} else if (late) {
		forget_old(c, l, c->now_ns - c->window_ns, &l->late);
		l->locked = false;
	}
}

static void
expire(struct content *c, struct content_leg *l)
{
	if (l->nwait == 0)
		return;
	if (l->locked)
		expire_waiting(c, l);
	else
		forget_old(c, l, c->flushing ? INT64_MAX : c->now_ns - c->window_ns,
		    &l->astray);
}

static void
expire_all(struct content *c)
{
	for (unsigned i = 0; i < CONTENT_LEGS; i++)
		expire(c, &c->leg[i]);
	resolve_all(c);
}

/* Behind the place of a leg that is at the end of the list. */
static bool
add_packet(struct content *c, unsigned leg, const uint8_t *p, uint64_t h, bool mute)
{
	uint32_t n = content_node_new(c, leg, p, h, mute);

	if (n == 0) {
		c->leg[leg].overflow++;
		return false;
	}
	content_insert(c, n, c->tail);
	content_set_place(c, &c->leg[leg], n);
	return true;
}

/* It is as the list has it, or waits for what comes behind it. */
static void
follow_mute(struct content *c, unsigned leg, const uint8_t *p, uint64_t h)
{
	struct content_leg *l = &c->leg[leg];

	if (l->nwait == 0 && content_is_next(c, l, h)) {
		l->alike += l->alike < 4 * CONTENT_ALIKE;
		content_match(c, l, c->node[l->place].next);
	} else if (l->nwait == 0 && content_at_end(c, l)) {
		add_packet(c, leg, p, h, true);
	} else if (l->nwait > 0 || content_has_place(c, l)) {
		wait_for_place(c, leg, p, h, true);
	} else {
		l->nulls++;
	}
}

static void
follow(struct content *c, unsigned leg, const uint8_t *p, uint64_t h)
{
	struct content_leg *l = &c->leg[leg];
	uint32_t next = content_behind_place(c, l), n;

	for (n = next; n != 0 && c->node[n].mute;)
		n = c->node[n].next;
	/* What comes next is what it seems to be; else it is looked for. */
	if (n == 0 || c->node[n].hash != h || l->nwait > l->nmute || !content_has_place(c, l))
		n = content_find_sure(c, next, h);
	if (n == 0 && content_has_place(c, l) && l->place != c->tail)
		n = content_take_near(c, l, h);
	if (n != 0) {
		content_put_waiting(c, l, 0, n);
		content_match(c, l, n);
	} else if (l->nwait == 0 && content_at_end(c, l)) {
		add_packet(c, leg, p, h, false);
	} else {
		wait_for_place(c, leg, p, h, false);
	}
}

/* ---- a leg whose place is not known */

/* Are those in a row before node n what the leg has brought last? */
static bool
agrees(const struct content *c, const struct content_leg *l, uint32_t n)
{
	unsigned i = 0;

	for (; n != 0 && i < CONTENT_LOCK; n = c->node[n].prev) {
		if (c->node[n].mute)
			continue;
		if (c->node[n].hash != l->recent[i])
			return false;
		i++;
	}
	return i == CONTENT_LOCK;
}

/* There is nothing to compare it with: it is the stream, from what must be new on. */
static void
begin_alone(struct content *c, struct content_leg *l)
{
	int64_t apart = l->apart_ns > c->window_ns ? l->apart_ns : c->window_ns;
	uint32_t n = 0, w = l->wait_first;

	for (; w != 0 && (c->node[w].mute || c->node[w].hash != c->newest); w = c->node[w].next)
		n++;
	if (w != 0)
		content_drop_oldest(c, l, n + 1, &l->astray);
	else if (c->delivered > 0)
		forget_old(c, l, c->grown_ns + apart, &l->astray);
	l->locked = true;
	l->place = 0;
	if (c->tail != 0)
		content_set_place(c, l, c->tail);
	content_put_waiting(c, l, 0, 0);
}

/*
 * A leg behind the others has just brought what is in the list; what one that is ahead
 * has brought waits, until it comes into the list: see tell_waiting().
 */
static void
seek(struct content *c, unsigned leg, const uint8_t *p, uint64_t h, bool mute)
{
	struct content_leg *l = &c->leg[leg];
	int64_t alone = l->apart_ns > c->window_ns ? l->apart_ns + c->window_ns / 2 :
	    c->window_ns + ALONE_NS;
	bool silent = c->now_ns - c->grown_ns > alone;
	uint32_t n;

	if (mute && l->nwait == 0) {
		l->nulls++;
		return;
	}
	wait_for_place(c, leg, p, h, mute);
	if (mute)
		return;
	if (c->ids == 1 || (silent && c->head == 0)) {
		begin_alone(c, l);
		return;
	}
	if (l->nwait - l->nmute < CONTENT_LOCK || l->found != 0 || l->wait_last == 0 ||
	    c->node[l->wait_last].hash != h)
		return;
	for (n = content_find(c, c->head, h); n != 0; n = content_find_next(c, n))
		if (agrees(c, l, n)) {
			l->found = l->wait_last;
			l->found_at = n;
			c->hit_legs |= (uint16_t)(1u << leg);
			return;
		}
}

void
content_push(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    int64_t now_ns)
{
	struct content_leg *l = &c->leg[leg];
	uint64_t h = content_hash(p);
	bool mute = ((p[1] & 0x1f) << 8 | p[2]) == TS_PID_NULL || h == l->last;

	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
	l->received++;
	l->seen_ns = c->now_ns;
	l->last = h;
	if (!mute) {
		memmove(l->recent + 1, l->recent, sizeof(l->recent) - sizeof(l->recent[0]));
		l->recent[0] = h;
		content_compare(c, leg, p, h);
	}
	expire(c, l);
	if (!l->locked)
		seek(c, leg, p, h, mute);
	else if (mute)
		follow_mute(c, leg, p, h);
	else
		follow(c, leg, p, h);
	resolve_all(c);
}

/* ---- out */

static void
pass_due(struct content *c, int64_t now_ns)
{
	while (c->due_n > 0) {
		uint32_t n = c->due[c->due_first];
		bool there = c->node[n].id == c->due_id[c->due_first];

		c->hurry = there && !c->flushing &&
		    c->node[n].arrival_ns + c->window_ns > now_ns;
		if (c->hurry && c->nfree >= SCARCE)
			return;
		c->due_first = (c->due_first + 1) & DUE_MASK;
		c->due_n--;
		if (there) {
			c->upto = c->node[n].id;
			c->release_ns = c->hurry ? now_ns :
			    c->node[n].arrival_ns + c->window_ns;
			return;
		}
	}
}

const uint8_t *
content_pop(struct content *c, int64_t now_ns)
{
	uint32_t n;

	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
	if (c->upto == 0) {
		expire_all(c);
		pass_due(c, now_ns);
	}
	if (c->upto == 0 || (n = c->head) == 0)
		return NULL;
	if (c->node[n].id == c->upto)
		c->upto = 0;			/* that was the one */
	content_unlink(c, n);
	c->delivered++;
	c->hurried += c->hurry;
	c->from = c->node[n].leg;
	memcpy(c->out, c->node[n].data, TS_PACKET);
	content_node_free(c, n);
	return c->out;
}

int64_t
content_deadline(const struct content *c)
{
	int64_t first = INT64_MAX, at;
	uint32_t n;

	if (c->upto != 0)
		return INT64_MIN;
	for (unsigned i = 0; i < CONTENT_LEGS; i++) {
		const struct content_leg *l = &c->leg[i];

		if (l->nwait == 0 || !l->locked)
			continue;
		at = c->node[l->wait_first].arrival_ns;
		at += c->grown_ns < at ? c->window_ns / 2 : c->window_ns + 1;
		first = at < first ? at : first;
	}
	if (c->due_n == 0)
		return first;
	n = c->due[c->due_first];
	at = c->node[n].id == c->due_id[c->due_first] ? c->node[n].arrival_ns +
	    c->window_ns : INT64_MIN;
	return at < first ? at : first;
}

void
content_flush(struct content *c)
{
	c->flushing = true;
	expire_all(c);
}

void
content_forget_leg(struct content *c, unsigned leg)
{
	struct content_leg *l = &c->leg[leg];

	drop_waiting(c, l, &l->astray);
	for (uint32_t n = c->head; n != 0; n = c->node[n].next)
		c->node[n].legs &= (uint16_t)~(1u << leg);
	c->hit_legs &= (uint16_t)~(1u << leg);
	content_forget_samples(c, leg);
	*l = (struct content_leg){ .locked = false };
}

bool
content_ledger_ok(const struct content *c)
{
	for (unsigned i = 0; i < CONTENT_LEGS; i++) {
		const struct content_leg *l = &c->leg[i];

		if (l->received != l->first + l->other_leg + l->nulls + l->astray + l->late +
		    l->overflow + l->waiting || l->waiting != l->nwait)
			return false;
	}
	return true;
}
