/*
 * scte35walk.h - one description of a syntax, walked in four directions.
 *
 * A walker goes over a structure in the order of its specification; at each field it
 * takes the value from the bytes, puts it into them, or does the same with a JSON
 * object.  So the syntax is written once, and cannot differ between the ways.
 *
 * Errors   error is set, why says what is wrong, and all that follows does nothing:
 *          look at it once.
 */
#ifndef SCTE35WALK_H
#define SCTE35WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/media/bits.h"
#include "lib/media/scte35.h"

#define WALK_DEPTH	8

struct walk {
	enum walk_way { WALK_READ, WALK_WRITE, WALK_TO_JSON, WALK_FROM_JSON } way;
	struct bits r;
	struct bits_writer w;
	json_t	*at[WALK_DEPTH];	/* objects and arrays, from the outermost in; may be
					 * NULL: then all is absent */
	unsigned depth;
	struct scte35 *s;
	const char *why;
	bool	 error;
};

void walk_fail(struct walk *w, const char *why);
bool walk_json(const struct walk *w);
bool walk_has(const struct walk *w, const char *name);	/* from JSON: it is there */

/* Each takes the present value and returns the one that it is now. */
uint64_t walk_num(struct walk *w, unsigned bits, const char *name, uint64_t v);
bool walk_flag(struct walk *w, const char *name, bool v);
uint8_t walk_reserved(struct walk *w, unsigned bits, const char *name, uint8_t cleared);
uint32_t walk_code(struct walk *w, unsigned chars, const char *name, uint32_t v);

/* A flag that says whether what is called child is there. */
bool walk_presence(struct walk *w, const char *name, const char *child, bool v);

/* len bytes; from JSON as many as are there. */
void walk_bytes(struct walk *w, const char *name, struct scte35_bytes *b, size_t len);

void walk_enter(struct walk *w, const char *name);
void walk_leave(struct walk *w);

/* A list of 8-bit length or one that the caller knows: how many there are. */
unsigned walk_list(struct walk *w, unsigned bits, const char *name, unsigned n,
    unsigned max);
void walk_item(struct walk *w, unsigned i);

/* What is left of the bytes that are read; 0 the other ways. */
size_t walk_left(const struct walk *w);

/* Bytes as text where they are printable, else "0x..."; to JSON and back. */
json_t *walk_text(const uint8_t *p, size_t len);
bool walk_untext(struct walk *w, const json_t *v, struct scte35_bytes *b);

#define NUM(w, bits, name, x) \
	((x) = (__typeof__(x))walk_num(w, bits, name, (uint64_t)(x)))
#define FLAG(w, name, x)	((x) = walk_flag(w, name, x))
#define RESERVED(w, bits, name, x) \
	((x) = walk_reserved(w, bits, name, x))

/* The fields after splice_command_type; after the identifier (all of one known). */
void scte35_walk_command(struct walk *w, struct scte35 *s);
void scte35_walk_descriptor(struct walk *w, struct scte35_descriptor *d);

#endif
