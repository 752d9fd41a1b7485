#include <string.h>

#include "ingest/cuepid.h"
#include "lib/media/codec.h"
#include "lib/media/scte35.h"

#define STREAM_TYPE	0x86		/* SCTE 35 8.1 */

static void
drop(void *arg)
{
	struct cuepid *c = arg;

	c->dropped = true;
}

/* Clocks on the PID of the PMT would have to be moved, and belong elsewhere. */
static void
put(void *arg, const uint8_t *packets, size_t len)
{
	struct cuepid *c = arg;

	for (size_t i = 0; i < len; i += TS_PACKET)
		if ((packets[i + 3] & 0x10) != 0 && CUEPID_OUT - c->len >= TS_PACKET) {
			memcpy(c->out + c->len, packets + i, TS_PACKET);
			c->len += TS_PACKET;
		}
}

static rewrite_edit edit_section;

void
cuepid_init(struct cuepid *c, bool only)
{
	memset(c, 0, offsetof(struct cuepid, out));
	c->only = only;
	c->pmt_pid = TS_PID_NULL;
	c->sink = (struct rewrite_sink){ .drop = drop, .put = put, .arg = c };
	psi_collect_init(&c->collect);
}

/* On this PID, behind a packet with this counter. */
static void
follow(struct cuepid *c, uint16_t pid, uint8_t counter)
{
	c->pmt_pid = pid;
	rewrite_init(&c->rewrite, pid, edit_section, c);
	rewrite_after(&c->rewrite, counter);
	c->counting = true;
}

void
cuepid_clear(struct cuepid *c)
{
	c->pmt_len = 0;
	psi_collect_init(&c->collect);
	if (c->counting)
		follow(c, c->pmt_pid, c->rewrite.last);
}

static void
put_packets(struct cuepid *c, const uint8_t *section, size_t len, uint16_t pid, uint8_t *cc)
{
	int n = psi_packetize(section, len, pid, cc, c->out + c->len, CUEPID_OUT - c->len);

	if (n > 0)
		c->len += (size_t)n;
}

/* ---- the PMT */

static const struct pmt_stream *
find_cues(const struct pmt *pmt)
{
	for (unsigned i = 0; i < pmt->n; i++)
		if (codec_of(pmt->stream[i].stream_type, pmt->stream[i].desc,
		    pmt->stream[i].desc_len) == CODEC_SCTE35)
			return &pmt->stream[i];
	return NULL;
}

static bool
has_cuei(const struct pmt *pmt)
{
	size_t len;
	const uint8_t *p = desc_find(pmt->desc, pmt->desc_len, DESC_REGISTRATION, &len);

	return p != NULL && len >= 4 && memcmp(p, "CUEI", 4) == 0;
}

/* The PMT as it goes out, or less than 0: it stays as it is. */
static int
put_own(const struct cuepid *c, struct pmt pmt, uint8_t out[static PSI_SECTION_MAX])
{
	uint8_t desc[1024];
	size_t fill = 0;

	if (!has_cuei(&pmt) && pmt.desc_len < sizeof(desc)) {
		memcpy(desc, pmt.desc, pmt.desc_len);
		fill = pmt.desc_len;
		desc_put(desc, sizeof(desc), &fill, DESC_REGISTRATION, "CUEI", 4);
		pmt.desc = desc;
		pmt.desc_len = fill;
	}
	if (pmt.n < PSI_STREAMS_MAX)
		pmt.stream[pmt.n++] = (struct pmt_stream){ .stream_type = STREAM_TYPE,
		    .pid = c->pid, .desc = NULL, .desc_len = 0 };
	return pmt_put(&pmt, out, PSI_SECTION_MAX);
}

static int
make_pmt(struct cuepid *c, uint8_t out[static PSI_SECTION_MAX])
{
	uint8_t version;
	struct pmt pmt;
	bool changed;
	int n = -1;

	if (pmt_parse(c->pmt, c->pmt_len, &pmt) < 0)
		return REWRITE_SAME;
	if (c->own)
		n = put_own(c, pmt, out);
	changed = n > 0;
	if (!changed) {
		memcpy(out, c->pmt, c->pmt_len);
		n = (int)c->pmt_len;
	}
	version = rewrite_version(&c->version, out, (size_t)n, pmt.version_number, changed);
	rewrite_set_version(out, (size_t)n, version);
	return changed || version != pmt.version_number ? n : REWRITE_SAME;
}

