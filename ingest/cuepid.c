#include <string.h>

#include "ingest/cuepid.h"
#include "lib/media/codec.h"
#include "lib/media/scte35.h"

#define STREAM_TYPE	0x86		/* SCTE 35 8.1 */

void
cuepid_init(struct cuepid *c, bool only)
{
	memset(c, 0, offsetof(struct cuepid, out));
	c->only = only;
	c->pmt_pid = TS_PID_NULL;
	psi_collect_init(&c->collect);
}

void
cuepid_clear(struct cuepid *c)
{
	c->pmt_len = 0;
	psi_collect_init(&c->collect);
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

/* The PMT as it goes out. */
static void
put_pmt(struct cuepid *c)
{
	uint8_t section[PSI_SECTION_MAX], desc[1024];
	struct pmt pmt;
	size_t fill = 0;
	int n;

	if (!c->own || pmt_parse(c->pmt, c->pmt_len, &pmt) < 0) {
		put_packets(c, c->pmt, c->pmt_len, c->pmt_pid, &c->pmt_cc);
		return;
	}
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
	pmt.version_number = (pmt.version_number + 1) & 31;
	if ((n = pmt_put(&pmt, section, sizeof(section))) > 0)
		put_packets(c, section, (size_t)n, c->pmt_pid, &c->pmt_cc);
}

/* Where the cues go in what the PMT lists. */
static void
choose_pid(struct cuepid *c, const struct programs *programs, const struct stamp *stamp)
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
	while (pid < TS_PID_NULL - 1 && (programs_lists(programs, pid) ||
	    stamp_seen(stamp, pid)))
		pid++;
	c->own = true;
	c->pid = (uint16_t)pid;
}

/* A packet of the PMT: true if another stands for it. */
static bool
take_pmt(struct cuepid *c, const struct programs *programs, const struct stamp *stamp,
    const struct ts_packet *pkt)
{
	const uint8_t *section;
	size_t len;
	int r;

	if (c->pmt_pid != pkt->pid) {
		cuepid_clear(c);
		c->pmt_pid = pkt->pid;
		c->counting = false;
	}
	if (c->active && !c->counting) {
		c->pmt_cc = pkt->data[3] & 0x0f;
		c->counting = true;
	}
	while ((r = psi_collect_next(&c->collect, pkt, &section, &len)) != 0) {
		if (r < 0)
			continue;
		if (section[0] != PSI_TABLE_PMT) {	/* another table beside it */
			if (c->active)
				put_packets(c, section, len, c->pmt_pid, &c->pmt_cc);
			continue;
		}
		memcpy(c->pmt, section, len);
		c->pmt_len = len;
		choose_pid(c, programs, stamp);
		if (c->active)
			put_pmt(c);
		for (unsigned i = 0; i < c->nwaiting && c->active; i++)
			put_packets(c, c->wait[i], c->wait_len[i], c->pid, &c->cc);
		c->nwaiting = c->active ? 0 : c->nwaiting;
	}
	return c->active;
}

bool
cuepid_packet(struct cuepid *c, const struct programs *programs,
    const struct stamp *stamp, const struct ts_packet *pkt)
{
	if (pkt->payload == NULL)
		return false;
	if (pkt->pid == programs_pmt_pid(programs))
		return take_pmt(c, programs, stamp, pkt);
	return c->only && !c->own && c->pid != 0 && pkt->pid == c->pid &&
	    pkt->pcr == TS_NO_PCR;
}

/* There will be cues: from here on the PMT is ours. */
static void
start(struct cuepid *c, const struct stamp *stamp)
{
	if (c->active)
		return;
	c->active = true;
	if (c->pmt_len == 0)
		return;
	c->pmt_cc = (stamp->pid[c->pmt_pid].out + 1) & 0x0f;
	c->counting = true;
	put_pmt(c);
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
