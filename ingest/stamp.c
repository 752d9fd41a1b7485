#include <string.h>

#include "ingest/stamp.h"
#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "lib/media/psi.h"
#include "lib/media/scte35.h"
#include "lib/media/timeline.h"

#define JUMP	(10 * CLK_90K)		/* between times of one PID */
#define EXCESS	CLK_90K			/* audio longer than video: it decides */
#define UNKNOWN_LENGTH	(CLK_90K / 25)	/* of a pass with one unit and one PCR */
#define PES_TIMES	19		/* bytes of a PES header up to its times */

void
stamp_init(struct stamp *s, bool loops)
{
	memset(s, 0, sizeof(*s));
	s->loops = loops;
}

bool
stamp_seen(const struct stamp *s, unsigned pid)
{
	return s->pid[pid].seen;
}

void
stamp_join(struct stamp *s)
{
	s->joined = true;
	for (unsigned i = 0; i < TS_NPID; i++)
		s->pid[i].fresh = true;
}

void
stamp_break(struct stamp *s)
{
	uint64_t wraps = s->wraps, jumps = s->jumps;

	stamp_init(s, s->loops);
	s->wraps = wraps;
	s->jumps = jumps;
}

static bool
is_video(uint8_t stream_id)
{
	return (stream_id & 0xf0) == PES_VIDEO;
}

/* When the next pass can start, for one PID: after its last unit. */
static int64_t
length_of(const struct stamp_pid *p)
{
	return p->last + p->gap - p->first;
}

/*
 * The file is as long as its video, so that pictures keep their cadence over the
 * join; audio decides when there is no video or it goes on for a second more.
 */
void
stamp_loop(struct stamp *s)
{
	const struct stamp_pid *video = NULL, *longest = NULL;
	int64_t length = 0, span = 0;

	for (unsigned i = 0; i < TS_NPID; i++) {
		struct stamp_pid *p = &s->pid[i];

		p->fresh = true;
		p->skip = false;
		p->section_left = 0;
		/* The clock must not go back either. */
		if (p->have_pcr && p->last_pcr - p->first_pcr + p->pcr_gap > span * 300)
			span = (p->last_pcr - p->first_pcr + p->pcr_gap) / 300;
		p->have_pcr = false;
		if (!p->timed)
			continue;
		p->end = p->last + p->gap;
		if (video == NULL && is_video(p->stream_id))
			video = p;
		if (p->stream_id != PES_PRIVATE_1 || longest == NULL)
			if (longest == NULL || length_of(p) > length_of(longest))
				longest = p;
	}
	if (longest != NULL)
		length = length_of(longest);
	if (video != NULL && length < length_of(video) + EXCESS)
		length = length_of(video);
	if (length < span - CLK_90K / 10)
		length = span;
	if (video != NULL && video->gap > 0)
		length = (length + video->gap - 1) / video->gap * video->gap;
	if (video != NULL && length < length_of(video) + EXCESS)
		length = length_of(video);
	if (length <= 0)
		length = UNKNOWN_LENGTH;
	s->offset += length;
	s->looped = s->joined = true;
	for (unsigned i = 0; i < TS_NPID; i++)
		s->pid[i].timed = false;
}

static void
put_pcr(uint8_t *p, int64_t pcr)
{
	int64_t base = pcr / 300, ext = pcr % 300;

	p[0] = (uint8_t)(base >> 25);
	p[1] = (uint8_t)(base >> 17);
	p[2] = (uint8_t)(base >> 9);
	p[3] = (uint8_t)(base >> 1);
	p[4] = (uint8_t)((base & 1) << 7 | 0x7e | ext >> 8);
	p[5] = (uint8_t)ext;
}

/* The five bytes of a PTS or DTS; the four bits before it stay. */
static void
put_time(uint8_t *p, int64_t t)
{
	t &= PES_WRAP - 1;
	p[0] = (uint8_t)((p[0] & 0xf0) | (t >> 29 & 0x0e) | 1);
	p[1] = (uint8_t)(t >> 22);
	p[2] = (uint8_t)((t >> 14 & 0xfe) | 1);
	p[3] = (uint8_t)(t >> 7);
	p[4] = (uint8_t)((t << 1 & 0xfe) | 1);
}

