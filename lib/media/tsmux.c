#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rational.h"
#include "lib/media/tsmux.h"

#define PCR_PERIOD	(INT64_C(36) * 90)	/* below the 40 ms that are allowed */
#define TABLE_PERIOD	(INT64_C(90) * 90)	/* below 100 ms */
#define OUT_SIZE	((size_t)64 * TS_PACKET)
#define DELAY		(INT64_C(700) * 90)

void
tsmux_init(struct tsmux *m)
{
	*m = (struct tsmux){
		.transport_stream_id = 1, .delay = DELAY,
		.last_pcr = INT64_MIN, .last_tables = INT64_MIN,
	};
}

void
tsmux_free(struct tsmux *m)
{
	free(m->out);
	m->out = NULL;
	m->len = m->size = 0;
}

void
tsmux_clear(struct tsmux *m)
{
	m->len = 0;
}

struct tsmux_stream *
tsmux_add_stream(struct tsmux *m, uint16_t pid, uint8_t stream_type,
    uint8_t stream_id, uint64_t programs)
{
	struct tsmux_stream *s = &m->stream[m->nstream];

	if (m->nstream == TSMUX_STREAMS)
		return NULL;
	*s = (struct tsmux_stream){
		.pid = pid, .stream_type = stream_type, .stream_id = stream_id,
		.programs = programs,
	};
	m->nstream++;
	return s;
}

struct tsmux_program *
tsmux_add_program(struct tsmux *m, uint16_t program_number, uint16_t pmt_pid,
    uint16_t pcr_pid)
{
	struct tsmux_program *p = &m->program[m->nprogram];

	if (m->nprogram == PSI_PROGRAMS_MAX)
		return NULL;
	*p = (struct tsmux_program){
		.program_number = program_number, .pmt_pid = pmt_pid,
		.pcr_pid = pcr_pid,
	};
	m->nprogram++;
	return p;
}

void
tsmux_changed(struct tsmux *m)
{
	m->version_number = (m->version_number + 1) & 0x1f;
	m->last_tables = INT64_MIN;
}

void
tsmux_discontinuity(struct tsmux *m)
{
	for (unsigned i = 0; i < m->nstream; i++)
		m->stream[i].discontinuity = true;
	m->last_pcr = m->last_tables = INT64_MIN;
}

/* Room for n more packets; the place to write them, or NULL. */
static uint8_t *
room(struct tsmux *m, size_t n)
{
	size_t want = m->len + n * TS_PACKET, size = m->size;
	uint8_t *out;

	if (want > size) {
		size = size == 0 ? OUT_SIZE : size;
		while (size < want)
			size *= 2;
		out = realloc(m->out, size);
		if (out == NULL)
			return NULL;
		m->out = out;
		m->size = size;
	}
	return m->out + m->len;
}

static int
put_section(struct tsmux *m, const uint8_t *section, int len, uint16_t pid,
    uint8_t *cc)
{
	size_t n = 2 + (size_t)(len < 0 ? 0 : len) / (TS_PACKET - 4);
	uint8_t *p = room(m, n);

	if (len < 0)
		return len;
	if (p == NULL)
		return -ENOMEM;
	len = psi_packetize(section, (size_t)len, pid, cc, p, n * TS_PACKET);
	if (len > 0)
		m->len += (size_t)len;
	return len < 0 ? len : 0;
}

static int
put_pmt(struct tsmux *m, unsigned i)
{
	struct tsmux_program *p = &m->program[i];
	struct pmt pmt = {
		.program_number = p->program_number, .pcr_pid = p->pcr_pid,
		.version_number = m->version_number,
		.desc = p->desc, .desc_len = p->desc_len,
	};
	uint8_t section[PSI_SECTION_MAX];

	for (unsigned j = 0; j < m->nstream; j++) {
		const struct tsmux_stream *s = &m->stream[j];

		if ((s->programs >> i & 1) != 0)
			pmt.stream[pmt.n++] = (struct pmt_stream){
				.stream_type = s->stream_type, .pid = s->pid,
				.desc = s->desc, .desc_len = s->desc_len,
			};
	}
	return put_section(m, section, pmt_put(&pmt, section, sizeof(section)),
	    p->pmt_pid, &p->cc);
}

int
tsmux_put_tables(struct tsmux *m)
{
	struct pat pat = {
		.transport_stream_id = m->transport_stream_id,
		.version_number = m->version_number, .n = m->nprogram,
	};
	uint8_t section[PSI_SECTION_MAX];
	int r;

	for (unsigned i = 0; i < m->nprogram; i++)
		pat.program[i] = (struct pat_program){
			m->program[i].program_number, m->program[i].pmt_pid,
		};
	r = put_section(m, section, pat_put(&pat, section, sizeof(section)), 0,
	    &m->pat_cc);
	for (unsigned i = 0; i < m->nprogram && r == 0; i++)
		r = put_pmt(m, i);
	return r;
}

