/*
 * wire.h - a growing object as chunked transfer coding sends it.
 *
 * Every reader that follows an object from its start gets the same bytes, chunk
 * lines included, so they are made once, in a memory file: then a reader costs
 * one sendfile() for each piece.  Measured with 2000 readers on loopback, a send()
 * of the chunk line before that sendfile() doubles the CPU time.
 *
 * Spec     RFC 9112 7.1.
 * Shape    Made when the first reader comes, and while it stays small: after
 *          WIRE_MAX, or when there is no more memory for it, it is frozen, and
 *          readers go on with chunks of their own.
 * Threads  wire_grow() and wire_end(): the writer; all others: any.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/net/object.h"

#define WIRE_START	(16u << 20)	/* most bytes to copy for the first reader */
#define WIRE_MAX	(64u << 20)

struct wire {
	int	 fd;
	_Atomic uint64_t len;		/* chunk lines included */
	_Atomic uint64_t data_len;	/* what of the object is in it */
	atomic_bool frozen;
	atomic_bool ended;		/* the last chunk is in it */
};

/* The wire of o, made if need be; NULL when it is not to be had. */
struct wire *wire_of(struct object *o);

/* More of o is in its file, and in data or NULL: publish its new length. */
void wire_grow(struct object *o, const void *data, size_t len);

/* o is whole, or has failed. */
void wire_end(struct object *o, enum object_state state);

void wire_free(struct wire *w);

#endif
