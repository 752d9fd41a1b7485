/*
 * ccsei.h - for the helpers: captions into an access unit of AVC.
 *
 * Spec     ATSC A/53 part 4 6.2.3, ITU-T H.264 D.1.6.
 */
#ifndef CCSEI_H
#define CCSEI_H

#include <stdint.h>
#include <string.h>

#define CCSEI_MORE	256		/* a unit gets no longer than by this */

/*
 * The unit with an SEI NAL unit of at most 31 triplets before its first slice; returns its
 * length.
 */
static inline size_t
ccsei_add(const uint8_t *p, size_t len, const uint8_t (*triplet)[3], unsigned count,
    uint8_t *out)
{
	uint8_t m[128] = { 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0xc0, 0xff };
	unsigned size = 10 + 3 * count + 1, zeros = 0;
	size_t pos = 0, fill;

	m[8] |= (uint8_t)count;
	memcpy(m + 10, triplet, (size_t)3 * count);
	m[size - 1] = 0xff;
	while (pos + 4 < len && !(p[pos] == 0 && p[pos + 1] == 0 && p[pos + 2] == 1 &&
	    ((p[pos + 3] & 31) == 1 || (p[pos + 3] & 31) == 5)))
		pos++;
	memcpy(out, p, pos);
	fill = pos;
	memcpy(out + fill, (const uint8_t[]){ 0, 0, 1, 6, 4, (uint8_t)size }, 6);
	fill += 6;
	for (unsigned i = 0; i < size; i++) {
		if (zeros == 2 && m[i] <= 3) {
			out[fill++] = 3;	/* emulation prevention */
			zeros = 0;
		}
		out[fill++] = m[i];
		zeros = m[i] == 0 ? zeros + 1 : 0;
	}
	out[fill++] = 0x80;
	memcpy(out + fill, p + pos, len - pos);
	return fill + len - pos;
}

#endif
