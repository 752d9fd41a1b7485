/*
 * bits.h - read and write bit fields, most significant bit first.
 *
 * A reader past its end gives zeros and sets error, which stays set: read a whole
 * structure in the order of its specification and look at error once.
 *
 * Spec     The descriptors u(n), ue(v), se(v) of ITU-T H.264 7.2, 9.1.
 * Memory   Borrows the buffer.
 */
#ifndef BITS_H
#define BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	const uint8_t *p;
	size_t	 pos, end;	/* in bits */
	bool	 error;
};

static inline struct bits
bits_of(const uint8_t *p, size_t len)
{
	return (struct bits){ .p = p, .end = len * 8 };
}

static inline size_t
bits_left(const struct bits *b)
{
	return b->end - b->pos;
}

uint32_t bits_get(struct bits *b, unsigned n);		/* n <= 32 */
bool bits_flag(struct bits *b);
void bits_skip(struct bits *b, size_t n);
uint32_t bits_ue(struct bits *b);			/* up to 2^32 - 2 */
int32_t bits_se(struct bits *b);

struct bits_writer {
	uint8_t *p;
	size_t	 pos, end;	/* in bits; the unwritten rest of a byte is 0 */
	bool	 error;		/* did not fit */
};

static inline struct bits_writer
bits_into(uint8_t *p, size_t size)
{
	return (struct bits_writer){ .p = p, .end = size * 8 };
}

void bits_put(struct bits_writer *w, unsigned n, uint32_t v);

/* Bytes written, the last one filled with zeros; 0 if it did not fit. */
size_t bits_len(const struct bits_writer *w);

#endif
