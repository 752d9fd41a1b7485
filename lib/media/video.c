#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/params.h"
#include "lib/media/sei.h"

#define SETS_MAX	128		/* more than that is an attack */
#define NALS_MAX	65536		/* of a unit */
#define RECOVERY_POINT	6		/* payloadType */
#define SEI_MAX		8192		/* of an SEI NAL unit is looked at */
#define NO_SPS		UINT32_MAX

void
video_init(struct video *v, enum codec codec)
{
	*v = (struct video){ .format = { .codec = codec }, .length_size = 4,
		.active_sps = NO_SPS };
}

void
video_free(struct video *v)
{
	for (unsigned i = 0; i < v->nset; i++)
		free(v->set[i].data);
	free(v->set);
	free(v->nal);
	video_init(v, v->format.codec);
}

static bool
is_hevc(const struct video *v)
{
	return v->format.codec == CODEC_HEVC;
}

static struct video_set *
find_set(const struct video *v, unsigned type, unsigned id)
{
	for (unsigned i = 0; i < v->nset; i++)
		if (v->set[i].type == type && v->set[i].id == id)
			return &v->set[i];
	return NULL;
}

/* One set; and if it is an SPS, the PPS that refer to it. */
static void
remove_set(struct video *v, unsigned type, unsigned id)
{
	bool sps = type == (is_hevc(v) ? (unsigned)HEVC_SPS : (unsigned)AVC_SPS);
	unsigned pps = is_hevc(v) ? HEVC_PPS : AVC_PPS, kept = 0;

	for (unsigned i = 0; i < v->nset; i++) {
		const struct video_set *s = &v->set[i];

		if ((s->type == type && s->id == id) ||
		    (sps && s->type == pps && s->parent == id))
			free(v->set[i].data);
		else
			v->set[kept++] = v->set[i];
	}
	v->nset = kept;
	if (sps && id == v->active_sps)
		v->active_sps = NO_SPS;
}

/* What the active SPS says; and it says it from this unit on. */
static void
activate(struct video *v, unsigned sps)
{
	const struct video_set *s;
	struct video_format f;
	struct hevc_profile h;
	unsigned id, vps;

	s = find_set(v, is_hevc(v) ? HEVC_SPS : AVC_SPS, sps);
	if (s == NULL)
		return;
	if (is_hevc(v)) {
		if (hevc_sps_parse((struct nal){ s->data, s->len }, &id, &vps, &f, &h) < 0)
			return;
		s = find_set(v, HEVC_VPS, vps);
		if (f.frame_rate.num == 0 && s != NULL)
			hevc_vps_parse((struct nal){ s->data, s->len }, &id,
			    &f.frame_rate);
	} else if (avc_sps_parse((struct nal){ s->data, s->len }, &id, &f) < 0) {
		return;
	}
	v->format = f;
	v->active_sps = sps;
	v->news = true;
}

void
video_activate_any(struct video *v)
{
	unsigned type = is_hevc(v) ? HEVC_SPS : AVC_SPS;

	for (unsigned i = 0; i < v->nset && v->active_sps == NO_SPS; i++)
		if (v->set[i].type == type)
			activate(v, v->set[i].id);
}

static int
parse_set(const struct video *v, struct nal n, struct video_set *s)
{
	struct video_format f;
	struct hevc_profile h;
	struct rational rate;

	s->type = nal_type(v->format.codec, n);
	s->parent = 0;
	if (!is_hevc(v))
		return s->type == AVC_SPS ? avc_sps_parse(n, &s->id, &f) :
		    avc_pps_parse(n, &s->id, &s->parent);
	if (s->type == HEVC_VPS)
		return hevc_vps_parse(n, &s->id, &rate);
	if (s->type == HEVC_SPS)
		return hevc_sps_parse(n, &s->id, &s->parent, &f, &h);
	return hevc_pps_parse(n, &s->id, &s->parent);
}

/*
 * Keep a parameter set.  An SPS that changes takes the picture parameter sets of
 * the old one with it: they have to be sent again (H.264 7.4.1.2.1).
 */
