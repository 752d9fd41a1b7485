#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/content.h"
#include "transport/contentlist.h"

#define NODE_MASK		(CONTENT_NODES - 1)
#define NEAR			1024		/* for what is in the wrong place */
#define SEEK_MOST		(CONTENT_NODES / 2 / CONTENT_LEGS)
#define SEEK_LEAST		64
#define ALONE_NS	INT64_C(200000000)

int
content_init(struct content *c, int64_t window_ns)
{
	*c = (struct content){ .window_ns = window_ns };
	c->node = calloc(CONTENT_NODES, sizeof(*c->node));
	c->due = calloc(CONTENT_NODES, sizeof(*c->due));
	c->due_id = calloc(CONTENT_NODES, sizeof(*c->due_id));
	c->bucket = calloc(CONTENT_NODES, sizeof(*c->bucket));
	if (c->node == NULL || c->due == NULL || c->due_id == NULL || c->bucket == NULL) {
		content_free(c);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < CONTENT_LEGS; i++)
		if ((c->leg[i].wait = calloc(CONTENT_WAIT, sizeof(uint32_t))) == NULL) {
			content_free(c);
			return -ENOMEM;
		}
	for (uint32_t i = 1; i < CONTENT_NODES; i++)
		c->node[i].next = i + 1 < CONTENT_NODES ? i + 1 : 0;
	c->free = 1;
	return 0;
}

void
content_free(struct content *c)
{
	for (unsigned i = 0; i < CONTENT_LEGS; i++)
		free(c->leg[i].wait);
	free(c->node);
	free(c->due);
	free(c->due_id);
	free(c->bucket);
	*c = (struct content){ .window_ns = 0 };
}

/* ---- nodes and the list of them */

/* One that no leg has brought before. */
static void
insert(struct content *c, uint32_t n, uint32_t behind)
{
	content_link(c, n, behind);
	c->grown_ns = c->now_ns;
	c->leg[c->node[n].leg].first++;
	c->due[(c->due_first + c->due_n) & NODE_MASK] = n;
	c->due_id[(c->due_first + c->due_n++) & NODE_MASK] = c->node[n].id;
}

/* Is the node that was a leg's place still in the list? */
static bool
has_place(const struct content *c, const struct content_leg *l)
{
	return l->place != 0 && c->node[l->place].id == l->place_id;
}

static void
set_place(struct content *c, struct content_leg *l, uint32_t n)
{
	l->place = n;
	l->place_id = c->node[n].id;
}

/* What comes behind the place of a leg: that has gone out, so the first there is. */
static uint32_t
behind_place(const struct content *c, const struct content_leg *l)
{
	return has_place(c, l) ? c->node[l->place].next : c->head;
}

/* ---- a leg that is followed */

/* It is the packet of node n. */
static void
match(struct content *c, struct content_leg *l, uint32_t n)
{
	l->other_leg++;
	c->node[n].legs |= (uint16_t)(1u << (l - c->leg));
	l->behind_ns += (c->now_ns - c->node[n].arrival_ns - l->behind_ns) / 16;
	set_place(c, l, n);
}

/*
 * Two legs that have lost one packet each leave it open which of them comes first: they
 * may stand the wrong way round.  A leg that has both knows: what it has not brought
 * before, and stands near its place, goes behind that.
 */
static uint32_t
take_near(struct content *c, const struct content_leg *l, uint64_t h)
{
	uint16_t own = (uint16_t)(1u << (l - c->leg));
	uint32_t back = l->place, on = l->place;

	if (content_find(c, c->head, h) == 0)
		return 0;
	for (unsigned i = 0; has_place(c, l) && i < NEAR && (back != 0 || on != 0); i++) {
		uint32_t n = i % 2 == 0 ? back : on;

		if (n != 0 && c->node[n].hash == h && !c->node[n].null && !c->node[n].table &&
		    (c->node[n].legs & own) == 0) {
			content_unlink(c, n);
			content_link(c, n, l->place);
			return n;
		}
		back = i % 2 == 0 && n != 0 ? c->node[n].prev : back;
		on = i % 2 == 1 && n != 0 ? c->node[n].next : on;
	}
	return 0;
}

/*
 * All that waits goes into the list behind the leg's place, and before node end (0:
 * there is none): unless it is there already.
 */
static void
put_waiting(struct content *c, struct content_leg *l, uint32_t end)
{
	for (uint32_t i = 0; i < l->nwait; i++) {
		uint32_t w = l->wait[i], n = end == 0 ? 0 : content_find(c,
		    behind_place(c, l), c->node[w].hash);

		if (end != 0 && (n == 0 || c->node[n].order >= c->node[end].order))
			n = take_near(c, l, c->node[w].hash);
		if (n != 0) {
			match(c, l, n);
			content_node_free(c, w);
			continue;
		}
		/* What was its place may have gone out long ago. */
		insert(c, w, has_place(c, l) ? l->place : end != 0 ? c->node[end].prev : 0);
		l->filled += end != 0;
		set_place(c, l, w);
	}
	l->waiting -= l->nwait;
	l->nwait = 0;
}

