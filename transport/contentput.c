#include "transport/contentlist.h"
#include "transport/contentput.h"

#define NEAR		1024		/* for what is in the wrong place */
#define SAME		8		/* more that are as one that waits are not looked at */
#define FLOCK		7		/* packets that have been lost together */

/* Is the node that was a leg's place still in the list? */
bool
content_has_place(const struct content *c, const struct content_leg *l)
{
	return l->place != 0 && c->node[l->place].id == l->place_id;
}

void
content_set_place(struct content *c, struct content_leg *l, uint32_t n)
{
	l->place = n;
	l->place_id = c->node[n].id;
}

/* What comes behind the place of a leg: that has gone out, so the first there is. */
uint32_t
content_behind_place(const struct content *c, const struct content_leg *l)
{
	return content_has_place(c, l) ? c->node[l->place].next : c->head;
}

bool
content_at_end(const struct content *c, const struct content_leg *l)
{
	return c->tail == 0 || (content_has_place(c, l) && l->place == c->tail);
}

/* The same of those that wait up to w. */
static bool
agrees_waiting(const struct content *c, uint32_t w, uint32_t n)
{
	unsigned i = 0;

	while (n != 0 && w != 0 && i < CONTENT_LOCK) {
		if (c->node[n].mute) {
			n = c->node[n].prev;
		} else if (c->node[w].mute) {
			w = c->node[w].prev;
		} else if (c->node[n].hash != c->node[w].hash) {
			return false;
		} else {
			n = c->node[n].prev;
			w = c->node[w].prev;
			i++;
		}
	}
	return i == CONTENT_LOCK;
}

/* Node n has come into the list: does it wait in other legs? */
static void
tell_waiting(struct content *c, uint32_t n)
{
	uint32_t w = c->node[n].table ? 0 : content_find_waiting(c, c->node[n].hash);

	for (unsigned i = 0; i < SAME && w != 0; i++, w = content_find_next(c, w)) {
		struct content_leg *l = &c->leg[c->node[w].leg];

		if (!l->locked && l->found == 0 && agrees_waiting(c, w, n)) {
			l->found = w;
			l->found_at = n;
		} else if (l->locked && !c->node[w].hit &&
		    content_find_sure(c, content_behind_place(c, l), c->node[n].hash) == n) {
			c->node[w].hit = true;
			l->hits++;
		}
		if (l->found != 0 || l->hits > 0)
			c->hit_legs |= (uint16_t)(1u << c->node[w].leg);
	}
}

/* One that no leg has brought before. */
void
content_insert(struct content *c, uint32_t n, uint32_t behind)
{
	content_link(c, n, behind);
	c->grown_ns = c->now_ns;
	c->leg[c->node[n].leg].first++;
	c->due[(c->due_first + c->due_n) & (CONTENT_NODES - 1)] = n;
	c->due_id[(c->due_first + c->due_n++) & (CONTENT_NODES - 1)] = c->node[n].id;
	if (c->node[n].mute)
		return;
	if (n == c->tail)
		c->newest = c->node[n].hash;
	tell_waiting(c, n);
}

/* It is the packet of node n. */
void
content_match(struct content *c, struct content_leg *l, uint32_t n)
{
	l->other_leg++;
	c->node[n].legs |= (uint16_t)(1u << (l - c->leg));
	l->behind_ns += (c->now_ns - c->node[n].arrival_ns - l->behind_ns) / 16;
	content_set_place(c, l, n);
}

/* The first n that wait are given up. */
void
content_drop_oldest(struct content *c, struct content_leg *l, uint32_t n, uint64_t *count)
{
	*count += n;
	for (; n > 0; n--) {
		uint32_t w = l->wait_first;

		content_unwait(c, w);
		content_node_free(c, w);
	}
}

/* The first that waits is node n, which another leg has brought. */
void
content_put_first(struct content *c, struct content_leg *l, uint32_t n)
{
	uint32_t w = l->wait_first;

	content_match(c, l, n);
	content_unwait(c, w);
	content_node_free(c, w);
}

/*
 * Two legs that have lost one packet each leave it open which of them comes first: they
 * may stand the wrong way round.  A leg that has both knows: what it has not brought
 * before, and stands near its place, goes behind that.
 */
