#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/roll.h"
#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/ebp.h"
#include "lib/media/nal.h"
#include "lib/media/pes.h"

#define HOLD_NS		(CLK_SECOND)	/* no longer, to have a PAT to begin with */
#define HOLD_BYTES	(8u << 20)
#define PATIENCE	(INT64_C(10) * CLK_90K)	/* behind its time, for an access point */
#define FRAME		(CLK_90K / 20)
#define GONE		SIZE_MAX
#define NO_SLOT		INT64_MIN

int
roll_init(struct roll *r, const struct roll_config *c)
{
	*r = (struct roll){
		.config = *c, .pat_at = GONE, .pat_t = PES_NO_TIME, .first_t = PES_NO_TIME, .last_t = PES_NO_TIME,
		.point_t = PES_NO_TIME, .slot = NO_SLOT, .pcr_pid = TS_PID_NULL,
	};
	ts_sync_init(&r->sync);
	psi_collect_init(&r->pat);
	epoch_init(&r->epoch);
	r->program = calloc(PSI_PROGRAMS_MAX, sizeof(*r->program));
	if (r->program == NULL || ahead_init(&r->ahead) < 0)
		return -ENOMEM;
	r->ahead.done = c->arrival || c->recording;
	return 0;
}

/* ---- tables */

static void
take_pat(struct roll *r, const uint8_t *section, size_t len)
{
	struct pat pat;

	if (pat_parse(section, len, &pat) < 0)
		return;
	for (unsigned i = 0; i < pat.n; i++) {
		struct roll_program *p = &r->program[i];

		if (i < r->nprogram && p->number == pat.program[i].program_number &&
		    p->pmt_pid == pat.program[i].pid)
			continue;
		*p = (struct roll_program){ .number = pat.program[i].program_number,
		    .pmt_pid = pat.program[i].pid };
		psi_collect_init(&p->collect);
	}
	r->nprogram = pat.n;
}

/* Which pictures count: of one program, and of those that have its clock. */
static void
choose(struct roll *r)
{
	r->pcr_pid = TS_PID_NULL;
	for (unsigned i = 0; i < r->nprogram && r->pcr_pid == TS_PID_NULL; i++)
		if (r->program[i].seen && (r->config.program != 0 ?
		    r->program[i].number == r->config.program : r->program[i].video))
			r->pcr_pid = r->program[i].pcr_pid;
	for (unsigned i = 0; i < r->nprogram && r->pcr_pid == TS_PID_NULL; i++)
		if (r->program[i].seen && r->config.program == 0)
			r->pcr_pid = r->program[i].pcr_pid;
}

static void
take_pmt(struct roll *r, struct roll_program *p, const uint8_t *section, size_t len)
{
	struct pmt pmt;

	if (pmt_parse(section, len, &pmt) < 0 || pmt.program_number != p->number)
		return;
	p->seen = true;
	p->video = false;
	p->pcr_pid = pmt.pcr_pid;
	for (unsigned i = 0; i < pmt.n; i++) {
		enum codec c = codec_of(pmt.stream[i].stream_type, pmt.stream[i].desc,
		    pmt.stream[i].desc_len);

		r->kind[pmt.stream[i].pid] = codec_kind(c) == KIND_VIDEO ? (uint8_t)c : 0;
		r->clock[pmt.stream[i].pid] = pmt.pcr_pid;
		p->video |= codec_kind(c) == KIND_VIDEO;
	}
	choose(r);
}

static void
take_section(struct roll *r, const struct ts_packet *pkt)
{
	const uint8_t *section;
	size_t len;
	int got;

	if (pkt->pid == 0) {
		while ((got = psi_collect_next(&r->pat, pkt, &section, &len)) != 0)
			if (got > 0)
				take_pat(r, section, len);
		return;
	}
	for (unsigned i = 0; i < r->nprogram; i++) {
		struct roll_program *p = &r->program[i];

		if (p->pmt_pid != pkt->pid)
			continue;
		while ((got = psi_collect_next(&p->collect, pkt, &section, &len)) != 0)
			if (got > 0)
				take_pmt(r, p, section, len);
	}
}

static bool
is_pmt(const struct roll *r, uint16_t pid)
{
	for (unsigned i = 0; i < r->nprogram; i++)
		if (r->program[i].pmt_pid == pid)
			return true;
	return false;
}