static void
put_pcr(uint8_t *p, int64_t pcr_27m)
{
	uint64_t base = (uint64_t)rescale_down(pcr_27m, 1, 300) & (PES_WRAP - 1);
	unsigned ext = (unsigned)(pcr_27m - rescale_down(pcr_27m, 1, 300) * 300);

	p[0] = (uint8_t)(base >> 25);
	p[1] = (uint8_t)(base >> 17);
	p[2] = (uint8_t)(base >> 9);
	p[3] = (uint8_t)(base >> 1);
	p[4] = (uint8_t)((base & 1) << 7 | 0x7e | ext >> 8);
	p[5] = (uint8_t)ext;
}

/* What the adaptation field of a packet is to say. */
struct field {
	bool	random_access, discontinuity, has_pcr;
	int64_t	pcr;
	const struct ebp *ebp;
};

/* Write flags and fields at af[1..]; returns their length, the 0 byte included. */
static size_t
put_field(uint8_t *af, const struct field *f)
{
	size_t len = 1;
	uint8_t flags = 0;

	if (!f->random_access && !f->discontinuity && !f->has_pcr && f->ebp == NULL)
		return 0;
	flags |= f->discontinuity ? 0x80 : 0;
	flags |= f->random_access ? 0x40 : 0;
	if (f->has_pcr) {
		flags |= 0x10;
		put_pcr(af + 1 + len, f->pcr * 300);
		len += 6;
	}
	if (f->ebp != NULL) {
		size_t n = ebp_put(af + 1 + len + 1, f->ebp);

		flags |= 0x02;
		af[1 + len] = (uint8_t)n;
		len += 1 + n;
	}
	af[1] = flags;
	return len;
}

/* Make the field longer by something that is no stuffing. */
static size_t
put_filler(uint8_t *af, size_t len)
{
	if (len == 0)
		af[1] = 0, len = 1;
	af[1] |= 0x01;			/* an extension with nothing in it */
	af[1 + len] = 1;
	af[2 + len] = 0x1f;
	return len + 2;
}

static void
put_head(uint8_t *p, uint16_t pid, bool start, unsigned control, uint8_t cc)
{
	p[0] = TS_SYNC;
	p[1] = (uint8_t)((start ? 0x40 : 0) | pid >> 8);
	p[2] = (uint8_t)pid;
	p[3] = (uint8_t)(control << 4 | (cc & 0x0f));
}

void
tsmux_pcr_packet(uint8_t p[static TS_PACKET], uint16_t pid, uint8_t cc, int64_t pcr_27m,
    bool discontinuity)
{
	memset(p, 0xff, TS_PACKET);
	put_head(p, pid, false, 2, cc);
	p[4] = TS_PACKET - 5;
	p[5] = (uint8_t)(0x10 | (discontinuity ? 0x80 : 0));
	put_pcr(p + 6, pcr_27m);
}

/* A packet with nothing but a PCR: the counter stands still. */
static int
put_pcr_packet(struct tsmux *m, struct tsmux_stream *s, int64_t pcr)
{
	struct field f = {
		.has_pcr = true, .pcr = pcr, .discontinuity = s->discontinuity,
	};
	uint8_t *p = room(m, 1);

	if (p == NULL)
		return -ENOMEM;
	memset(p, 0xff, TS_PACKET);
	put_head(p, s->pid, false, 2, (uint8_t)(s->cc - 1));
	put_field(p + 4, &f);
	p[4] = TS_PACKET - 5;
	s->discontinuity = false;
	m->len += TS_PACKET;
	return 0;
}

/* The stream whose packets carry the PCR, or NULL. */
static struct tsmux_stream *
pcr_stream(struct tsmux *m)
{
	for (unsigned i = 0; i < m->nstream && m->nprogram > 0; i++)
		if (m->stream[i].pid == m->program[0].pcr_pid)
			return &m->stream[i];
	return NULL;
}

/*
 * The packets of one PES packet.  The first has f; the last always ends in
 * stuffing, if need be of a length field only, which mts(7) promises.
 */