static void
move_pcr(struct stamp *s, struct stamp_pid *p, uint8_t *copy, int64_t *pcr)
{
	int64_t t = (*pcr + s->offset * 300) % TS_PCR_WRAP;
	int64_t step;

	if (s->looped) {
		put_pcr(copy + 6, t);
		if ((copy[5] & 0x08) != 0 && copy[4] >= 1 + 6 + 6)	/* OPCR */
			memcpy(copy + 12, copy + 6, 6);
	}
	*pcr = t;
	if (!p->have_pcr) {
		p->first_pcr = p->last_pcr = t;
		p->have_pcr = true;
		return;
	}
	step = (t - p->last_pcr) % TS_PCR_WRAP;
	if (step < 0)
		step += TS_PCR_WRAP;
	if (step > 0 && step < CLK_27M) {	/* else a jump */
		p->pcr_gap = step;
		p->last_pcr += step;
	}
}

/* ---- headers, which may go on in the next packet of their PID */

struct header {
	uint8_t	 bytes[PES_TIMES];
	size_t	 len, nhere;
	uint8_t	*here, *there;
};

/* The first bytes, at most max, of what begins at here, where left bytes are. */
static void
gather(struct header *h, uint8_t *here, size_t left, uint8_t *next, size_t max)
{
	struct ts_packet pkt;
	size_t n = 0;

	*h = (struct header){
		.nhere = left < max ? left : max, .here = here, .there = here,
	};
	memcpy(h->bytes, here, h->nhere);
	if (next != NULL && ts_parse(next, &pkt) == 0 && pkt.payload != NULL) {
		h->there = next + (pkt.payload - next);
		n = pkt.payload_len;
		if (pkt.unit_start && n > 0) {		/* a pointer_field, or another */
			n = h->there[0] < n ? h->there[0] : 0;
			h->there++;
		}
	}
	if (n > max - h->nhere)
		n = max - h->nhere;
	memcpy(h->bytes + h->nhere, h->there, n);
	h->len = h->nhere + n;
}

static void
scatter(const struct header *h)
{
	memcpy(h->here, h->bytes, h->nhere);
	memcpy(h->there, h->bytes + h->nhere, h->len - h->nhere);
}

static bool
is_pes(const uint8_t *p, size_t len)
{
	return memcmp(p, "\0\0\1", len < 3 ? len : 3) == 0;
}

/* The splice_info_section that begins last in a payload; *left: bytes of it there. */
static const uint8_t *
last_splice(const uint8_t *p, size_t len, size_t *left)
{
	const uint8_t *at = p + 1 + p[0], *end = p + len;

	while (at < end && at[0] == PSI_TABLE_SCTE35) {
		size_t n = end - at < 3 ? len : 3 + ((at[1] & 0x0fu) << 8 | at[2]);

		*left = (size_t)(end - at);
		if (n >= *left)
			return at;
		at += n;
	}
	return NULL;
}

bool
stamp_splits(const struct stamp *s, const struct ts_packet *pkt)
{
	size_t len = pkt->payload_len;

	if (!s->loops || !pkt->unit_start || pkt->payload == NULL || len == 0)
		return false;
	if (is_pes(pkt->payload, len))
		return len < 9 || (len < PES_TIMES && len < 9 + (size_t)pkt->payload[8]);
	return last_splice(pkt->payload, len, &len) != NULL && len < SCTE35_MOVE_HEAD;
}

/* Follow, and in later passes move, the times of a PES header. */
static enum stamp_result
move_pes(struct stamp *s, struct stamp_pid *p, const struct ts_packet *pkt,
    uint8_t *copy, uint8_t *next)
{
	struct header head;
	uint8_t *pes = head.bytes, rest;
	struct pes_header h;
	int64_t dts, wire;

	p->skip = false;
	gather(&head, copy + (pkt->payload - pkt->data), pkt->payload_len, next,
	    PES_TIMES);
	rest = head.bytes[8];
	if (rest > PES_TIMES - 9)	/* what follows the times does not matter */
		pes[8] = PES_TIMES - 9;
	if (head.len < 9 || pes_parse(pes, head.len, &h) != 1 || h.dts == PES_NO_TIME)
		return STAMP_SAME;
	pes[8] = rest;
	wire = timeline_unwrap(p->stream_id != 0 ? p->wire : INT64_MIN, h.dts);
	if (p->timed) {
		if (wire - p->wire > JUMP || p->wire - wire > JUMP)
			s->jumps++;
		else if (wire > p->wire && (wire ^ p->wire) >> 33 != 0)
			s->wraps++;
	}
	p->stream_id = h.stream_id;
	p->wire = wire;
	dts = wire + s->offset;
	if (s->looped && !is_video(h.stream_id) && dts < p->end - CLK_90K / 1000) {
		p->skip = true;
		return STAMP_DROP;
	}
	if (!p->timed) {
		p->timed = true;
		p->first = dts;
	} else if (dts > p->last && dts - p->last < CLK_90K) {
		p->gap = dts - p->last;
	}
	p->last = s->dts = dts;
	if (!s->looped)
		return STAMP_SAME;
	if ((pes[7] & 0x80) != 0)
		put_time(pes + 9, h.pts + s->offset);
	if ((pes[7] & 0xc0) == 0xc0)
		put_time(pes + 14, h.dts + s->offset);
	scatter(&head);
	return STAMP_CHANGED;
}

