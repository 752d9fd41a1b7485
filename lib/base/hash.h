/*
 * hash.h - a number for a text, to find it again: FNV-1a of 64 bits.
 *
 * Not for what an adversary may choose: he can make as many of the same as he
 * wants.
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START	UINT64_C(14695981039346656037)

/* Goes on from h, which is HASH_START at first. */
static inline uint64_t
hash_add(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

#endif
