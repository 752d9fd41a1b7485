/*
 * pack.h - make a served object of a file: its bytes, fields and forms.
 *
 * Shape    Small objects and texts are read into memory, and texts that shrink
 *          get a compressed form; others keep their descriptor.
 * Errors   Negative errno.
 */
#ifndef PACK_H
#define PACK_H

#include "origin/store.h"

struct pack_file {
	const char *path;
	int	 fd;
	bool	 growing;
	bool	 stub;			/* its bytes are elsewhere */
	uint64_t size, ino;
	int64_t	 mtime_ns;
	char	 type[STORE_FIELD], cache_control[STORE_FIELD];	/* or empty */
};

/* Takes f->fd, also on failure. */
int pack_object(const struct store *s, const struct pack_file *f,
    struct object **out);

/* Another form of a text, with a tag of its own; all is copied. */
struct pack_text {
	const char *path;
	const struct object *from;	/* its time, and what its tag begins with */
	const char *type, *cache_control;	/* or empty */
	const char *suffix;		/* of the tag */
	const char *text;
	size_t	 len;
};

int pack_text(const struct store *s, const struct pack_text *t,
    struct object **out);

/*
 * The entity tag of a file: made of its time and number, or what was kept with it
 * when that time was its own already.
 */
void pack_etag(char etag[static OBJECT_ETAG], int fd, int64_t mtime_ns, uint64_t ino);

/* Keep it with the file, whose copy then has the same. */
int pack_keep_etag(int fd, int64_t mtime_ns, uint64_t ino);

/* Bytes that an object keeps in memory. */
uint64_t pack_memory(struct object *o);

#endif