/* Where the cues go in what the PMT lists. */
static void
choose_pid(struct cuepid *c)
{
	const struct pmt_stream *s;
	struct pmt pmt;
	unsigned pid = CUEPID_FIRST;

	if (pmt_parse(c->pmt, c->pmt_len, &pmt) < 0)
		return;
	if ((s = find_cues(&pmt)) != NULL) {
		c->own = false;
		c->pid = s->pid;
		return;
	}
	if (c->own)
		pid = c->pid;
	while (pid < TS_PID_NULL - 1 && (programs_lists(c->programs, pid) ||
	    stamp_seen(c->stamp, pid)))
		pid++;
	c->own = true;
	c->pid = (uint16_t)pid;
}

static void
take_pmt(struct cuepid *c, const uint8_t *section, size_t len)
{
	memcpy(c->pmt, section, len);
	c->pmt_len = len;
	choose_pid(c);
}

static int
edit_section(void *arg, const uint8_t *section, size_t len, bool damaged,
    uint8_t out[static PSI_SECTION_MAX])
{
	struct cuepid *c = arg;

	if (damaged || section[0] != PSI_TABLE_PMT)
		return REWRITE_SAME;
	take_pmt(c, section, len);
	return make_pmt(c, out);
}

/* A packet of the PMT: true if another stands for it. */
static bool
pmt_packet(struct cuepid *c, const struct ts_packet *pkt)
{
	const uint8_t *section;
	size_t len;
	int r;

	if (!c->active) {
		if (c->pmt_pid != pkt->pid)
			cuepid_clear(c);
		c->pmt_pid = pkt->pid;
		while ((r = psi_collect_next(&c->collect, pkt, &section, &len)) != 0)
			if (r > 0 && section[0] == PSI_TABLE_PMT)
				take_pmt(c, section, len);
		return false;
	}
	if (c->pmt_pid != pkt->pid || !c->counting) {
		c->pmt_len = 0;
		follow(c, pkt->pid, (uint8_t)(pkt->data[3] - 1));
	}
	c->dropped = false;
	rewrite_packet(&c->rewrite, &c->sink, pkt, false);
	if (!c->dropped)
		put(c, pkt->data, TS_PACKET);
	if (c->pmt_len == 0)
		return true;
	for (unsigned i = 0; i < c->nwaiting; i++)
		put_packets(c, c->wait[i], c->wait_len[i], c->pid, &c->cc);
	c->nwaiting = 0;
	return true;
}

bool
cuepid_packet(struct cuepid *c, const struct programs *programs,
    const struct stamp *stamp, const struct ts_packet *pkt)
{
	if (pkt->payload == NULL)
		return false;
	c->programs = programs;
	c->stamp = stamp;
	if (pkt->pid == programs_pmt_pid(programs))
		return pmt_packet(c, pkt);
	return c->only && !c->own && c->pid != 0 && pkt->pid == c->pid &&
	    pkt->pcr == TS_NO_PCR;
}

/* There will be cues: from here on the PMT is ours. */
static void
start(struct cuepid *c, const struct stamp *stamp)
{
	uint8_t out[PSI_SECTION_MAX];
	int n;

	if (c->active)
		return;
	c->active = true;
	if (c->pmt_len == 0)
		return;
	follow(c, c->pmt_pid, stamp->pid[c->pmt_pid].out);
	n = make_pmt(c, out);
	if (n == REWRITE_SAME)
		rewrite_add(&c->rewrite, &c->sink, c->pmt, c->pmt_len);
	else
		rewrite_add(&c->rewrite, &c->sink, out, (size_t)n);
}

void
cuepid_put(struct cuepid *c, const struct stamp *stamp, const uint8_t *section,
    size_t len)
{
	uint8_t *copy = c->wait[c->nwaiting];

	start(c, stamp);
	if (len == 0 || len > PSI_SECTION_MAX)
		return;
	memcpy(copy, section, len);
	scte35_move(copy, len, stamp->offset);
	if (c->pmt_len > 0 && c->pid != 0)
		put_packets(c, copy, len, c->pid, &c->cc);
	else if (c->nwaiting < CUEPID_WAITING)
		c->wait_len[c->nwaiting++] = len;
}
