#include <string.h>

#include "transport/contentlist.h"

#define ORDER_STEP		(INT64_C(1) << 40)	/* of order */
#define ORDER_MAX	(INT64_C(1) << 62)
#define SHARE		256		/* of what is left between two, for one more */

uint64_t
content_hash(const uint8_t p[static TS_PACKET])
{
	uint64_t h = 1, word;

	for (size_t i = 0; i + 8 <= TS_PACKET; i += 8) {
		memcpy(&word, p + i, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	memcpy(&word, p + TS_PACKET - 8, 8);
	return (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

/* PSI and SI, which are the same again after 16 times. */
bool
content_is_table(const uint8_t p[static TS_PACKET])
{
	size_t at = 4 + ((p[3] & 0x20) != 0 ? 1 + (size_t)p[4] : 0);

	return ((p[1] & 0x1f) == 0 && p[2] < 0x20) ||
	    ((p[1] & 0x40) != 0 && at + 2 <= TS_PACKET && p[at] == 0 && p[at + 1] == 0x02);
}

uint32_t
content_node_new(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    uint64_t h, bool mute)
{
	struct content_node *node;
	uint32_t n;

	if (c->nfree == 0)
		return 0;
	c->nfree--;
	n = c->free != 0 ? c->free : ++c->used;
	node = &c->node[n];
	if (n == c->free)
		c->free = node->next;
	node->hash = h;
	node->id = ++c->ids;
	node->arrival_ns = c->now_ns;
	node->next = node->prev = 0;
	node->leg = (uint8_t)leg;
	node->legs = (uint16_t)(1u << leg);
	node->mute = mute;
	node->hit = false;
	node->table = content_is_table(p);
	memcpy(node->data, p, TS_PACKET);
	return n;
}

void
content_node_free(struct content *c, uint32_t n)
{
	c->node[n].id = 0;
	c->node[n].next = c->free;
	c->free = n;
	c->nfree++;
}

/* ---- where they stand */

static void
renumber(struct content *c)
{
	int64_t order = 0;

	for (uint32_t n = c->head; n != 0; n = c->node[n].next)
		c->node[n].order = order += ORDER_STEP;
}

/* Between its neighbours; false: there is no number left. */
static bool
number_it(struct content *c, uint32_t n)
{
	struct content_node *node = &c->node[n];
	int64_t after = node->prev != 0 ? c->node[node->prev].order : 0, before;

	/* What is put in comes one behind the other: most is left for those to come. */
	before = node->next != 0 ? c->node[node->next].order : after + ORDER_STEP * SHARE;
	if (node->prev == 0 && node->next != 0)
		after = before - ORDER_STEP * SHARE;
	node->order = after + (before - after) / SHARE;
	return node->order > after && node->order < ORDER_MAX && node->order > -ORDER_MAX;
}

static struct content_bucket *
bucket_of(const struct content *c, uint64_t h)
{
	return &c->bucket[h & (CONTENT_BUCKETS - 1)];
}

static void
put_in_bucket(struct content *c, uint32_t n)
{
	struct content_node *node = &c->node[n];
	struct content_bucket *b = bucket_of(c, node->hash);
	uint32_t prev = b->last, next = 0;

	while (prev != 0 && c->node[prev].order > node->order) {
		next = prev;
		prev = c->node[prev].prev_like;
	}
	node->prev_like = prev;
	node->next_like = next;
	*(prev != 0 ? &c->node[prev].next_like : &b->first) = n;
	*(next != 0 ? &c->node[next].prev_like : &b->last) = n;
}

static void
take_from_bucket(struct content *c, uint32_t n)
{
	struct content_bucket *b = bucket_of(c, c->node[n].hash);
	uint32_t prev = c->node[n].prev_like, next = c->node[n].next_like;

	*(prev != 0 ? &c->node[prev].next_like : &b->first) = next;
	*(next != 0 ? &c->node[next].prev_like : &b->last) = prev;
}

void
content_link(struct content *c, uint32_t n, uint32_t behind)
{
	uint32_t next = behind != 0 ? c->node[behind].next : c->head;

	c->node[n].prev = behind;
	c->node[n].next = next;
	*(behind != 0 ? &c->node[behind].next : &c->head) = n;
	*(next != 0 ? &c->node[next].prev : &c->tail) = n;
	c->in_list++;
	if (!number_it(c, n))
		renumber(c);
	if (!c->node[n].mute)
		put_in_bucket(c, n);
}

void
content_unlink(struct content *c, uint32_t n)
{
	uint32_t next = c->node[n].next, prev = c->node[n].prev;

	*(prev != 0 ? &c->node[prev].next : &c->head) = next;
	*(next != 0 ? &c->node[next].prev : &c->tail) = prev;
	c->in_list--;
	if (!c->node[n].mute)
		take_from_bucket(c, n);
}

/* ---- what is where */

static uint32_t
like(const struct content *c, uint32_t n, uint64_t h)
{
	while (n != 0 && c->node[n].hash != h)
		n = c->node[n].next_like;
	return n;
}

static uint32_t
last_like(const struct content *c, uint32_t n, uint64_t h)
{
	while (n != 0 && c->node[n].hash != h)
		n = c->node[n].prev_like;
	return n;
}

uint32_t
content_find(const struct content *c, uint32_t from, uint64_t h)
{
	uint32_t n = from != 0 ? like(c, bucket_of(c, h)->first, h) : 0;

	while (n != 0 && c->node[n].order < c->node[from].order)
		n = content_find_next(c, n);
	return n;
}

uint32_t
content_find_next(const struct content *c, uint32_t n)
{
	return like(c, c->node[n].next_like, c->node[n].hash);
}

uint32_t
content_find_sure(const struct content *c, uint32_t from, uint64_t h)
{
	uint32_t n = from != 0 ? last_like(c, bucket_of(c, h)->last, h) : 0, before;

	if (n == 0 || c->node[n].table || c->node[n].order < c->node[from].order)
		return 0;
	before = last_like(c, c->node[n].prev_like, h);
	return before != 0 && c->node[before].order >= c->node[from].order ? 0 : n;
}

/* ---- what waits */

static struct content_bucket *
waiting_of(const struct content *c, uint64_t h)
{
	return &c->waiting[h & (CONTENT_BUCKETS - 1)];
}

void
content_wait(struct content *c, uint32_t n)
{
	struct content_node *node = &c->node[n];
	struct content_leg *l = &c->leg[node->leg];
	struct content_bucket *b = waiting_of(c, node->hash);

	node->next = 0;
	node->prev = l->wait_last;
	*(l->wait_last != 0 ? &c->node[l->wait_last].next : &l->wait_first) = n;
	l->wait_last = n;
	l->nwait++;
	l->waiting++;
	if (node->mute) {
		l->nmute++;
		return;
	}
	node->next_like = 0;
	node->prev_like = b->last;
	*(b->last != 0 ? &c->node[b->last].next_like : &b->first) = n;
	b->last = n;
}

void
content_unwait(struct content *c, uint32_t n)
{
	struct content_node *node = &c->node[n];
	struct content_leg *l = &c->leg[node->leg];
	struct content_bucket *b = waiting_of(c, node->hash);

	*(node->next != 0 ? &c->node[node->next].prev : &l->wait_last) = node->prev;
	*(node->prev != 0 ? &c->node[node->prev].next : &l->wait_first) = node->next;
	l->nwait--;
	l->waiting--;
	l->hits -= node->hit;
	node->hit = false;
	if (l->found == n)
		l->found = 0;
	if (node->mute) {
		l->nmute--;
		return;
	}
	*(node->next_like != 0 ? &c->node[node->next_like].prev_like : &b->last) =
	    node->prev_like;
	*(node->prev_like != 0 ? &c->node[node->prev_like].next_like : &b->first) =
	    node->next_like;
}

uint32_t
content_find_waiting(const struct content *c, uint64_t h)
{
	return like(c, waiting_of(c, h)->first, h);
}