static int
put_packets(struct tsmux *m, struct tsmux_stream *s, const uint8_t *head,
    size_t head_len, const uint8_t *data, size_t len, struct field *f)
{
	size_t left = head_len + len;
	uint8_t *p = room(m, left / (TS_PACKET - 5) + 3);
	bool start = true;

	if (p == NULL)
		return -ENOMEM;
	while (left > 0) {
		size_t af = put_field(p + 4, f), used = af > 0 ? 1 + af : 0;
		size_t space = TS_PACKET - 4 - used, n;

		if (left == space) {
			/* It would end without stuffing: a field more, and on. */
			af = put_filler(p + 4, af);
			used = 1 + af;
			space = TS_PACKET - 4 - used;
		}
		n = left < space ? left : space;
		if (n < TS_PACKET - 4 - used) {
			size_t total = TS_PACKET - 4 - n;	/* of the field */

			if (af == 0 && total > 1)
				p[5] = 0, af = 1;
			memset(p + 5 + af, 0xff, total - 1 - af);
			p[4] = (uint8_t)(total - 1);
			used = total;
		} else if (used > 0) {
			p[4] = (uint8_t)af;
		}
		put_head(p, s->pid, start, used > 0 ? 3 : 1, s->cc);
		s->cc = (s->cc + 1) & 0x0f;
		p += 4 + used;
		left -= n;
		if (head_len > 0) {
			size_t h = head_len < n ? head_len : n;

			memcpy(p, head, h);
			head += h, head_len -= h;
			p += h, n -= h;
		}
		memcpy(p, data, n);
		data += n;
		p += n;
		m->len += TS_PACKET;
		start = false;
		*f = (struct field){ 0 };
	}
	return 0;
}

static bool
tables_due(const struct tsmux *m, int64_t dts, const struct tsmux_unit *unit)
{
	return m->last_tables == INT64_MIN || dts - m->last_tables >= TABLE_PERIOD ||
	    m->last_tables - dts > 90000 ||
	    (unit->ebp != NULL && unit->ebp->segment && dts != m->last_tables);
}

int
tsmux_put(struct tsmux *m, struct tsmux_stream *s, const struct tsmux_unit *unit)
{
	int64_t dts = unit->dts != PES_NO_TIME ? unit->dts : unit->pts;
	uint8_t head[PES_HEADER_MAX];
	struct field f = {
		.random_access = unit->random_access, .ebp = unit->ebp,
		.discontinuity = s->discontinuity,
	};
	size_t head_len;
	int r;

	if (dts == PES_NO_TIME)
		dts = m->last_tables != INT64_MIN ? m->last_tables : 0;
	if (!m->bare && tables_due(m, dts, unit)) {
		if ((r = tsmux_put_tables(m)) < 0)
			return r;
		m->last_tables = dts;
	}
	if (!m->bare && s == pcr_stream(m)) {
		int64_t pcr = dts - m->delay;

		/* Forward by less than a second: fill the gaps between units. */
		if (m->last_pcr != INT64_MIN && pcr > m->last_pcr &&
		    pcr - m->last_pcr < 90000)
			while (pcr - m->last_pcr > PCR_PERIOD) {
				m->last_pcr += PCR_PERIOD;
				if ((r = put_pcr_packet(m, s, m->last_pcr)) < 0)
					return r;
			}
		f.has_pcr = m->last_pcr == INT64_MIN || pcr > m->last_pcr ||
		    m->last_pcr - pcr > 90000;
		f.pcr = pcr;
		f.discontinuity = s->discontinuity;
		if (f.has_pcr)
			m->last_pcr = pcr;
	}
	s->discontinuity = false;
	head_len = pes_put(head, s->stream_id, unit->pts, unit->dts, unit->len);
	return put_packets(m, s, head, head_len, unit->data, unit->len, &f);
}

int
tsmux_put_section(struct tsmux *m, struct tsmux_stream *s, int64_t dts,
    const uint8_t *section, size_t len)
{
	struct tsmux_stream *clock = pcr_stream(m);
	int64_t pcr = dts - m->delay;
	int r;

	if (m->bare)
		return put_section(m, section, (int)len, s->pid, &s->cc);
	if (m->last_tables == INT64_MIN && (r = tsmux_put_tables(m)) < 0)
		return r;
	if (clock != NULL && dts != PES_NO_TIME && (m->last_pcr == INT64_MIN ||
	    llabs(pcr - m->last_pcr) > 90000)) {
		if ((r = put_pcr_packet(m, clock, pcr)) < 0)
			return r;
		m->last_pcr = pcr;
	}
	return put_section(m, section, (int)len, s->pid, &s->cc);
}

int
tsmux_put_clock(struct tsmux *m, bool has_time, uint64_t ntp)
{
	uint8_t *p = room(m, 1);

	if (p == NULL)
		return -ENOMEM;
	ebp_clock_put(p, has_time, ntp);
	m->len += TS_PACKET;
	return 0;
}
