#include <errno.h>

#include "lib/base/clk.h"
#include "lib/media/mp4file.h"
#include "lib/media/mp4head.h"

#define TO_1904		INT64_C(2082844800)	/* seconds, from 1970 */
#define ENTRY_ROOM	512			/* a description without its record */
#define TRACK_ROOM	2048

struct layout {
	uint64_t base;			/* of the media in the file */
	bool	 wide;			/* offsets have 64 bits */
};

size_t
mp4file_max(const struct mp4file *f)
{
	size_t size = TRACK_ROOM;

	for (unsigned i = 0; i < f->n; i++) {
		const struct mp4file_track *t = &f->track[i];

		size += TRACK_ROOM + t->n * (8 + 8 + 4 + 4) + t->nchunk * (12 + 8);
		for (unsigned k = 0; k < t->ndesc; k++)
			size += ENTRY_ROOM + t->desc[k].config_len;
	}
	return size;
}

/* ---- times */

static uint64_t
sum_of(const struct mp4file_track *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		sum += t->sample[i].duration;
	return sum;
}

/* Where what is shown last ends, from the first decoding time on. */
static int64_t
shown_end(const struct mp4file_track *t)
{
	int64_t at = 0, end = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct mp4_sample *s = &t->sample[i];

		if (at + s->cts + (int64_t)s->duration > end)
			end = at + s->cts + (int64_t)s->duration;
		at += s->duration;
	}
	return end;
}

static uint64_t
movie_time(const struct mp4file_track *t, int64_t v)
{
	return v <= 0 ? 0 : (uint64_t)rescale_near(v, MP4FILE_TIMESCALE, t->desc[0].timescale);
}

static uint64_t
track_duration(const struct mp4file_track *t)
{
	return movie_time(t, shown_end(t) + t->start);
}

/* What is decoded before the presentation begins is not shown; or it begins later. */
static void
put_edits(struct box *b, const struct mp4file_track *t)
{
	size_t edts = box_start(b, "edts"), elst = box_start_full(b, "elst", 1, 0);
	uint64_t late = movie_time(t, t->start), all = track_duration(t);

	box_u32(b, late > 0 ? 2 : 1);
	if (late > 0) {
		box_u64(b, late);
		box_u64(b, UINT64_MAX);
		box_u32(b, 0x10000);
	}
	box_u64(b, all > late ? all - late : 0);
	box_u64(b, t->start < 0 ? (uint64_t)-t->start : 0);
	box_u32(b, 0x10000);
	box_end(b, elst);
	box_end(b, edts);
}

/* ---- tables: runs of what is the same */

static size_t
start_table(struct box *b, const char type[static 4], unsigned version)
{
	size_t at = box_start_full(b, type, version, 0);

	box_u32(b, 0);
	return at;
}

static void
end_table(struct box *b, size_t at, uint32_t n)
{
	box_patch(b, at + 12, n);
	box_end(b, at);
}

static void
put_stts(struct box *b, const struct mp4file_track *t)
{
	size_t at = start_table(b, "stts", 0), to;
	uint32_t n = 0;

	for (size_t i = 0; i < t->n; i = to, n++) {
		for (to = i + 1; to < t->n && t->sample[to].duration ==
		    t->sample[i].duration; to++)
			;
		box_u32(b, (uint32_t)(to - i));
		box_u32(b, t->sample[i].duration);
	}
	end_table(b, at, n);
}

static void
put_ctts(struct box *b, const struct mp4file_track *t)
{
	bool some = false, before = false;
	uint32_t n = 0;
	size_t at, to;

	for (size_t i = 0; i < t->n; i++) {
		some |= t->sample[i].cts != 0;
		before |= t->sample[i].cts < 0;
	}
	if (!some)
		return;
	at = start_table(b, "ctts", before);
	for (size_t i = 0; i < t->n; i = to, n++) {
		for (to = i + 1; to < t->n && t->sample[to].cts == t->sample[i].cts; to++)
			;
		box_u32(b, (uint32_t)(to - i));
		box_u32(b, (uint32_t)t->sample[i].cts);
	}
	end_table(b, at, n);
}

static void
put_stss(struct box *b, const struct mp4file_track *t)
{
	bool all = true;
	uint32_t n = 0;
	size_t at;

	for (size_t i = 0; i < t->n; i++)
		all &= t->sample[i].sync;
	if (all)
		return;
	at = start_table(b, "stss", 0);
	for (size_t i = 0; i < t->n; i++)
		if (t->sample[i].sync) {
			box_u32(b, (uint32_t)i + 1);
			n++;
		}
	end_table(b, at, n);
}