/* Copies, for a place that has none: the last PAT and the PMTs behind it. */
static void
copy_tables(struct roll *r, const struct ts_packet *pkt)
{
	if (pkt->pid == 0 && pkt->unit_start) {
		memcpy(r->pat_copy, pkt->data, TS_PACKET);
		r->npat = TS_PACKET;
		r->npmt = 0;
	} else if (pkt->pid != 0 && r->npmt + TS_PACKET <= sizeof(r->pmt_copy)) {
		memcpy(r->pmt_copy + r->npmt, pkt->data, TS_PACKET);
		r->npmt += TS_PACKET;
	}
}

/* ---- time */

static void
decide_mode(struct roll *r)
{
	const struct roll_config *c = &r->config;
	bool file = c->recording || (!c->arrival && !r->dated && (r->ahead.clock == TSDEMUX_NOT_LIVE ||
	    r->not_live || (r->ahead.clock == TSDEMUX_CLOCK_UNKNOWN && c->regular)));

	r->epoch.mode = file ? EPOCH_FILE : EPOCH_LIVE;
}

static int64_t
media_time(struct roll *r, int64_t raw, bool announced)
{
	if (r->epoch.mode == EPOCH_UNDECIDED)
		decide_mode(r);
	return epoch_time(&r->epoch, &r->place, raw, announced, clk_utc_ns());
}

static void
note_time(struct roll *r, int64_t t, int64_t pts)
{
	if (r->first_t == PES_NO_TIME) {
		r->first_t = t;
		r->first_pts = pts;
	}
	if (r->last_t == PES_NO_TIME || t > r->last_t) {
		r->last_t = t;
		r->last_pts = pts;
	}
}

int64_t
roll_media(const struct roll *r, int64_t t)
{
	return r->epoch.mode == EPOCH_LIVE ? t : t - r->first_t;
}

int64_t
roll_utc_ns(const struct roll *r, int64_t t)
{
	if (r->epoch.mode == EPOCH_LIVE)
		return epoch_utc_ns(&r->epoch, t);
	return rescale_near(roll_media(r, t), CLK_SECOND, CLK_90K);
}

/* A picture a moment before the interval is the first of it: ticks are rounded. */
int64_t
roll_slot(const struct roll *r, int64_t t)
{
	int64_t ns = rescale_near(roll_media(r, t), CLK_SECOND, CLK_90K) + CLK_SECOND / 1000;

	return ns / r->config.every_ns - (ns % r->config.every_ns < 0);
}

static void
take_clock(struct roll *r, const struct ts_packet *pkt)
{
	struct ebp e;

	if (pkt->pid == EBP_CLOCK_PID && pkt->priv != NULL &&
	    ebp_parse(pkt->priv, pkt->priv_len, &e) == 0 && !e.segment && !e.fragment) {
		r->has_stamp = e.has_time;
		r->not_live |= !e.has_time;
		r->stamp = e.ntp;
		return;
	}
	if (pkt->pcr == TS_NO_PCR || pkt->pid != r->pcr_pid)
		return;
	if (r->config.arrival || (!r->has_stamp && !r->epoch.stamped))
		epoch_pcr(&r->epoch, pkt->pcr / 300, clk_utc_ns(), false);
	else if (r->has_stamp)
		epoch_pcr(&r->epoch, pkt->pcr / 300, clk_ntp_to_ns(r->stamp), true);
	r->has_stamp = false;
}

/* ---- cuts */

static int
emit(struct roll *r, size_t to)
{
	int err = to > 0 ? r->config.data(r->config.arg, r->buf, to) : 0;

	r->bytes += to;
	memmove(r->buf, r->buf + to, r->len - to);
	r->len -= to;
	r->pos -= to;
	r->pat_at = r->pat_at == GONE || r->pat_at < to ? GONE : r->pat_at - to;
	return err;
}

