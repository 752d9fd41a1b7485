/* Fragments and their samples; mp4init.c has the header of a file. */
#include <string.h>

#include "lib/media/mp4read.h"
#include "lib/media/mp4view.h"

#define BOX(s)		MP4_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])
#define EMPTY_MAX	65536		/* samples of a run that take no bytes at all */

enum {				/* tf_flags 8.8.7.1, tr_flags 8.8.8.1 */
	TFHD_BASE = 1, TFHD_DESCRIPTION = 2, TFHD_DURATION = 8, TFHD_SIZE = 0x10,
	TFHD_FLAGS = 0x20, TFHD_BASE_IS_MOOF = 0x20000,
	TRUN_OFFSET = 1, TRUN_FIRST_FLAGS = 4, TRUN_DURATION = 0x100,
	TRUN_SIZE = 0x200, TRUN_FLAGS = 0x400, TRUN_CTS = 0x800,
	SAMPLE_NON_SYNC = 0x10000,
};

static struct view
part(const struct mp4_fragment *f, size_t from, size_t to)
{
	return (struct view){ f->base + from, to - from, false };
}

static size_t
offset(const struct mp4_fragment *f, const struct view *v)
{
	return (size_t)(v->p - f->base);
}

static int
parse_prft(struct view v, struct mp4_prft *prft)
{
	uint32_t head = view_u32(&v);

	prft->flags = head & 0xffffff;
	prft->track_id = view_u32(&v);
	prft->ntp = view_uint(&v, 8);
	prft->media_time = view_uint(&v, head >> 24 == 0 ? 4 : 8);
	return v.error ? -EBADMSG : 0;
}

static int
parse_moof(struct mp4_fragment *f)
{
	struct view v = part(f, f->moof_off, f->moof_off + f->moof_len), mfhd;

	if (view_find(v, BOX("mfhd"), &mfhd) <= 0)
		return -EBADMSG;
	view_skip(&mfhd, 4);
	f->sequence_number = view_u32(&mfhd);
	f->traf_next = f->moof_off;
	return mfhd.error ? -EBADMSG : 0;
}

int
mp4_fragment_next(const struct mp4_init *init, const uint8_t *p, size_t len,
    size_t *used, size_t *want, struct mp4_fragment *f)
{
	size_t pos = 0;

	*used = 0;
	*f = (struct mp4_fragment){ .init = init, .base = p };
	for (;;) {
		struct view v = { p + pos, len - pos, false }, body;
		uint64_t size;
		size_t header;
		uint32_t type;
		int r = view_box_size(v, &size, &header);

		if (r < 0 || (r > 0 && (size == 0 || size > MP4_FRAGMENT_MAX - pos)))
			return -EBADMSG;
		if (r == 0 || size > v.len) {
			*want = pos + (r == 0 ? 16 : (size_t)size);
			return 0;
		}
		if (view_box(&v, &type, &body) <= 0)
			return -EBADMSG;
		if (type == BOX("moof")) {
			if (f->moof_len > 0)
				return -EBADMSG;
			f->moof_start = f->front_len = pos;
			f->moof_off = offset(f, &body);
			f->moof_len = body.len;
			if (parse_moof(f) < 0)
				return -EBADMSG;
		} else if (type == BOX("mdat") && f->moof_len > 0) {
			f->mdat_off = offset(f, &body);
			f->mdat_len = body.len;
			*used = pos + (size_t)size;
			return 1;
		} else if (type == BOX("styp") || type == BOX("sidx")) {
			f->segment_start = true;
		} else if (type == BOX("prft")) {
			if (parse_prft(body, &f->prft) < 0)
				return -EBADMSG;
			f->has_prft = true;
		}
		pos += (size_t)size;
	}
}

/* Go to the next traf.  Returns 1, 0 when there is none, -EBADMSG. */
static int
next_traf(struct mp4_fragment *f)
{
	struct view moof = part(f, f->traf_next, f->moof_off + f->moof_len);
	struct view traf, tfhd, tfdt;
	uint32_t type, flags;
	bool first = f->traf_next == f->moof_off;
	int r;

	do {
		r = view_box(&moof, &type, &traf);
		if (r <= 0)
			return r;
	} while (type != BOX("traf"));
	f->traf_next = offset(f, &moof);
	if (view_find(traf, BOX("tfhd"), &tfhd) <= 0)
		return -EBADMSG;
	flags = view_u32(&tfhd) & 0xffffff;
	f->track = mp4_init_find(f->init, view_u32(&tfhd));
	f->tfhd_duration = f->track == NULL ? 0 : f->track->default_duration;
	f->tfhd_size = f->track == NULL ? 0 : f->track->default_size;
	f->tfhd_flags = f->track == NULL ? 0 : f->track->default_flags;
	/* The offset in the file is not known here, but it is always the moof's. */
	if ((flags & (TFHD_BASE | TFHD_BASE_IS_MOOF)) != 0 || first)
		f->base_data = f->moof_start;
	else
		f->base_data = f->data_off;
	view_skip(&tfhd, (flags & TFHD_BASE) != 0 ? 8 : 0);
	view_skip(&tfhd, (flags & TFHD_DESCRIPTION) != 0 ? 4 : 0);
	if ((flags & TFHD_DURATION) != 0)
		f->tfhd_duration = view_u32(&tfhd);
	if ((flags & TFHD_SIZE) != 0)
		f->tfhd_size = view_u32(&tfhd);
	if ((flags & TFHD_FLAGS) != 0)
		f->tfhd_flags = view_u32(&tfhd);
	if (tfhd.error)
		return -EBADMSG;
	f->dts = 0;
	r = view_find(traf, BOX("tfdt"), &tfdt);
	if (r < 0)
		return r;
	if (r > 0) {
		uint32_t head = view_u32(&tfdt);

		f->dts = view_uint(&tfdt, head >> 24 == 1 ? 8 : 4);
		if (tfdt.error)
			return -EBADMSG;
	}
	f->data_off = f->base_data;
	f->trun_next = offset(f, &traf);
	f->traf_end = f->trun_next + traf.len;
	return 1;
}

