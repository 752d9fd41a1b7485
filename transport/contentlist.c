#include <string.h>

#include "transport/contentlist.h"

#define SEARCH		8192		/* nodes that are looked through */

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
static bool
is_table(const uint8_t *p)
{
	size_t at = 4 + ((p[3] & 0x20) != 0 ? 1 + (size_t)p[4] : 0);

	return ((p[1] & 0x1f) == 0 && p[2] < 0x20) ||
	    ((p[1] & 0x40) != 0 && at + 2 <= TS_PACKET && p[at] == 0 && p[at + 1] == 0x02);
}

uint32_t
content_node_new(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    uint64_t h)
{
	uint32_t n = c->free;
	struct content_node *node = &c->node[n];

	if (n == 0)
		return 0;
	c->free = node->next;
	node->hash = h;
	node->id = ++c->ids;
	node->arrival_ns = c->now_ns;
	node->next = node->prev = 0;
	node->leg = (uint8_t)leg;
	node->legs = (uint16_t)(1u << leg);
	node->null = ((p[1] & 0x1f) << 8 | p[2]) == TS_PID_NULL;
	node->table = is_table(p);
	memcpy(node->data, p, TS_PACKET);
	return n;
}

void
content_node_free(struct content *c, uint32_t n)
{
	c->node[n].id = 0;
	c->node[n].next = c->free;
	c->free = n;
}

void
content_link(struct content *c, uint32_t n, uint32_t behind)
{
	uint32_t next = behind != 0 ? c->node[behind].next : c->head;

	c->node[n].prev = behind;
	c->node[n].next = next;
	if (behind != 0)
		c->node[behind].next = n;
	else
		c->head = n;
	if (next != 0)
		c->node[next].prev = n;
	else
		c->tail = n;
	c->in_list++;
}

void
content_unlink(struct content *c, uint32_t n)
{
	uint32_t next = c->node[n].next, prev = c->node[n].prev;

	if (prev != 0)
		c->node[prev].next = next;
	else
		c->head = next;
	if (next != 0)
		c->node[next].prev = prev;
	else
		c->tail = prev;
	c->in_list--;
}

uint32_t
content_find(const struct content *c, uint32_t from, uint64_t h)
{
	for (unsigned i = 0; from != 0 && i < SEARCH; i++, from = c->node[from].next)
		if (c->node[from].hash == h && !c->node[from].null)
			return from;
	return 0;
}

uint32_t
content_find_sure(const struct content *c, uint32_t from, uint64_t h)
{
	uint32_t n = content_find(c, from, h);

	return n == 0 || c->node[n].table || content_find(c, c->node[n].next, h) != 0 ? 0 : n;
}