static void
drop_oldest(struct content *c, struct content_leg *l, uint32_t n, uint64_t *count)
{
	for (uint32_t i = 0; i < n; i++)
		content_node_free(c, l->wait[i]);
	*count += n;
	l->waiting -= n;
	l->nwait -= n;
	memmove(l->wait, l->wait + n, l->nwait * sizeof(l->wait[0]));
}

static void
drop_waiting(struct content *c, struct content_leg *l, uint64_t *count)
{
	drop_oldest(c, l, l->nwait, count);
}

static bool
at_end(const struct content *c, const struct content_leg *l)
{
	return c->tail == 0 || (has_place(c, l) && l->place == c->tail);
}

static void
wait_for_place(struct content *c, unsigned leg, const uint8_t *p, uint64_t h)
{
	struct content_leg *l = &c->leg[leg];
	uint32_t n;

	if (l->nwait == CONTENT_WAIT) {
		drop_waiting(c, l, &l->astray);
		l->locked = false;
	}
	if ((n = content_node_new(c, leg, p, h)) == 0) {
		l->overflow++;
		return;
	}
	l->wait[l->nwait++] = n;
	l->waiting++;
}

/* The first that waits is node n, which another leg has brought. */
static void
put_first(struct content *c, struct content_leg *l, uint32_t n)
{
	match(c, l, n);
	content_node_free(c, l->wait[0]);
	l->waiting--;
	memmove(l->wait, l->wait + 1, --l->nwait * sizeof(l->wait[0]));
}

/*
 * The list may have grown by what waits: a leg that is ahead is found by the others.
 * What of it stands before the first that they have brought, they have lost.
 */
static void
resolve_waiting(struct content *c, struct content_leg *l)
{
	uint32_t i = 0, n = 0, left;

	if (l->nwait > 0 && at_end(c, l))
		put_waiting(c, l, 0);
	while (l->nwait > 0) {
		uint32_t behind = behind_place(c, l), all = l->nwait;

		for (i = 0; i < all; i++)
			if ((n = content_find_sure(c, behind, c->node[l->wait[i]].hash)) != 0)
				break;
		if (i == all)
			return;
		left = all - i - 1;
		l->nwait = i;
		put_waiting(c, l, n);
		match(c, l, n);
		content_node_free(c, l->wait[i]);
		l->waiting--;
		memmove(l->wait, l->wait + i + 1, left * sizeof(l->wait[0]));
		l->nwait = left;
	}
}

/*
 * What waits for half of the window while no other leg has brought anything is the
 * end of the list; what waits for all of it has no place any more.
 */
static void
expire_waiting(struct content *c, struct content_leg *l)
{
	int64_t since;

	resolve_waiting(c, l);
	if (l->nwait == 0)
		return;
	since = c->node[l->wait[0]].arrival_ns;
	if (c->flushing || (c->now_ns - since >= c->window_ns / 2 && c->grown_ns < since)) {
		if (c->tail != 0)
			set_place(c, l, c->tail);
		put_waiting(c, l, 0);
	} else if (c->now_ns - since > c->window_ns) {
		drop_waiting(c, l, &l->late);
		l->locked = false;
	}
}

/* Of a leg whose place is not known: what is too old to be found. */
static void
forget_old(struct content *c, struct content_leg *l, int64_t before_ns)
{
	uint32_t n = 0;

	while (n < l->nwait && c->node[l->wait[n]].arrival_ns < before_ns)
		n++;
	if (n > 0)
		drop_oldest(c, l, n, &l->astray);
}

static void
expire(struct content *c, struct content_leg *l)
{
	if (l->nwait == 0)
		return;
	if (l->locked)
		expire_waiting(c, l);
	else
		forget_old(c, l, c->flushing ? INT64_MAX : c->now_ns - c->window_ns);
}

static void
expire_all(struct content *c)
{
	for (unsigned i = 0; i < CONTENT_LEGS; i++)
		expire(c, &c->leg[i]);
}

static void
follow(struct content *c, unsigned leg, const uint8_t *p, uint64_t h, bool null)
{
	struct content_leg *l = &c->leg[leg];
	uint32_t next, n;

	next = behind_place(c, l);
	if (null) {
		/* The list's own, if it has one here; else only the leg ahead adds some. */
		if (l->nwait == 0 && next != 0 && c->node[next].null)
			match(c, l, next);
		else if (l->nwait == 0 && at_end(c, l) &&
		    (n = content_node_new(c, leg, p, h)) != 0) {
			insert(c, n, c->tail);
			set_place(c, l, n);
		} else
			l->nulls++;
		return;
	}
	for (n = next; n != 0 && c->node[n].null;)
		n = c->node[n].next;
	/* What comes next is what it seems to be; else it is looked for. */
	if (n == 0 || c->node[n].hash != h || l->nwait > 0 || !has_place(c, l))
		n = content_find_sure(c, next, h);
	if (n == 0 && has_place(c, l) && l->place != c->tail)
		n = take_near(c, l, h);
	if (n != 0) {
		put_waiting(c, l, n);
		match(c, l, n);
	} else if (l->nwait == 0 && at_end(c, l) &&
	    (n = content_node_new(c, leg, p, h)) != 0) {
		insert(c, n, c->tail);
		set_place(c, l, n);
	} else {
		wait_for_place(c, leg, p, h);
	}
}

