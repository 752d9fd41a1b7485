#include "lib/media/bits.h"

uint32_t
bits_get(struct bits *b, unsigned n)
{
	uint64_t v = 0;
	size_t byte = b->pos >> 3;
	unsigned have = 8 - (unsigned)(b->pos & 7);

	if (b->error || bits_left(b) < n) {
		b->error = true;
		b->pos = b->end;
		return 0;
	}
	if (n == 0)
		return 0;
	b->pos += n;
	v = b->p[byte] & ((1u << have) - 1);
	while (have < n) {
		v = v << 8 | b->p[++byte];
		have += 8;
	}
	return (uint32_t)(v >> (have - n));
}

bool
bits_flag(struct bits *b)
{
	return bits_get(b, 1) != 0;
}

void
bits_skip(struct bits *b, size_t n)
{
	if (b->error || bits_left(b) < n) {
		b->error = true;
		b->pos = b->end;
	} else {
		b->pos += n;
	}
}

uint32_t
bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->error && !bits_flag(b))
		if (++zeros > 31)
			b->error = true;
	if (b->error)
		return 0;
	return (uint32_t)((UINT64_C(1) << zeros) - 1 + bits_get(b, zeros));
}

int32_t
bits_se(struct bits *b)
{
	uint32_t k = bits_ue(b);

	return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

void
bits_put(struct bits_writer *w, unsigned n, uint32_t v)
{
	if (w->error || w->end - w->pos < n) {
		w->error = true;
		return;
	}
	while (n-- > 0) {
		uint8_t *byte = &w->p[w->pos >> 3];
		unsigned bit = 7 - (unsigned)(w->pos & 7);

		if (bit == 7)
			*byte = 0;
		*byte = (uint8_t)(*byte | (v >> n & 1) << bit);
		w->pos++;
	}
}

size_t
bits_len(const struct bits_writer *w)
{
	return w->error ? 0 : (w->pos + 7) / 8;
}