/* The next bytes of a section that has been changed: the last four are its CRC. */
static void
go_on(struct stamp_pid *p, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && p->section_left > 0; i++)
		if (--p->section_left < 4)
			bytes[i] ^= (uint8_t)(p->section_crc >> 8 * p->section_left);
}

/* The payload of a packet in which a section starts. */
static void
start_sections(struct stamp *s, struct stamp_pid *p, const struct ts_packet *pkt,
    uint8_t *copy, uint8_t *next)
{
	uint8_t *at = copy + (pkt->payload - pkt->data);
	size_t left = pkt->payload_len - 1, len;
	struct header h;

	if (left < at[0])
		return;
	go_on(p, at + 1, at[0]);
	p->section_left = 0;
	left -= at[0];
	at += 1 + at[0];
	while (left > 0 && at[0] == PSI_TABLE_SCTE35) {
		gather(&h, at, left, next, SCTE35_MOVE_HEAD);
		len = 3 + ((h.bytes[1] & 0x0fu) << 8 | h.bytes[2]);
		if (h.len < SCTE35_MOVE_HEAD || len < 20 || len > SCTE35_SECTION_MAX)
			return;
		/* What was damaged stays so; the rest may come later. */
		p->section_crc = scte35_move_head(h.bytes, len, s->offset);
		p->section_left = (uint16_t)len;
		scatter(&h);
		if (len > left)
			len = left;
		go_on(p, at, len);
		at += len;
		left -= len;
	}
}

/* The payload goes, the PCR stays. */
static void
keep_adaptation(const struct ts_packet *pkt, uint8_t *copy)
{
	size_t end = (size_t)(pkt->payload - pkt->data);

	copy[1] &= 0xbf;
	copy[3] = (uint8_t)((copy[3] & 0x0f) | 0x20);
	copy[4] = TS_PACKET - 5;
	memset(copy + end, 0xff, TS_PACKET - end);
}

static void
move_counter(const struct stamp *s, struct stamp_pid *p, const uint8_t *data,
    bool payload, bool sent, uint8_t *copy)
{
	uint8_t in = data[3] & 0x0f, step = (uint8_t)(in - p->in) & 0x0f;

	if (p->fresh || !p->seen)
		step = payload;
	p->in = in;
	if (!s->joined || !p->seen)
		p->out = in;
	else if (sent)
		p->out = (p->out + step) & 0x0f;
	p->fresh = false;
	p->seen = true;
	copy[3] = (uint8_t)((copy[3] & 0xf0) | p->out);
}

enum stamp_result
stamp_packet(struct stamp *s, const struct ts_packet *pkt,
    uint8_t copy[static TS_PACKET], uint8_t *next, int64_t *pcr)
{
	struct stamp_pid *p = &s->pid[pkt->pid];
	bool has_payload = pkt->payload != NULL, drop = p->skip && has_payload;

	s->dts = PES_NO_TIME;
	if (pkt->pcr != TS_NO_PCR)
		move_pcr(s, p, copy, pcr);
	if (pkt->unit_start && has_payload && pkt->payload_len > 0) {
		if (is_pes(pkt->payload, pkt->payload_len))
			drop = move_pes(s, p, pkt, copy, next) == STAMP_DROP;
		else if (s->looped)
			start_sections(s, p, pkt, copy, next);
	} else if (!pkt->unit_start && has_payload && !pkt->duplicate) {
		go_on(p, copy + (pkt->payload - pkt->data), pkt->payload_len);
	}
	move_counter(s, p, pkt->data, has_payload, !drop, copy);
	if (!s->joined)
		return STAMP_SAME;
	if (drop && pkt->pcr == TS_NO_PCR)
		return STAMP_DROP;
	if (drop)
		keep_adaptation(pkt, copy);
	return STAMP_CHANGED;
}
