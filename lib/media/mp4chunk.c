/* Fragments and their index; mp4mux.c has the header of a track. */
#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "lib/media/box.h"
#include "lib/media/mp4mux.h"

#define NON_SYNC	0x01010000u	/* depends on others, is no sync sample */
#define SYNC		0x02000000u	/* depends on none */

enum {				/* tr_flags, 14496-12 8.8.8.1 */
	TRUN_OFFSET = 1, TRUN_FIRST_FLAGS = 4, TRUN_DURATION = 0x100,
	TRUN_SIZE = 0x200, TRUN_FLAGS = 0x400, TRUN_CTS = 0x800,
};
enum {				/* tf_flags, 8.8.7.1 */
	TFHD_DURATION = 8, TFHD_SIZE = 0x10, TFHD_FLAGS = 0x20,
	TFHD_BASE_IS_MOOF = 0x20000,
};

static void
put_styp(struct box *b, unsigned styp)
{
	size_t at;

	if (styp == 0)
		return;
	at = box_start(b, "styp");
	box_bytes(b, styp & MP4MUX_SEGMENT ? "msdh" : styp & MP4MUX_FRAGMENT ? "cmff" :
	    "cmfl", 4);
	box_u32(b, 0);
	if ((styp & MP4MUX_SEGMENT) != 0)
		box_bytes(b, "msdhcmfs", 8);
	if ((styp & (MP4MUX_SEGMENT | MP4MUX_FRAGMENT)) != 0)
		box_bytes(b, "cmff", 4);
	box_bytes(b, "cmfl", 4);
	if ((styp & MP4MUX_LAST) != 0)
		box_bytes(b, "lmsg", 4);
	box_end(b, at);
}

static void
put_prft(struct box *b, const struct mp4_prft *prft)
{
	size_t at = box_start_full(b, "prft", 1, prft->flags & 0xffffff);

	box_u32(b, prft->track_id);
	box_u64(b, prft->ntp);
	box_u64(b, prft->media_time);
	box_end(b, at);
}

static void
put_emsg(struct box *b, const struct mp4_emsg *e)
{
	size_t at = box_start_full(b, "emsg", e->version, 0);

	if (e->version == 0) {
		box_string(b, e->scheme_id_uri);
		box_string(b, e->value);
	}
	box_u32(b, e->timescale);
	if (e->version == 0)
		box_u32(b, (uint32_t)e->presentation_time);
	else
		box_u64(b, e->presentation_time);
	box_u32(b, e->event_duration);
	box_u32(b, e->id);
	if (e->version != 0) {
		box_string(b, e->scheme_id_uri);
		box_string(b, e->value);
	}
	box_bytes(b, e->message_data, e->message_len);
	box_end(b, at);
}

static uint32_t
flags_of(const struct mp4mux_chunk *c, const struct mp4_sample *s)
{
	return s->sync || !c->video ? SYNC : NON_SYNC;
}

/* What has to be said of each sample, and what once. */
static uint32_t
choose_fields(const struct mp4mux_chunk *c)
{
	const struct mp4_sample *first = c->sample;
	uint32_t fields = TRUN_OFFSET;

	for (unsigned i = 0; i < c->n; i++) {
		const struct mp4_sample *s = &c->sample[i];

		if (s->duration != first->duration)
			fields |= TRUN_DURATION;
		if (s->len != first->len)
			fields |= TRUN_SIZE;
		if (s->cts != 0 && c->video)
			fields |= TRUN_CTS;
		if (c->video && i > 1 && s->sync != first[1].sync)
			fields |= TRUN_FLAGS;
	}
	if (c->video && (fields & TRUN_FLAGS) == 0 && c->n > 1 &&
	    first->sync != first[1].sync)
		fields |= TRUN_FIRST_FLAGS;
	return fields;
}

static void
put_tfhd(struct box *b, const struct mp4mux_chunk *c, uint32_t fields)
{
	uint32_t flags = TFHD_BASE_IS_MOOF |
	    ((fields & TRUN_DURATION) == 0 ? TFHD_DURATION : 0) |
	    ((fields & TRUN_SIZE) == 0 ? TFHD_SIZE : 0) |
	    ((fields & TRUN_FLAGS) == 0 ? TFHD_FLAGS : 0);
	size_t at = box_start_full(b, "tfhd", 0, flags);

	box_u32(b, c->track_id);
	if ((flags & TFHD_DURATION) != 0)
		box_u32(b, c->sample[0].duration);
	if ((flags & TFHD_SIZE) != 0)
		box_u32(b, (uint32_t)c->sample[0].len);
	if ((flags & TFHD_FLAGS) != 0)
		box_u32(b, flags_of(c, &c->sample[c->n > 1]));
	box_end(b, at);
}

