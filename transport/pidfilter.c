#include <string.h>

#include "transport/pidfilter.h"

static rewrite_edit edit_pat;

static void
drop(void *arg)
{
	struct pidfilter *f = arg;

	f->dropped = true;
}

static void
put(void *arg, const uint8_t *packets, size_t len)
{
	struct pidfilter *f = arg;

	for (size_t i = 0; i < len; i += TS_PACKET)
		f->put(f->arg, packets + i);
}

void
pidfilter_init(struct pidfilter *f, const struct pidfilter_config *c,
    void (*out)(void *arg, const uint8_t *ts), void *arg)
{
	memset(f, 0, sizeof(*f));
	f->config = *c;
	f->put = out;
	f->arg = arg;
	f->pmt_pid = -1;
	f->sink = (struct rewrite_sink){ .drop = drop, .put = put, .arg = f };
	psi_collect_init(&f->pmt);
	rewrite_init(&f->pat, 0, edit_pat, f);
	ts_sync_init(&f->sync);
}

bool
pidfilter_passes(const struct pidfilter *f, unsigned pid)
{
	const struct pidfilter_config *c = &f->config;

	if (pidfilter_has(c->drop, pid))
		return false;
	if (c->program == 0 && !c->only)
		return true;
	return pidfilter_has(c->pass, pid) || (c->program != 0 &&
	    (pid == 0 || pidfilter_has(f->own, pid)));
}

/* ---- the PAT */

/* The PID of the PMT, or -1.  Any number of programs may stand before it. */
static int
find_program(const uint8_t *s, size_t len, int program)
{
	for (size_t i = 8; i + 4 <= len - 4; i += 4)
		if ((s[i] << 8 | s[i + 1]) == program)
			return (s[i + 2] & 0x1f) << 8 | s[i + 3];
	return -1;
}

static void
set_pmt(struct pidfilter *f, int pid)
{
	f->missing = pid < 0;
	if (pid == f->pmt_pid)
		return;
	f->pmt_pid = pid;
	f->pmt_crc = 0;
	psi_collect_init(&f->pmt);
	memset(f->own, 0, sizeof(f->own));
	if (pid >= 0)
		pidfilter_set(f->own, (unsigned)pid);
}

/* Of several sections that one goes on which has the program, else an empty one. */
static int
edit_pat(void *arg, const uint8_t *s, size_t len, bool damaged,
    uint8_t out[static PSI_SECTION_MAX])
{
	struct pidfilter *f = arg;
	uint8_t version;
	struct pat pat;
	int pid, n;

	if (damaged || pat_parse(s, len, &pat) < 0)
		return 0;
	if (s[6] == 0)
		f->found = false;
	pid = find_program(s, len, f->config.program);
	if (pid < 0 && (f->found || s[6] < s[7]))
		return 0;
	f->found = pid >= 0;
	set_pmt(f, pid);
	pat.n = pid >= 0;
	pat.program[0] = (struct pat_program){ (uint16_t)f->config.program,
	    (uint16_t)(pid & TS_PID_NULL) };
	n = pat_put(&pat, out, PSI_SECTION_MAX);
	version = rewrite_version(&f->version, out, (size_t)n, pat.version_number,
	    (size_t)n != len || memcmp(s, out, len) != 0);
	rewrite_set_version(out, (size_t)n, version);
	return n;
}

static void
take_pat(struct pidfilter *f, const struct ts_packet *pkt)
{
	f->dropped = false;
	rewrite_packet(&f->pat, &f->sink, pkt, false);
	if (!f->dropped)
		f->put(f->arg, pkt->data);
}

/* ---- the PMT */

static void
add_ca(uint8_t own[static TS_NPID / 8], const uint8_t *d, size_t len)
{
	for (size_t i = 0; i + 2 <= len && i + 2 + d[i + 1] <= len; i += 2 + (size_t)d[i + 1])
		if (d[i] == DESC_CA && d[i + 1] >= 4)
			pidfilter_set(own, (d[i + 4] & 0x1fu) << 8 | d[i + 5]);
}

static void
read_pmt(struct pidfilter *f, const uint8_t *s, size_t len)
{
	struct pmt pmt;
	uint32_t crc;

	memcpy(&crc, s + len - 4, sizeof(crc));
	if (crc == f->pmt_crc || pmt_parse(s, len, &pmt) < 0 ||
	    pmt.program_number != f->config.program)
		return;
	f->pmt_crc = crc;
	memset(f->own, 0, sizeof(f->own));
	pidfilter_set(f->own, (unsigned)f->pmt_pid);
	if (pmt.pcr_pid != TS_PID_NULL)
		pidfilter_set(f->own, pmt.pcr_pid);
	add_ca(f->own, pmt.desc, pmt.desc_len);
	for (unsigned i = 0; i < pmt.n; i++) {
		pidfilter_set(f->own, pmt.stream[i].pid);
		add_ca(f->own, pmt.stream[i].desc, pmt.stream[i].desc_len);
	}
}

static void
take_pmt(struct pidfilter *f, const struct ts_packet *pkt)
{
	const uint8_t *s;
	size_t len;
	int r;

	while ((r = psi_collect_next(&f->pmt, pkt, &s, &len)) != 0)
		if (r > 0 && len >= 12 && s[0] == PSI_TABLE_PMT)
			read_pmt(f, s, len);
}

void
pidfilter_packet(struct pidfilter *f, const uint8_t ts[static TS_PACKET])
{
	int pid = (ts[1] & 0x1f) << 8 | ts[2];
	struct ts_packet pkt;

	if (f->config.program == 0 || (pid != 0 && pid != f->pmt_pid)) {
		f->put(f->arg, ts);
		return;
	}
	if (ts_parse(ts, &pkt) < 0) {
		if (pid != 0)
			f->put(f->arg, ts);
		return;
	}
	ts_continuity(&f->sync, &pkt);
	if (pid == 0) {
		take_pat(f, &pkt);
		return;
	}
	if (!pkt.scrambled)
		take_pmt(f, &pkt);
	f->put(f->arg, ts);
}
