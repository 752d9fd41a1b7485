/*
 * names.h - names that are taken, as far as that can be remembered.
 *
 * Shape    A set of 64-bit hashes, so that a name may be taken for another, once in a very
 *          long while: it is then not used, which does no harm.
 * Memory   8 to 16 bytes each, NAMES_MOST at most, and no more are added then; names_free()
 *          gives all back.
 * Threads  Belongs to one thread.
 * Errors   None: what there is no memory for is forgotten.
 */
#ifndef ENCODE_NAMES_H
#define ENCODE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_MOST	(UINT64_C(1) << 21)

struct names {
	uint64_t *slot;			/* 0: free; a power of two of them */
	size_t	 n, size;
};

void names_add(struct names *s, const char *name);
bool names_has(const struct names *s, const char *name);
void names_free(struct names *s);

#endif