/* Returns where data_offset is. */
static size_t
put_trun(struct box *b, const struct mp4mux_chunk *c, uint32_t fields)
{
	size_t at = box_start_full(b, "trun", 1, fields), offset;

	box_u32(b, c->n);
	offset = b->len;
	box_u32(b, 0);
	if ((fields & TRUN_FIRST_FLAGS) != 0)
		box_u32(b, flags_of(c, &c->sample[0]));
	for (unsigned i = 0; i < c->n; i++) {
		const struct mp4_sample *s = &c->sample[i];

		if ((fields & TRUN_DURATION) != 0)
			box_u32(b, s->duration);
		if ((fields & TRUN_SIZE) != 0)
			box_u32(b, (uint32_t)s->len);
		if ((fields & TRUN_FLAGS) != 0)
			box_u32(b, flags_of(c, s));
		if ((fields & TRUN_CTS) != 0)
			box_u32(b, (uint32_t)s->cts);
	}
	box_end(b, at);
	return offset;
}

size_t
mp4mux_chunk_max(const struct mp4mux_chunk *c)
{
	size_t max = 256 + (size_t)c->n * 16;

	for (unsigned i = 0; i < c->nemsg; i++)
		max += 64 + c->emsg[i].message_len +
		    strlen(c->emsg[i].scheme_id_uri) + strlen(c->emsg[i].value);
	return max;
}

int
mp4mux_chunk_put(const struct mp4mux_chunk *c, uint8_t *p, size_t size)
{
	struct box b = { .p = p, .size = size };
	size_t moof, at, offset;
	uint64_t media = 8;
	uint32_t fields;

	assert(c->n > 0);
	for (unsigned i = 0; i < c->n; i++)
		media += c->sample[i].len;
	if (media > UINT32_MAX)
		return -EFBIG;
	put_styp(&b, c->styp);
	if (c->prft != NULL)
		put_prft(&b, c->prft);
	for (unsigned i = 0; i < c->nemsg; i++)
		put_emsg(&b, &c->emsg[i]);
	fields = choose_fields(c);
	moof = box_start(&b, "moof");
	at = box_start_full(&b, "mfhd", 0, 0);
	box_u32(&b, c->sequence_number);
	box_end(&b, at);
	at = box_start(&b, "traf");
	put_tfhd(&b, c, fields);
	offset = box_start_full(&b, "tfdt", 1, 0);
	box_u64(&b, c->base_media_decode_time);
	box_end(&b, offset);
	offset = put_trun(&b, c, fields);
	box_end(&b, at);
	box_end(&b, moof);
	if (b.full || b.len > INT_MAX - 8)
		return -ENOSPC;
	box_patch(&b, offset, (uint32_t)(b.len - moof + 8));
	box_u32(&b, (uint32_t)media);
	box_bytes(&b, "mdat", 4);
	return b.full ? -ENOSPC : (int)b.len;
}

int
mp4mux_sidx_put(uint32_t track_id, uint32_t timescale, uint64_t earliest,
    const struct mp4mux_ref *ref, unsigned n, uint8_t *p, size_t size)
{
	struct box b = { .p = p, .size = size };
	size_t at = box_start_full(&b, "sidx", 1, 0);

	if (n > UINT16_MAX)
		return -EFBIG;
	box_u32(&b, track_id);
	box_u32(&b, timescale);
	box_u64(&b, earliest);
	box_u64(&b, 0);				/* first_offset: right behind */
	box_u16(&b, 0);
	box_u16(&b, n);
	for (unsigned i = 0; i < n; i++) {
		box_u32(&b, ref[i].size & 0x7fffffff);
		box_u32(&b, ref[i].duration);
		box_u32(&b, ref[i].sap ? 0x90000000 : 0);
	}
	box_end(&b, at);
	return b.full ? -ENOSPC : (int)b.len;
}