static int
take_set(struct video *v, struct nal n, bool damaged)
{
	struct video_set s, *old;
	uint8_t *copy;

	if (n.len > UINT16_MAX || parse_set(v, n, &s) < 0) {
		v->bad_sets++;
		return 0;
	}
	old = find_set(v, s.type, s.id);
	if (old != NULL && (damaged || (old->len == n.len &&
	    memcmp(old->data, n.data, n.len) == 0)))
		return 0;
	if (old == NULL && v->nset == SETS_MAX) {
		v->bad_sets++;
		return 0;
	}
	copy = malloc(n.len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, n.data, n.len);
	s.data = copy;
	s.len = n.len;
	if (v->set == NULL && (v->set = calloc(SETS_MAX, sizeof(*v->set))) == NULL) {
		free(copy);
		return -ENOMEM;
	}
	if (old != NULL)
		remove_set(v, s.type, s.id);
	v->set[v->nset++] = s;
	v->news = true;
	return 0;
}

static bool
look_at_recovery(const struct video *v, const struct sei_message *m, struct video_unit *u)
{
	struct bits b = bits_of(m->data, m->len);
	int32_t count = 0;

	if (is_hevc(v))
		count = bits_se(&b);
	else
		u->recovery_frames = bits_ue(&b);
	if (count > 0)
		u->recovery_frames = (unsigned)count;
	return !b.error;
}

/* Recovery points, captions and HDR metadata (Annex D of both). */
static void
look_at_sei(struct video *v, struct nal n, struct video_unit *u, bool *recovery)
{
	uint8_t buf[SEI_MAX];
	size_t head = is_hevc(v) ? 2 : 1, len, pos = 0;
	struct sei_message m;
	const uint8_t *cc;
	unsigned count;
	int r;

	if (n.len <= head)
		return;
	len = nal_unescape(n.data + head, n.len - head, buf, sizeof(buf));
	while ((r = captions_find(buf, len, &pos, &cc, &count)) != -ENOENT)
		if (r == 0) {
			captions_note(&u->captions, cc, count);
			if (count > VIDEO_TRIPLETS - u->cc_count)
				count = VIDEO_TRIPLETS - u->cc_count;
			memcpy(v->cc_data + (size_t)u->cc_count * 3, cc, (size_t)count * 3);
			u->cc_count += count;
			u->cc_data = v->cc_data;
		}
	pos = 0;
	while (sei_next(buf, len, &pos, &m) > 0) {
		hdr_read(&v->hdr, m.type, m.data, m.len);
		if (m.type == RECOVERY_POINT && m.len > 0)
			*recovery = look_at_recovery(v, &m, u);
	}
}

/* Which SPS do these slices use?  They put it into force. */
static void
use_pps(struct video *v, unsigned pps)
{
	const struct video_set *s = find_set(v, is_hevc(v) ? HEVC_PPS : AVC_PPS, pps);

	if (s != NULL && s->parent != v->active_sps)
		activate(v, s->parent);
}

static void
look_at_avc(struct video *v, struct nal n, struct video_unit *u, bool *idr)
{
	unsigned type = nal_type(CODEC_AVC, n), slice_type, pps;

	if (avc_slice_parse(n, &slice_type, &pps) < 0)
		return;
	if (!u->picture) {
		use_pps(v, pps);
		u->intra = true;
	}
	u->picture = true;
	u->reference |= (n.data[0] & 0x60) != 0;
	u->intra &= slice_type == 2 || slice_type == 4;
	*idr |= type == AVC_IDR;
}

static void
look_at_hevc(struct video *v, struct nal n, struct video_unit *u)
{
	unsigned type = nal_type(CODEC_HEVC, n), pps;
	bool first;

	if (n.len < 3 || (n.data[0] & 1) != 0 || n.data[1] >> 3 != 0 ||
	    hevc_slice_parse(n, &first, &pps) < 0)
		return;			/* nuh_layer_id > 0 is another stream */
	if (!u->picture)
		use_pps(v, pps);
	u->picture = true;
	u->reference |= type >= HEVC_BLA_W_LP || (type & 1) != 0;
	u->leading |= type == HEVC_RASL_N || type == HEVC_RASL_R;
	if (type < HEVC_BLA_W_LP || type > HEVC_CRA)
		return;
	u->intra = true;
	u->access = type == HEVC_CRA || type == HEVC_BLA_W_LP ? VIDEO_OPEN : VIDEO_IDR;
}

