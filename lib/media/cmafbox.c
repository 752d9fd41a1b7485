#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/mp4.h"
#include "lib/media/cmafbox.h"

#define BOX(s)		MP4_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])
#define FIRST_SIZE	16384u

void
cmafbox_init(struct cmafbox *w, size_t max)
{
	*w = (struct cmafbox){ .max = max };
}

void
cmafbox_free(struct cmafbox *w)
{
	free(w->p);
	w->p = NULL;
	w->len = w->size = 0;
}

bool
cmafbox_partial(const struct cmafbox *w)
{
	return !w->given && (w->nhead > 0 || w->inside || w->len > 0);
}

static int
append(struct cmafbox *w, const void *data, size_t len)
{
	size_t max = w->ftyp ? CMAFBOX_HEADER_MAX : w->max, size = w->size;
	uint8_t *p;

	if (len > max || w->len > max - len)
		return -EFBIG;
	/* By what has come, not by what a box says it will be. */
	while (size < w->len + len)
		size = size == 0 ? FIRST_SIZE : size * 2;
	if (size != w->size) {
		p = realloc(w->p, size);
		if (p == NULL)
			return -ENOMEM;
		w->p = p;
		w->size = size;
	}
	memcpy(w->p + w->len, data, len);
	w->len += len;
	return 0;
}

static void
forget(struct cmafbox *w)
{
	w->len = 0;
	w->ftyp = w->moof = w->given = false;
}

static uint64_t
number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* The header of a box is there: keep it, and may it come here? */
static int
begin(struct cmafbox *w)
{
	uint64_t size = number(w->head, 4);
	bool media;

	w->type = (uint32_t)number(w->head + 4, 4);
	if (size == 1)
		size = number(w->head + 8, 8);
	if (size < w->nhead)
		return -EBADMSG;	/* 0, up to the end, has no end here */
	w->left = size - w->nhead;
	w->inside = true;
	media = w->type == BOX("styp") || w->type == BOX("prft") ||
	    w->type == BOX("emsg") || w->type == BOX("sidx") || w->type == BOX("moof");
	if (w->type == BOX("ftyp")) {
		if (w->moof)
			return -EBADMSG;
		forget(w);
		w->ftyp = true;
	} else if ((w->type == BOX("moov") && !w->ftyp) ||
	    (w->type == BOX("mdat") && !w->moof) || (media && (w->moof || w->ftyp))) {
		return -EBADMSG;
	} else if (w->type == BOX("mfra")) {
		forget(w);		/* what led to no chunk */
	}
	w->keep = media || w->ftyp ? media || w->type == BOX("ftyp") ||
	    w->type == BOX("moov") : w->moof;
	if (!w->keep)
		return 0;
	if (w->left > (w->ftyp ? CMAFBOX_HEADER_MAX : w->max))
		return -EFBIG;
	return append(w, w->head, w->nhead);
}

static int
take_head(struct cmafbox *w, const uint8_t **data, size_t *len)
{
	while (*len > 0) {
		w->head[w->nhead++] = *(*data)++;
		--*len;
		if (w->nhead == 16 || (w->nhead == 8 && number(w->head, 4) != 1))
			return begin(w);
	}
	return 0;
}

static int
end(struct cmafbox *w)
{
	w->inside = false;
	w->nhead = 0;
	switch (w->type) {
	case MP4_FOURCC('m', 'o', 'o', 'v'):
		w->given = true;
		return CMAFBOX_HEADER;
	case MP4_FOURCC('m', 'o', 'o', 'f'):
		w->moof = true;
		return CMAFBOX_MORE;
	case MP4_FOURCC('m', 'd', 'a', 't'):
		w->given = true;
		return CMAFBOX_CHUNK;
	case MP4_FOURCC('m', 'f', 'r', 'a'):
		return CMAFBOX_END;
	default:
		return CMAFBOX_MORE;
	}
}

int
cmafbox_next(struct cmafbox *w, const uint8_t **data, size_t *len,
    const uint8_t **piece, size_t *piece_len)
{
	int r = CMAFBOX_MORE;

	if (w->given)
		forget(w);
	while (w->err == 0 && r == CMAFBOX_MORE && (*len > 0 || w->inside)) {
		size_t n;

		if (!w->inside) {
			w->err = take_head(w, data, len);
			continue;
		}
		n = w->left < *len ? (size_t)w->left : *len;
		if (w->keep)
			w->err = append(w, *data, n);
		*data += n;
		*len -= n;
		w->left -= n;
		if (w->err == 0 && w->left == 0)
			r = end(w);
		else if (n == 0)
			break;
	}
	*piece = w->p;
	*piece_len = w->len;
	return w->err < 0 ? w->err : r;
}
