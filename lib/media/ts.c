#include <errno.h>
#include <string.h>

#include "lib/media/ts.h"

#define CONFIRM		5		/* sync bytes in a row */

/* In ts_sync.seen: the low nibble is the counter. */
#define SEEN_NEVER	0x80
#define SEEN_TWICE	0x10	/* one duplicate has been taken already */

void
ts_sync_init(struct ts_sync *d)
{
	memset(d, 0, sizeof(*d));
	memset(d->seen, SEEN_NEVER, sizeof(d->seen));
	d->stride = TS_PACKET;
}

static int64_t
parse_pcr(const uint8_t *p)
{
	int64_t base = (int64_t)p[0] << 25 | (int64_t)p[1] << 17 |
	    (int64_t)p[2] << 9 | (int64_t)p[3] << 1 | p[4] >> 7;
	int64_t ext = (p[4] & 1) << 8 | p[5];

	return ext < 300 ? base * 300 + ext : TS_NO_PCR;
}

/* 2.4.3.4, in the order of the flags.  What does not fit is damage. */
static int
parse_adaptation(const uint8_t *af, size_t len, struct ts_packet *pkt)
{
	size_t pos = 1;
	uint8_t flags;

	if (len == 0) {
		pkt->stuffed = true;	/* one byte of stuffing: the length */
		return 0;
	}
	flags = af[0];
	pkt->discontinuity = (flags & 0x80) != 0;
	pkt->random_access = (flags & 0x40) != 0;
	if ((flags & 0x10) != 0) {
		if (len < pos + 6)
			return -EBADMSG;
		pkt->pcr = parse_pcr(af + pos);
		pos += 6;
	}
	if ((flags & 0x08) != 0)
		pos += 6;		/* OPCR */
	if ((flags & 0x04) != 0)
		pos += 1;		/* splice_countdown */
	if ((flags & 0x02) != 0) {
		if (len < pos + 1 || len < pos + 1 + af[pos])
			return -EBADMSG;
		pkt->priv = af + pos + 1;
		pkt->priv_len = af[pos];
		pos += 1 + pkt->priv_len;
	}
	if ((flags & 0x01) != 0 && len > pos)
		pos += 1 + (size_t)af[pos];
	pkt->stuffed = len > pos || flags == 0;
	return 0;
}

int
ts_parse(const uint8_t p[static TS_PACKET], struct ts_packet *pkt)
{
	size_t off = 4;

	*pkt = (struct ts_packet){ .data = p, .pcr = TS_NO_PCR };
	pkt->pid = (uint16_t)((p[1] & 0x1f) << 8 | p[2]);
	if ((p[1] & 0x80) != 0 || (p[3] & 0x30) == 0)
		return -EBADMSG;	/* transport error; reserved control */
	if ((p[3] & 0x20) != 0) {
		off += 1 + (size_t)p[4];
		if (off > TS_PACKET || parse_adaptation(p + 5, p[4], pkt) < 0)
			return -EBADMSG;
	}
	pkt->unit_start = (p[1] & 0x40) != 0;
	pkt->scrambled = (p[3] & 0xc0) != 0;
	if ((p[3] & 0x10) != 0) {
		pkt->payload = p + off;
		pkt->payload_len = TS_PACKET - off;
	}
	return 0;
}

/*
 * A repeat has the same payload (2.4.3.3).  What merely has the same counter, as where
 * two recordings are joined, is another packet: a few words of it tell.
 */
static uint32_t
fingerprint(const struct ts_packet *pkt)
{
	size_t len = pkt->payload_len;
	uint32_t first = 0, middle = 0, last = 0;

	if (len >= sizeof(first)) {
		memcpy(&first, pkt->payload, sizeof(first));
		memcpy(&middle, pkt->payload + (len - sizeof(middle)) / 2, sizeof(middle));
		memcpy(&last, pkt->payload + len - sizeof(last), sizeof(last));
	} else if (len > 0) {
		memcpy(&first, pkt->payload, len);
	}
	return (first * 3 + middle) * 3 + last + (uint32_t)len;
}