uint32_t
content_take_near(struct content *c, const struct content_leg *l, uint64_t h)
{
	uint16_t own = (uint16_t)(1u << (l - c->leg));
	uint32_t back = l->place, on = l->place;

	if (content_find(c, c->head, h) == 0)
		return 0;
	for (unsigned i = 0; content_has_place(c, l) && i < NEAR && (back != 0 || on != 0); i++) {
		uint32_t n = i % 2 == 0 ? back : on;

		if (n != 0 && c->node[n].hash == h && !c->node[n].mute && !c->node[n].table &&
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

/* The next behind node n that is not mute. */
static uint32_t
next_said(const struct content *c, uint32_t n)
{
	for (n = c->node[n].next; n != 0 && c->node[n].mute;)
		n = c->node[n].next;
	return n;
}

/* How many packets of their PID node b is behind node a, by their counters; 1 to 16. */
static unsigned
steps(const struct content *c, uint32_t a, uint32_t b)
{
	return ((unsigned)c->node[b].data[3] - c->node[a].data[3] - 1) % 16 + 1;
}

static bool
same_pid(const struct content *c, uint32_t a, uint32_t b)
{
	const uint8_t *p = c->node[a].data, *q = c->node[b].data;

	return ((p[1] ^ q[1]) & 0x1f) == 0 && p[2] == q[2] && (q[3] & 0x10) != 0;
}

/* Behind which node the counters of its PID put w, before end; 0: they do not say. */
static uint32_t
gap_for(const struct content *c, const struct content_leg *l, uint32_t w, uint32_t end)
{
	uint32_t before = l->place, n = c->node[l->place].next;

	if (!same_pid(c, w, w))
		return 0;
	for (unsigned i = 0; i < NEAR && before != 0 && !same_pid(c, w, before); i++)
		before = c->node[before].prev;
	for (unsigned i = 0; i < NEAR && n != end && n != 0; i++, n = c->node[n].next) {
		if (!same_pid(c, w, n))
			continue;
		if (before != 0 && steps(c, before, w) < steps(c, before, n))
			break;
		before = n;
	}
	if (before == 0 || (n == end && steps(c, before, w) > SAME))
		return 0;
	return c->node[before].order > c->node[l->place].order ? before :
	    n != end || steps(c, before, w) == 1 ? l->place : 0;
}

/*
 * A leg may have lost what the list has behind its place, and have what the others have
 * lost behind that: where w goes, or one of the next that wait, is where they go.
 */
static void
find_gap(struct content *c, struct content_leg *l, uint32_t w, uint32_t upto, uint32_t end)
{
	uint32_t place = 0;

	if (!content_has_place(c, l) || next_said(c, l->place) == end)
		return;
	for (unsigned i = 0; i < FLOCK && place == 0 && w != upto; w = c->node[w].next)
		if (!c->node[w].mute) {
			place = gap_for(c, l, w, end);
			i++;
		}
	if (place != 0)
		content_set_place(c, l, place);
}

/* The first n that wait are new: behind the leg's place, and before node end. */
static void
insert_first(struct content *c, struct content_leg *l, uint32_t n, uint32_t end)
{
	for (; n > 0; n--) {
		uint32_t w = l->wait_first;

		content_unwait(c, w);
		/* What was its place may have gone out long ago. */
		content_insert(c, w, content_has_place(c, l) ? l->place : end != 0 ? c->node[end].prev : 0);
		l->filled += end != 0;
		content_set_place(c, l, w);
	}
}

/* Is the first that waits a mute packet that the list has at the leg's place too? */
bool
content_is_next(const struct content *c, const struct content_leg *l, uint64_t h)
{
	uint32_t next = content_has_place(c, l) ? c->node[l->place].next : 0;

	return next != 0 && c->node[next].mute && c->node[next].hash == h;
}

/* The first n that wait, which are mute. */
static void
put_mute(struct content *c, struct content_leg *l, uint32_t n, uint32_t end)
{
	for (; n > 0; n--)
		if (content_is_next(c, l, c->node[l->wait_first].hash))
			content_put_first(c, l, c->node[l->place].next);
		else
			insert_first(c, l, 1, end);
}

/*
 * What waits up to w (0: all) goes into the list behind the leg's place, and before node
 * end (0: there is none): unless it is there already.  Mute packets go in with those
 * beside them that do.
 */
void
content_put_waiting(struct content *c, struct content_leg *l, uint32_t upto, uint32_t end)
{
	uint32_t w, n, mute = 0;
	bool only_mute = true, hole = end == 0;

	while ((w = mute == 0 ? l->wait_first : c->node[w].next) != upto) {
		if (c->node[w].mute) {
			if (mute == 0 && content_is_next(c, l, c->node[w].hash))
				content_put_first(c, l, c->node[l->place].next);
			else if (hole)
				insert_first(c, l, 1, end);
			else
				mute++;
			continue;
		}
		only_mute = false;
		n = end == 0 ? 0 : content_find(c, content_behind_place(c, l), c->node[w].hash);
		if (end != 0 && (n == 0 || c->node[n].order >= c->node[end].order))
			n = content_take_near(c, l, c->node[w].hash);
		hole = n == 0;
		if (hole) {
			if (end != 0)
				find_gap(c, l, w, upto, end);
			put_mute(c, l, mute, end);
			insert_first(c, l, 1, end);
		} else {
			content_drop_oldest(c, l, mute, &l->nulls);
			content_put_first(c, l, n);
		}
		mute = 0;
	}
	/* A leg that has had the same of them seems to have what is missing here. */
	if (mute > 0 && only_mute && l->alike >= CONTENT_ALIKE && content_has_place(c, l) &&
	    next_said(c, l->place) == end) {
		l->alike -= CONTENT_ALIKE;
		insert_first(c, l, mute, end);
	} else {
		content_drop_oldest(c, l, mute, &l->nulls);
	}
}
