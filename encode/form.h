/*
 * form.h - a piece in the form that is delivered: files in its spool, beside the stream's
 * bytes, which stay until they have arrived.
 *
 * So nothing depends on what was being made when a crash came: it is made again.
 *
 * Threads  Belongs to one thread, which waits until what lies behind the cut has come.
 * Errors   Negative errno values; -ENODATA there is nothing in it that has a place.
 */
#ifndef ENCODE_FORM_H
#define ENCODE_FORM_H

#include <stdatomic.h>

#include "encode/assemble.h"
#include "encode/spool.h"

struct form {
	enum piece_form kind;		/* these three by the caller */
	uint16_t program;
	atomic_bool *stop;
	atomic_bool busy;		/* a piece is being made: any thread */
	bool	 told_left, told_programs;	/* that some are left out */
	unsigned n;			/* files of the piece at hand */
	struct piece_file file[PIECE_FILES];
	const char *content_type[PIECE_FILES];
};

/* Name of a file in the spool. */
void form_path(uint64_t number, const char *tag, char name[static 64]);

/* Make the files of a piece, in p->form, and describe them in f and p. */
int form_make(struct form *f, struct spool *s, struct piece *p);

/* Remove them from the spool. */
void form_remove(struct form *f, struct spool *s, uint64_t number);

/* SHA-256 of a file, hexadecimal. */
int form_checksum(int fd, char out[static 65]);

#endif