/* Go to the next trun of this traf. */
static int
next_trun(struct mp4_fragment *f)
{
	struct view traf = part(f, f->trun_next, f->traf_end), trun;
	uint32_t type, head;
	size_t fields;
	int r;

	do {
		r = view_box(&traf, &type, &trun);
		if (r <= 0)
			return r;
	} while (type != BOX("trun"));
	f->trun_next = offset(f, &traf);
	head = view_u32(&trun);
	f->trun_flags = head & 0xffffff;
	f->left = view_u32(&trun);
	if ((f->trun_flags & TRUN_OFFSET) != 0) {
		int64_t at = (int64_t)f->base_data + (int32_t)view_u32(&trun);

		if (at < 0)
			return -EBADMSG;
		f->data_off = (size_t)at;
	}
	f->first = (f->trun_flags & TRUN_FIRST_FLAGS) != 0;
	if (f->first)
		f->first_flags = view_u32(&trun);
	fields = 4 * (size_t)((f->trun_flags >> 8 & 1) + (f->trun_flags >> 9 & 1) +
	    (f->trun_flags >> 10 & 1) + (f->trun_flags >> 11 & 1));
	if (trun.error || (fields > 0 && f->left > trun.len / fields) ||
	    (fields == 0 && f->tfhd_size == 0 && f->left > EMPTY_MAX))
		return -EBADMSG;
	f->sample_pos = offset(f, &trun);
	f->trun_end = f->sample_pos + trun.len;
	return 1;
}

int
mp4_sample_next(struct mp4_fragment *f, const struct mp4_track **track,
    struct mp4_sample *s)
{
	for (;;) {
		struct view v;
		uint32_t flags;
		int r;

		if (f->left == 0) {
			r = f->trun_next < f->traf_end ? next_trun(f) : 0;
			if (r == 0)
				r = next_traf(f);
			if (r <= 0)
				goto end;
			continue;
		}
		v = part(f, f->sample_pos, f->trun_end);
		flags = f->first ? f->first_flags : f->tfhd_flags;
		f->first = false;
		*s = (struct mp4_sample){ .dts = f->dts, .duration = f->tfhd_duration,
			.len = f->tfhd_size };
		if ((f->trun_flags & TRUN_DURATION) != 0)
			s->duration = view_u32(&v);
		if ((f->trun_flags & TRUN_SIZE) != 0)
			s->len = view_u32(&v);
		if ((f->trun_flags & TRUN_FLAGS) != 0)
			flags = view_u32(&v);
		if ((f->trun_flags & TRUN_CTS) != 0)
			s->cts = (int32_t)view_u32(&v);
		s->sync = (flags & SAMPLE_NON_SYNC) == 0;
		f->sample_pos = offset(f, &v);
		f->left--;
		f->dts += s->duration;
		if (f->data_off < f->mdat_off ||
		    f->data_off > f->mdat_off + f->mdat_len ||
		    s->len > f->mdat_off + f->mdat_len - f->data_off) {
			r = -EBADMSG;
			goto end;
		}
		s->data = f->base + f->data_off;
		f->data_off += s->len;
		if (f->track == NULL)
			continue;
		*track = f->track;
		return 1;

end:		/* and stay there */
		f->left = 0;
		f->trun_next = f->traf_end;
		f->traf_next = f->moof_off + f->moof_len;
		return r;
	}
}

/* A string with its end, or NULL. */
static const char *
string(struct view *v)
{
	const char *s = (const char *)v->p;
	const uint8_t *nul = v->len > 0 ? memchr(v->p, 0, v->len) : NULL;

	if (nul == NULL) {
		v->error = true;
		return NULL;
	}
	view_skip(v, (size_t)(nul - v->p) + 1);
	return s;
}

int
mp4_emsg_next(struct mp4_fragment *f, struct mp4_emsg *e)
{
	struct view front = part(f, f->emsg_next, f->front_len), v;
	uint32_t type;

	do {
		if (view_box(&front, &type, &v) <= 0)
			return 0;
		f->emsg_next = offset(f, &front);
	} while (type != BOX("emsg"));
	*e = (struct mp4_emsg){ .version = (uint8_t)(view_u32(&v) >> 24) };
	if (e->version == 0) {
		e->scheme_id_uri = string(&v);
		e->value = string(&v);
	}
	e->timescale = view_u32(&v);
	e->presentation_time = view_uint(&v, e->version == 0 ? 4 : 8);
	e->event_duration = view_u32(&v);
	e->id = view_u32(&v);
	if (e->version != 0) {
		e->scheme_id_uri = string(&v);
		e->value = string(&v);
	}
	e->message_data = v.p;
	e->message_len = v.len;
	return v.error || e->version > 1 || e->timescale == 0 ? -EBADMSG : 1;
}
