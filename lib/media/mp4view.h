/*
 * mp4view.h - boxes and the fields in them, as they are read.
 *
 * Spec     ISO/IEC 14496-12 4.2.
 * Memory   Borrows.  What is past the end reads as 0 and sets error, which stays.
 */
#ifndef MP4VIEW_H
#define MP4VIEW_H

#include <errno.h>

#include "lib/media/mp4.h"

struct view {
	const uint8_t *p;
	size_t	       len;
	bool	       error;
};

static inline uint64_t
view_uint(struct view *v, unsigned bytes)
{
	uint64_t n = 0;

	if (v->len < bytes) {
		v->error = true;
		v->len = 0;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | v->p[i];
	v->p += bytes;
	v->len -= bytes;
	return n;
}

static inline uint32_t
view_u32(struct view *v)
{
	return (uint32_t)view_uint(v, 4);
}

static inline void
view_skip(struct view *v, size_t n)
{
	if (v->len < n) {
		v->error = true;
		n = v->len;
	}
	v->p += n;
	v->len -= n;
}

/*
 * The size of the box at the front, with its header's length, if so much is
 * there.  A size of 0 (up to the end of the file) is given as it is.  Returns 1,
 * 0 when its header is not whole, -EBADMSG.
 */
static inline int
view_box_size(struct view v, uint64_t *size, size_t *header)
{
	if (v.len < 8)
		return 0;
	*size = view_u32(&v);
	*header = 8;
	if (*size == 1) {
		view_skip(&v, 4);
		if (v.len < 8)
			return 0;
		*size = view_uint(&v, 8);
		*header = 16;
	}
	return *size != 0 && *size < *header ? -EBADMSG : 1;
}

/* Take the next box off the front.  Returns 1, 0 at the end, -EBADMSG. */
static inline int
view_box(struct view *v, uint32_t *type, struct view *body)
{
	struct view t = *v;
	uint64_t size;
	size_t header;

	if (v->len == 0)
		return 0;
	if (view_box_size(*v, &size, &header) <= 0)
		return -EBADMSG;
	if (size == 0)
		size = v->len;
	if (size > v->len)
		return -EBADMSG;
	view_skip(&t, 4);
	*type = view_u32(&t);
	*body = (struct view){ v->p + header, (size_t)size - header, false };
	view_skip(v, (size_t)size);
	return 1;
}

/* The first box of a type inside.  Returns 1, 0 if there is none, -EBADMSG. */
static inline int
view_find(struct view v, uint32_t type, struct view *body)
{
	uint32_t t;
	int r;

	while ((r = view_box(&v, &t, body)) > 0)
		if (t == type)
			return 1;
	return r;
}

#endif