/* ---- a leg whose place is not known */

/* Are those in a row before node n what the leg has brought last? */
static bool
agrees(const struct content *c, const struct content_leg *l, uint32_t n)
{
	unsigned i = 0;

	for (; n != 0 && i < CONTENT_LOCK; n = c->node[n].prev) {
		if (c->node[n].null)
			continue;
		if (c->node[n].hash != l->recent[i])
			return false;
		i++;
	}
	return i == CONTENT_LOCK;
}

/* The same of those that wait, of which the last is number last. */
static bool
agrees_waiting(const struct content *c, const struct content_leg *l, uint32_t last, uint32_t n)
{
	unsigned i = 0;

	for (; n != 0 && i < CONTENT_LOCK; n = c->node[n].prev) {
		if (c->node[n].null)
			continue;
		if (c->node[n].hash != c->node[l->wait[last - i]].hash)
			return false;
		i++;
	}
	return i == CONTENT_LOCK;
}

/* Many that never find their place must leave room for those that have. */
static void
make_room(struct content *c, struct content_leg *l)
{
	uint32_t most = c->in_list < CONTENT_NODES / 2 ? SEEK_MOST : SEEK_LEAST;

	if (l->nwait >= most)
		drop_oldest(c, l, l->nwait - most / 4 * 3, &l->astray);
}

/* There is nothing to compare it with: it is the stream, from what must be new on. */
static void
begin_alone(struct content *c, struct content_leg *l)
{
	if (c->delivered > 0)
		forget_old(c, l, c->grown_ns + c->window_ns);
	l->locked = true;
	l->place = 0;
	if (c->tail != 0)
		set_place(c, l, c->tail);
	put_waiting(c, l, 0);
}

/*
 * A leg behind the others has just brought what is in the list; one that is ahead has
 * brought it before, and waits.  Of that, one place each time is looked for.
 */
static void
seek(struct content *c, unsigned leg, const uint8_t *p, uint64_t h, bool null)
{
	struct content_leg *l = &c->leg[leg];
	bool silent = c->now_ns - c->grown_ns > c->window_ns + ALONE_NS;
	uint32_t n, last;

	if (null) {
		l->nulls++;
		return;
	}
	make_room(c, l);
	wait_for_place(c, leg, p, h);
	if (c->ids == 1 || (silent && c->head == 0)) {
		begin_alone(c, l);
		return;
	}
	if (l->nwait < CONTENT_LOCK)
		return;
	for (n = content_find(c, c->head, h); n != 0; n = content_find_next(c, n))
		if (agrees(c, l, n)) {
			drop_oldest(c, l, l->nwait - 1, &l->astray);
			l->locked = true;
			put_first(c, l, n);
			return;
		}
	last = l->probe % (l->nwait - CONTENT_LOCK + 1) + CONTENT_LOCK - 1;
	l->probe += CONTENT_LOCK;
	n = content_find(c, c->head, c->node[l->wait[last]].hash);
	if (n != 0 && agrees_waiting(c, l, last, n)) {
		drop_oldest(c, l, last, &l->astray);
		l->locked = true;
		put_first(c, l, n);
		resolve_waiting(c, l);
	}
}

void
content_push(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    int64_t now_ns)
{
	struct content_leg *l = &c->leg[leg];
	bool null = ((p[1] & 0x1f) << 8 | p[2]) == TS_PID_NULL;
	uint64_t h = content_hash(p);

	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
	l->received++;
	l->seen_ns = c->now_ns;
	if (!null) {
		memmove(l->recent + 1, l->recent, sizeof(l->recent) - sizeof(l->recent[0]));
		l->recent[0] = h;
	}
	expire(c, l);
	if (l->locked)
		follow(c, leg, p, h, null);
	else
		seek(c, leg, p, h, null);
}

/* ---- out */

static void
pass_due(struct content *c, int64_t now_ns)
{
	while (c->due_n > 0) {
		uint32_t n = c->due[c->due_first];
		bool there = c->node[n].id == c->due_id[c->due_first];

		if (there && !c->flushing && c->node[n].arrival_ns + c->window_ns > now_ns)
			return;
		c->due_first = (c->due_first + 1) & NODE_MASK;
		c->due_n--;
		if (there) {
			c->upto = c->node[n].id;
			c->release_ns = c->node[n].arrival_ns + c->window_ns;
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
		at = c->node[l->wait[0]].arrival_ns;
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
	for (uint32_t i = 0; i < CONTENT_NODES; i++)
		c->node[i].legs &= (uint16_t)~(1u << leg);
	*l = (struct content_leg){ .wait = l->wait };
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
