#include <string.h>

#include "lib/media/nal.h"
#include "lib/media/pes.h"
#include "transport/tswatch.h"

#define NEVER		0x80
#define TWICE		0x40
#define TELL_NS		INT64_C(200000000)	/* in which the PIDs show their gaps */

enum { UNKNOWN, AVC, HEVC, MPEG2 };

void
tswatch_init(struct tswatch *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < TS_NPID; i++) {
		w->pid[i].cc = NEVER;
		w->pid[i].pts = PES_NO_TIME;
	}
}

void
tswatch_gap(struct tswatch *w, uint64_t packets, int64_t now_ns)
{
	if (w->loss.open) {		/* one after the other: told as one */
		w->loss.packets += packets;
		return;
	}
	w->loss = (struct tswatch_loss){ .open = true, .at_ns = now_ns,
	    .packets = packets };
}

void
tswatch_switch(struct tswatch *w)
{
	w->switched = true;
	for (unsigned i = 0; i < TS_NPID; i++)
		w->pid[i].announce = (w->pid[i].cc & NEVER) == 0;
}

bool
tswatch_told(const struct tswatch *w, int64_t now_ns)
{
	return w->loss.open && now_ns - w->loss.at_ns >= TELL_NS;
}

/* ---- pictures */

static unsigned
read_ue(const uint8_t *p, size_t len, size_t *bit)
{
	unsigned zeros = 0, v = 1;

	while (*bit < 8 * len && (p[*bit / 8] >> (7 - *bit % 8) & 1) == 0 && zeros < 16) {
		zeros++;
		(*bit)++;
	}
	(*bit)++;
	for (; zeros > 0 && *bit < 8 * len; zeros--, (*bit)++)
		v = v << 1 | (unsigned)(p[*bit / 8] >> (7 - *bit % 8) & 1);
	return v - 1;
}

static char
by_delimiter(unsigned primary_pic_type)
{
	static const char name[] = { 'I', 'P', 'B', '\0' };

	return name[primary_pic_type < 3 ? primary_pic_type : 3];
}

/* What a NAL unit or picture header says; p is behind the start code. */
static char
read_picture(struct tswatch_pid *s, const uint8_t *p, size_t len)
{
	size_t bit = 8;

	if (len < 3)
		return 0;
	if (p[0] == AVC_AUD && s->codec != HEVC) {
		s->codec = AVC;
		return by_delimiter(p[1] >> 5);
	}
	if (p[0] == HEVC_AUD << 1 && p[1] == 1) {
		s->codec = HEVC;
		return by_delimiter(p[2] >> 5);
	}
	if (p[0] == 0x00 && s->codec == UNKNOWN)
		s->codec = MPEG2;
	if (s->codec == MPEG2 && p[0] == 0x00)
		return by_delimiter((p[2] >> 3 & 7u) - 1);
	if (s->codec == AVC && (p[0] & 31) == AVC_IDR)
		return 'I';
	if (s->codec == AVC && (p[0] & 31) == AVC_SLICE) {
		read_ue(p, len, &bit);			/* first_mb_in_slice */
		return "PBIPI"[read_ue(p, len, &bit) % 5];
	}
	return 0;
}

static void
unit_start(struct tswatch_pid *s, const struct ts_packet *t)
{
	struct pes_header h;
	const uint8_t *p = t->payload;
	size_t len = t->payload_len, at;

	if (pes_parse(p, len, &h) != 1 || h.header_len > len)
		return;
	s->pts = h.pts;
	s->picture = 0;
	if ((h.stream_id & 0xf0) != PES_VIDEO)
		return;
	if (t->random_access)
		s->picture = 'I';
	for (at = h.header_len; s->picture == 0 && at < len;) {
		at += nal_find(p + at, len - at) + 3;
		if (at < len)
			s->picture = read_picture(s, p + at, len - at);
	}
}

/* ---- counters */

static void
hit(struct tswatch *w, uint16_t pid, unsigned missing)
{
	struct tswatch_loss *l = &w->loss;
	const struct tswatch_pid *s = &w->pid[pid];

	if (!l->open || l->nhit == TSWATCH_HITS)
		return;
	for (unsigned i = 0; i < l->nhit; i++)
		if (l->hit[i].pid == pid) {
			l->hit[i].missing = (uint8_t)((l->hit[i].missing + missing) & 15);
			return;
		}
	l->hit[l->nhit++] = (struct tswatch_hit){ .pid = pid,
	    .missing = (uint8_t)missing, .picture = s->picture, .pts = s->pts };
}

/* An adaptation field alone, with the discontinuity indicator. */
static void
make_mark(const struct ts_packet *t, uint8_t cc, uint8_t mark[static TS_PACKET])
{
	memset(mark, 0xff, TS_PACKET);
	mark[0] = TS_SYNC;
	mark[1] = t->data[1] & 0x1f;
	mark[2] = t->data[2];
	mark[3] = (uint8_t)(0x20 | ((cc - (t->payload != NULL)) & 15));
	mark[4] = TS_PACKET - 5;
	mark[5] = 0x80;
}

bool
tswatch_packet(struct tswatch *w, const uint8_t p[static TS_PACKET],
    uint8_t mark[static TS_PACKET])
{
	struct ts_packet t;
	struct tswatch_pid *s;
	uint8_t cc = p[3] & 15, last;
	unsigned missing;
	bool announced = false;

	w->packets++;
	if (ts_parse(p, &t) < 0) {
		w->bad++;
		s = &w->pid[t.pid];
		/* It is there, if its counter can be believed. */
		if ((p[3] & 0x10) != 0 && (s->cc & NEVER) == 0 && cc == ((s->cc + 1) & 15))
			s->cc = cc;
		return false;
	}
	if (t.pid == TS_PID_NULL)
		return false;
	s = &w->pid[t.pid];
	last = s->cc & 15;
	missing = (unsigned)(cc - last - (t.payload != NULL)) & 15;
	if (s->announce) {
		s->announce = false;
		if (missing != 0 && !t.discontinuity) {
			make_mark(&t, cc, mark);
			announced = true;
		}
	} else if ((s->cc & NEVER) != 0 || t.discontinuity) {
		;
	} else if (t.payload != NULL && cc == last && (s->cc & TWICE) == 0) {
		s->cc |= TWICE;			/* a legal repeat, or fifteen lost */
		return false;
	} else if (missing != 0) {
		w->cc_errors++;
		hit(w, t.pid, missing);
	}
	s->cc = cc;
	if (t.unit_start && t.payload != NULL && !t.scrambled)
		unit_start(s, &t);
	return announced;
}