/* Begin a piece with the PAT that is held, or with the packet at offset at. */
static int
cut_at(struct roll *r, size_t at, int64_t slot, int64_t t, int64_t pts, bool forced)
{
	int64_t pat_t = r->pat_t != PES_NO_TIME ? r->pat_t : r->first_t;
	bool held = r->pat_at != GONE && r->pmt_after &&
	    (t == PES_NO_TIME || pat_t == PES_NO_TIME || t - pat_t <= CLK_90K);
	uint8_t tables[ROLL_TABLES];
	struct roll_cut c = {
		.slot = slot, .t = t, .pts = pts & (PES_WRAP - 1), .forced = forced,
		.utc_ns = t == PES_NO_TIME ? clk_utc_ns() : roll_utc_ns(r, t),
		.first = !r->began,
	};
	int err = emit(r, held ? r->pat_at : at);

	if (err < 0)
		return err;
	r->slot = slot;
	if (r->bytes == 0)		/* the beginning is one already */
		return 0;
	if (!held) {
		memcpy(tables, r->pat_copy, r->npat);
		memcpy(tables + r->npat, r->pmt_copy, r->npmt);
		c.tables = tables;
		c.ntables = r->npat + r->npmt;
	}
	r->cuts++;
	return r->config.cut(r->config.arg, &c);
}

/* Does what begins in this packet look like a random access point? */
static bool
access_point(struct roll *r, const struct ts_packet *pkt, const struct pes_header *h)
{
	const uint8_t *p = pkt->payload + h->header_len, *end = pkt->payload + pkt->payload_len;
	enum codec c = (enum codec)r->kind[pkt->pid];
	struct nal_iter it = { p, end };
	struct nal n;
	struct ebp e;

	if (pkt->priv != NULL && ebp_parse(pkt->priv, pkt->priv_len, &e) == 0) {
		r->points |= e.segment;
		if (e.segment)
			return true;
	}
	if (r->points)
		return false;
	r->marked |= pkt->random_access;
	if (r->marked)
		return pkt->random_access;
	if (c == CODEC_MPEG1V || c == CODEC_MPEG2V) {
		size_t at = nal_find(p, (size_t)(end - p));

		return at + 4 <= (size_t)(end - p) && p[at + 3] == 0xb3;
	}
	while (nal_next(&it, &n))
		if (nal_type(c, n) == (c == CODEC_HEVC ? (unsigned)HEVC_SPS :
		    (unsigned)AVC_SPS) || (c == CODEC_HEVC && nal_type(c, n) == HEVC_VPS) ||
		    (c == CODEC_AVC && nal_type(c, n) == AVC_IDR))
			return true;
	return false;
}

/*
 * What a boundary point says of the time of its picture is the best that there is: what
 * was made of arrival until the first of them does not count any more.
 */
static void
take_date(struct roll *r, const struct ts_packet *pkt, int64_t pts)
{
	struct ebp e;

	if (r->config.arrival || r->config.recording || pkt->priv == NULL ||
	    ebp_parse(pkt->priv, pkt->priv_len, &e) < 0 || !e.has_time)
		return;
	if (!r->dated && r->cuts == 0) {
		epoch_init(&r->epoch);
		r->place = (struct epoch_stream){ .started = false };
		r->first_t = r->last_t = PES_NO_TIME;
		r->slot = NO_SLOT;
	}
	r->dated = true;
	epoch_pcr(&r->epoch, pts, clk_ntp_to_ns(e.ntp), true);
}

/* A picture begins in the packet at offset at. */
static int
take_picture(struct roll *r, const struct ts_packet *pkt, size_t at)
{
	struct pes_header h;
	int64_t t, slot;

	if (pkt->payload == NULL || pes_parse(pkt->payload, pkt->payload_len, &h) <= 0 ||
	    h.dts == PES_NO_TIME || h.header_len > pkt->payload_len)
		return 0;
	take_date(r, pkt, h.pts);
	t = media_time(r, h.dts, pkt->discontinuity);
	r->pictures++;
	if (t == PES_NO_TIME)
		return 0;
	t += h.pts - h.dts;
	note_time(r, t, h.pts);
	if (!access_point(r, pkt, &h))
		return 0;
	r->point_t = t;
	slot = roll_slot(r, t);
	if (r->slot == NO_SLOT)		/* that of what came before it */
		r->slot = r->pictures > 1 ? roll_slot(r, t - FRAME) : slot;
	return slot > r->slot ? cut_at(r, at, slot, t, h.pts, false) : 0;
}