static int
add_nal(struct video *v, unsigned i, struct nal n)
{
	if (i == v->nal_size) {
		unsigned size = v->nal_size > 0 ? v->nal_size * 2 : 64;
		struct nal *more = realloc(v->nal, size * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		v->nal = more;
		v->nal_size = size;
	}
	v->nal[i] = n;
	return 0;
}

static bool
complete(const struct video *v)
{
	bool vps = !is_hevc(v), pps = false;

	for (unsigned i = 0; i < v->nset; i++) {
		vps |= is_hevc(v) && v->set[i].type == HEVC_VPS;
		pps |= v->set[i].type == (is_hevc(v) ? (unsigned)HEVC_PPS :
		    (unsigned)AVC_PPS);
	}
	return v->active_sps != NO_SPS && vps && pps;
}

static int
look_at(struct video *v, struct nal n, bool damaged, struct video_unit *u, bool *idr,
    bool *recovery, bool *sps)
{
	unsigned type = nal_type(v->format.codec, n);

	if (is_hevc(v)) {
		if (type <= HEVC_VCL_LAST) {
			look_at_hevc(v, n, u);
		} else if (type <= HEVC_PPS) {
			u->has_params = true;
			return take_set(v, n, damaged);
		} else if (type == HEVC_SEI_PREFIX) {
			look_at_sei(v, n, u, recovery);
		} else if (type == HEVC_END_SEQUENCE || type == HEVC_END_STREAM) {
			u->end_of_sequence = true;
		}
		return 0;
	}
	switch (type) {
	case AVC_SLICE:
	case AVC_SLICE_A:
	case AVC_IDR:
		look_at_avc(v, n, u, idr);
		break;
	case AVC_SPS:
		*sps = true;
		/* fallthrough */
	case AVC_PPS:
		u->has_params = true;
		return take_set(v, n, damaged);
	case AVC_SEI:
		look_at_sei(v, n, u, recovery);
		break;
	case AVC_END_SEQUENCE:
	case AVC_END_STREAM:
		u->end_of_sequence = true;
		break;
	default:
		break;
	}
	return 0;
}

int
video_unit(struct video *v, const uint8_t *p, size_t len, bool damaged,
    struct video_unit *u)
{
	struct nal_iter it = { p, p + len };
	bool idr = false, recovery = false, sps = false;
	uint8_t transfer = v->format.transfer_characteristics;
	struct hdr before = v->hdr;
	struct nal n;
	int r;

	*u = (struct video_unit){ 0 };
	v->hdr = (struct hdr){ .has_light = false };
	while (u->nnal < NALS_MAX && nal_next(&it, &n)) {
		if ((r = add_nal(v, u->nnal, n)) < 0)
			return r;
		u->nnal++;
		if ((r = look_at(v, n, damaged, u, &idr, &recovery, &sps)) < 0)
			return r;
	}
	u->nal = v->nal;
	if (v->format.transfer_characteristics == transfer)
		hdr_fill(&v->hdr, &before);
	v->captions.cc |= u->captions.cc;
	v->captions.services |= u->captions.services;
	if (idr)
		u->access = VIDEO_IDR;
	else if (u->access == VIDEO_NO_ACCESS && recovery && u->picture)
		u->access = u->recovery_frames == 0 ? VIDEO_OPEN : VIDEO_RECOVERY;
	else if (u->access == VIDEO_NO_ACCESS && sps && u->intra)
		u->access = VIDEO_OPEN;
	u->changed = v->news && u->picture && complete(v);
	if (u->changed)
		v->news = false;
	return 0;
}

size_t
video_sample_len(const struct video *v, const struct video_unit *u, unsigned drop)
{
	size_t len = 0;

	for (unsigned i = 0; i < u->nnal; i++)
		if (!nal_dropped(v->format.codec, u->nal[i], drop))
			len += 4 + u->nal[i].len;
	return len;
}

void
video_sample_put(const struct video *v, const struct video_unit *u, unsigned drop,
    uint8_t *out)
{
	for (unsigned i = 0; i < u->nnal; i++) {
		const struct nal *n = &u->nal[i];

		if (nal_dropped(v->format.codec, *n, drop))
			continue;
		out[0] = (uint8_t)(n->len >> 24);
		out[1] = (uint8_t)(n->len >> 16);
		out[2] = (uint8_t)(n->len >> 8);
		out[3] = (uint8_t)n->len;
		memcpy(out + 4, n->data, n->len);
		out += 4 + n->len;
	}
}
