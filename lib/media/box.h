/*
 * box.h - write boxes and the fields in them.
 *
 * Spec     ISO/IEC 14496-12 4.2 (box, full box); all is big-endian.
 * Memory   The caller's buffer.  What does not fit sets full, which stays set.
 */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct box {
	uint8_t *p;
	size_t	 len, size;
	bool	 full;
};

static inline void
box_bytes(struct box *b, const void *p, size_t len)
{
	if (b->full || b->size - b->len < len) {
		b->full = true;
	} else if (len > 0) {
		memcpy(b->p + b->len, p, len);
		b->len += len;
	}
}

static inline void
box_u32(struct box *b, uint32_t v)
{
	uint8_t f[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	box_bytes(b, f, 4);
}

static inline void
box_u64(struct box *b, uint64_t v)
{
	box_u32(b, (uint32_t)(v >> 32));
	box_u32(b, (uint32_t)v);
}

static inline void
box_u16(struct box *b, unsigned v)
{
	uint8_t f[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	box_bytes(b, f, 2);
}

static inline void
box_u8(struct box *b, unsigned v)
{
	uint8_t f = (uint8_t)v;

	box_bytes(b, &f, 1);
}

static inline void
box_zero(struct box *b, size_t n)
{
	while (n-- > 0)
		box_u8(b, 0);
}

static inline void
box_string(struct box *b, const char *s)
{
	box_bytes(b, s, strlen(s) + 1);
}

/* Begin a box; end it with what this returned. */
static inline size_t
box_start(struct box *b, const char type[static 4])
{
	size_t at = b->len;

	box_u32(b, 0);
	box_bytes(b, type, 4);
	return at;
}

static inline size_t
box_start_full(struct box *b, const char type[static 4], unsigned version,
    uint32_t flags)
{
	size_t at = box_start(b, type);

	box_u32(b, (uint32_t)version << 24 | flags);
	return at;
}

/* Write v over 4 bytes that are there. */
static inline void
box_patch(struct box *b, size_t at, uint32_t v)
{
	if (b->full)
		return;
	b->p[at] = (uint8_t)(v >> 24);
	b->p[at + 1] = (uint8_t)(v >> 16);
	b->p[at + 2] = (uint8_t)(v >> 8);
	b->p[at + 3] = (uint8_t)v;
}

static inline void
box_end(struct box *b, size_t at)
{
	box_patch(b, at, (uint32_t)(b->len - at));
}

#endif