/* Without pictures, or access points, time goes on. */
static int
take_pcr(struct roll *r, const struct ts_packet *pkt)
{
	bool video = false;
	int64_t t, slot, pts = r->last_pts + 2;	/* pictures at that time are before it */

	if (pkt->pcr == TS_NO_PCR || pkt->pid != r->pcr_pid)
		return 0;
	for (unsigned i = 0; i < r->nprogram; i++)
		video |= r->program[i].video && r->program[i].pcr_pid == r->pcr_pid;
	if (video) {
		t = r->last_t;		/* of pictures, which are ahead of it */
		if (t == PES_NO_TIME)
			return 0;
	} else {
		t = media_time(r, pkt->pcr / 300, pkt->discontinuity);
		if (t == PES_NO_TIME)
			return 0;
		pts = pkt->pcr / 300;
		note_time(r, t, pts);
	}
	slot = roll_slot(r, t);
	if (r->slot == NO_SLOT)
		r->slot = slot;
	if (slot <= r->slot || r->pat_at == GONE || !r->pmt_after)
		return 0;
	if (video && roll_slot(r, t - PATIENCE) <= r->slot)
		return 0;
	r->forced += video;
	return cut_at(r, r->pat_at, slot, t, pts, video);
}

/* The packet that ends at r->pos: emit() moves what is behind it. */
static int
take_packet(struct roll *r, const struct ts_packet *borrowed)
{
	struct ts_packet pkt = *borrowed;
	uint8_t copy[TS_PACKET];
	int err = 0;

	memcpy(copy, pkt.data, TS_PACKET);
	pkt.data = copy;
	if (pkt.payload != NULL)
		pkt.payload = copy + (borrowed->payload - borrowed->data);
	if (pkt.priv != NULL)
		pkt.priv = copy + (borrowed->priv - borrowed->data);
	if (pkt.pid == 0 && pkt.unit_start) {
		err = emit(r, r->pos - TS_PACKET);	/* what is held begins here */
		r->pat_at = 0;
		r->pmt_after = false;
		r->held_ns = clk_mono_ns();
		r->pat_t = r->last_t;
	}
	if (pkt.pid == 0 || is_pmt(r, pkt.pid)) {
		copy_tables(r, &pkt);
		r->pmt_after |= pkt.pid != 0 && pkt.unit_start;
		take_section(r, &pkt);
	}
	take_clock(r, &pkt);
	if (err == 0)
		err = take_pcr(r, &pkt);
	if (err == 0 && r->kind[pkt.pid] != 0 && r->clock[pkt.pid] == r->pcr_pid &&
	    pkt.unit_start && !pkt.scrambled)
		err = take_picture(r, &pkt, r->pos - TS_PACKET);
	return err;
}

static int
append(struct roll *r, const uint8_t *p, size_t len)
{
	if (r->len + len > r->size) {
		size_t size = 2 * r->size + len;
		uint8_t *buf = realloc(r->buf, size);

		if (buf == NULL)
			return -ENOMEM;
		r->buf = buf;
		r->size = size;
	}
	if (len > 0)
		memcpy(r->buf + r->len, p, len);
	r->len += len;
	return 0;
}

int
roll_take(struct roll *r, const uint8_t *p, size_t len, bool eof)
{
	struct ts_packet pkt;
	size_t used = 0;
	int got, err = append(r, p, len);

	if (err == 0 && !r->ahead.done) {
		ahead_look(&r->ahead, r->buf, r->len, eof);
		if (!r->ahead.done)
			return 0;
		if (r->ahead.stamped)
			epoch_pcr(&r->epoch, r->ahead.pcr_90k, r->ahead.utc_ns, true);
	}
	if (err == 0 && !r->began && r->len > 0) {
		struct roll_cut c = { .slot = NO_SLOT, .t = PES_NO_TIME,
		    .utc_ns = clk_utc_ns(), .first = true };

		r->began = true;
		err = r->config.cut(r->config.arg, &c);
	}
	r->sync.eof = eof;
	while (err == 0 && (got = ts_sync_next(&r->sync, r->buf + r->pos, r->len - r->pos,
	    &used, &pkt)) != 0) {
		r->pos += used;
		if (got > 0)
			err = take_packet(r, &pkt);
	}
	if (err == 0)
		r->pos += used;		/* what is no packet */
	if (err == 0 && (eof || r->pat_at == GONE || r->pos - r->pat_at > HOLD_BYTES ||
	    clk_mono_ns() - r->held_ns > HOLD_NS))
		err = emit(r, eof ? r->len : r->pos);
	return err;
}

void
roll_free(struct roll *r)
{
	free(r->program);
	free(r->buf);
	ahead_free(&r->ahead);
}