static void
put_chunks(struct box *b, const struct mp4file_track *t, const struct layout *l)
{
	size_t at = start_table(b, "stsc", 0), i;
	uint32_t n = 0;

	for (i = 0; i < t->nchunk; i++) {
		if (i > 0 && t->chunk[i].n == t->chunk[i - 1].n &&
		    t->chunk[i].desc == t->chunk[i - 1].desc)
			continue;
		box_u32(b, (uint32_t)i + 1);
		box_u32(b, t->chunk[i].n);
		box_u32(b, t->chunk[i].desc + 1);
		n++;
	}
	end_table(b, at, n);
	at = box_start_full(b, "stsz", 0, 0);
	box_u32(b, 0);
	box_u32(b, (uint32_t)t->n);
	for (i = 0; i < t->n; i++)
		box_u32(b, (uint32_t)t->sample[i].len);
	box_end(b, at);
	at = start_table(b, l->wide ? "co64" : "stco", 0);
	for (i = 0; i < t->nchunk; i++)
		if (l->wide)
			box_u64(b, l->base + t->chunk[i].offset);
		else
			box_u32(b, (uint32_t)(l->base + t->chunk[i].offset));
	end_table(b, at, (uint32_t)t->nchunk);
}

static void
put_track(struct box *b, const struct mp4file_track *t, const struct layout *l)
{
	size_t trak = box_start(b, "trak"), mdia, minf, stbl, stsd;

	mp4_tkhd_put(b, &t->desc[0], t->kind, track_duration(t));
	put_edits(b, t);
	mdia = box_start(b, "mdia");
	mp4_mdhd_put(b, &t->desc[0], sum_of(t));
	mp4_hdlr_put(b, t->kind);
	minf = mp4_minf_start(b, t->kind);
	stbl = box_start(b, "stbl");
	stsd = box_start_full(b, "stsd", 0, 0);
	box_u32(b, t->ndesc);
	for (unsigned i = 0; i < t->ndesc; i++)
		mp4_entry_put(b, &t->desc[i], t->kind);
	box_end(b, stsd);
	put_stts(b, t);
	if (t->kind == KIND_VIDEO) {
		put_ctts(b, t);
		put_stss(b, t);
	}
	put_chunks(b, t, l);
	box_end(b, stbl);
	box_end(b, minf);
	box_end(b, mdia);
	box_end(b, trak);
}

static void
put_head(struct box *b, const struct mp4file *f, const struct layout *l)
{
	uint64_t duration = 0, created = 0;
	size_t at = box_start(b, "ftyp");
	uint32_t last = 0;

	box_bytes(b, "isom", 4);
	box_u32(b, 0x200);
	box_bytes(b, "isomiso2mp41", 12);
	box_end(b, at);
	for (unsigned i = 0; i < f->n; i++) {
		const struct mp4file_track *t = &f->track[i];

		if (track_duration(t) > duration)
			duration = track_duration(t);
		if (t->desc[0].track_id > last)
			last = t->desc[0].track_id;
	}
	if (f->created_ns > 0)
		created = (uint64_t)(f->created_ns / CLK_SECOND + TO_1904);
	at = box_start(b, "moov");
	mp4_mvhd_put(b, MP4FILE_TIMESCALE, duration, created, last + 1);
	for (unsigned i = 0; i < f->n; i++)
		put_track(b, &f->track[i], l);
	box_end(b, at);
	if (f->media_len + 8 > UINT32_MAX) {
		box_u32(b, 1);			/* the size is behind the type */
		box_bytes(b, "mdat", 4);
		box_u64(b, f->media_len + 16);
	} else {
		box_u32(b, (uint32_t)f->media_len + 8);
		box_bytes(b, "mdat", 4);
	}
}

int64_t
mp4file_put(const struct mp4file *f, uint8_t *p, size_t size)
{
	struct layout l = { .wide = f->media_len + mp4file_max(f) > UINT32_MAX };
	struct box b = { .p = p, .size = size };

	for (unsigned i = 0; i < f->n; i++)
		for (unsigned k = 0; k < f->track[i].ndesc; k++)
			if (f->track[i].kind != KIND_DATA &&
			    !mp4_can_hold(&f->track[i].desc[k]))
				return -ENOTSUP;
	put_head(&b, f, &l);
	l.base = b.len;			/* which does not depend on it */
	b.len = 0;
	put_head(&b, f, &l);
	return b.full ? -ENOSPC : (int64_t)b.len;
}

int
mp4file_event_put(const struct mp4_emsg *e, int64_t delta, uint8_t *p, size_t size)
{
	struct box b = { .p = p, .size = size };
	size_t at;

	if (e == NULL) {
		at = box_start(&b, "emeb");
	} else {
		at = box_start_full(&b, "emib", 0, 0);
		box_u32(&b, 0);
		box_u64(&b, (uint64_t)delta);
		box_u32(&b, e->event_duration);
		box_u32(&b, e->id);
		box_string(&b, e->scheme_id_uri);
		box_string(&b, e->value);
		box_bytes(&b, e->message_data, e->message_len);
	}
	box_end(&b, at);
	return b.full ? -ENOSPC : (int)b.len;
}
