#include <stdlib.h>
#include <string.h>

#include "lib/leg/packet.h"
#include "lib/media/ts.h"

#define SLAB	64

struct packet_slab {
	struct packet_slab *next;
	_Alignas(16) uint8_t store[];
};

void
packet_pool_init(struct packet_pool *pool, size_t limit)
{
	*pool = (struct packet_pool){ .limit = limit };
}

void
packet_pool_free(struct packet_pool *pool)
{
	while (pool->slab != NULL) {
		struct packet_slab *s = pool->slab;

		pool->slab = s->next;
		free(s);
	}
	pool->free = NULL;
}

/* More packets of the usual size. */
static bool
grow(struct packet_pool *pool)
{
	size_t one = (sizeof(struct packet) + PACKET_HEAD + PACKET_ROOM + 15) & ~(size_t)15;
	struct packet_slab *s = malloc(sizeof(*s) + SLAB * one);

	if (s == NULL)
		return false;
	s->next = pool->slab;
	pool->slab = s;
	for (size_t i = 0; i < SLAB; i++) {
		struct packet *p = (struct packet *)(void *)(s->store + i * one);

		p->room = PACKET_ROOM;
		p->next = pool->free;
		pool->free = p;
	}
	return true;
}

struct packet *
packet_new(struct packet_pool *pool, size_t room)
{
	struct packet *p;

	if (room < PACKET_ROOM)
		room = PACKET_ROOM;
	if (pool->bytes + room > pool->limit)
		return NULL;
	if (room > PACKET_ROOM) {
		p = malloc(sizeof(*p) + PACKET_HEAD + room);
		if (p == NULL)
			return NULL;
		p->room = (uint32_t)room;
	} else {
		if (pool->free == NULL && !grow(pool))
			return NULL;
		p = pool->free;
		pool->free = p->next;
	}
	room = p->room;
	*p = (struct packet){ .pool = pool, .refs = 1, .room = (uint32_t)room,
	    .data = p->store + PACKET_HEAD };
	pool->bytes += room;
	return p;
}

size_t
packet_stride(const uint8_t *p, size_t len)
{
	static const size_t strides[] = { TS_PACKET, 204, 192 };

	for (unsigned k = 0; k < 3 && len > 0; k++) {
		size_t at = 0;

		if (len % strides[k] != 0)
			continue;
		while (at < len && p[at] == TS_SYNC)
			at += strides[k];
		if (at == len)
			return strides[k];
	}
	return 0;
}

struct packet *
packet_make(struct packet_pool *pool, const uint8_t *p, size_t len, size_t stride,
    const struct rtp_packet *rtp)
{
	size_t n = len / stride;
	struct packet *pkt = packet_new(pool, n * TS_PACKET);

	if (pkt == NULL)
		return NULL;
	pkt->len = (uint32_t)(n * TS_PACKET);
	if (stride == TS_PACKET)
		memcpy(pkt->data, p, pkt->len);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(pkt->data + i * TS_PACKET, p + i * stride, TS_PACKET);
	if (rtp != NULL)
		packet_set_rtp(pkt, rtp);
	return pkt;
}

void
packet_unref(struct packet *p)
{
	struct packet_pool *pool = p->pool;

	if (--p->refs > 0)
		return;
	if (p->raw != NULL)
		packet_unref(p->raw);
	pool->bytes -= p->room;
	if (p->room > PACKET_ROOM) {
		free(p);
		return;
	}
	p->next = pool->free;
	pool->free = p;
}