void
ts_continuity(struct ts_sync *d, struct ts_packet *pkt)
{
	uint8_t cc = pkt->data[3] & 0x0f;
	uint8_t *seen = &d->seen[pkt->pid];
	uint8_t last = *seen & 0x0f;
	uint32_t before = d->print[pkt->pid];

	if (pkt->pid == TS_PID_NULL)
		return;
	if (pkt->payload != NULL)
		d->print[pkt->pid] = fingerprint(pkt);
	if (*seen == SEEN_NEVER || pkt->discontinuity) {
		*seen = cc;
	} else if (pkt->payload == NULL) {
		pkt->lost = cc != last;
	} else if (cc == last && (*seen & SEEN_TWICE) == 0 &&
	    d->print[pkt->pid] == before) {
		pkt->duplicate = true;
		*seen |= SEEN_TWICE;
	} else {
		pkt->lost = cc != ((last + 1) & 0x0f);
		*seen = cc;
	}
	d->lost += pkt->lost;
}

/*
 * The offset of the first sync byte that another one confirms a packet later.
 * Bytes before it are junk whatever follows.
 */
static size_t
find_sync(struct ts_sync *d, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != TS_SYNC)
			continue;
		if (len - i > d->stride) {
			d->locked = p[i + d->stride] == TS_SYNC;
			if (d->locked)
				return i;
		} else if (!d->eof) {
			return i;	/* cannot tell yet */
		} else if (len - i == TS_PACKET || len - i == d->stride) {
			d->locked = true;
			return i;
		}
	}
	return len;
}

int
ts_sync_next(struct ts_sync *d, const uint8_t *p, size_t len, size_t *used,
    struct ts_packet *pkt)
{
	size_t junk = 0, left;

	if (d->locked && len > 0 && p[0] != TS_SYNC) {
		d->locked = false;
		d->sync_losses++;
	}
	if (!d->locked)
		junk = find_sync(d, p, len);
	d->junk_bytes += junk;
	*used = junk;
	left = len - junk;
	/* The last one of all may have nothing after it. */
	if (!d->locked || left < (d->eof ? TS_PACKET : d->stride)) {
		if (d->eof) {
			d->junk_bytes += left;
			*used = len;
		}
		return 0;
	}

	*used += left < d->stride ? left : d->stride;
	d->packets++;
	if (ts_parse(p + junk, pkt) < 0) {
		d->bad++;
		return -EBADMSG;
	}
	ts_continuity(d, pkt);
	return 1;
}

/* Are there packets every stride bytes from p[at]? */
static bool
has_packets(const uint8_t *p, size_t len, bool eof, size_t at, size_t stride)
{
	size_t start = at;
	unsigned n = 0;

	for (; n < CONFIRM && at < len && p[at] == TS_SYNC; at += stride)
		n++;
	/* A short file may end within one, but then it has nothing else. */
	return n == CONFIRM || (eof && n > 0 && at >= len && start < stride &&
	    len - start >= TS_PACKET);
}

void
ts_continuity_passed(struct ts_sync *d, const uint8_t p[static TS_PACKET])
{
	uint8_t *seen = &d->seen[(p[1] & 0x1f) << 8 | p[2]], cc = p[3] & 0x0f;

	if (*seen != SEEN_NEVER && (p[3] & 0x10) != 0 && cc == ((*seen + 1) & 0x0f))
		*seen = cc;
}

void
ts_continuity_forget(struct ts_sync *d)
{
	memset(d->seen, SEEN_NEVER, sizeof(d->seen));
}

bool
ts_probe(const uint8_t *p, size_t len, bool eof, size_t *at, size_t *stride)
{
	static const size_t strides[] = { TS_PACKET, 192, 204 };

	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < 3 && p[i] == TS_SYNC; k++)
			if (has_packets(p, len, eof, i, strides[k])) {
				*at = i;
				*stride = strides[k];
				return true;
			}
	return false;
}
