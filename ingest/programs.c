#include <stdio.h>
#include <string.h>

#include "ingest/programs.h"

enum { ROLE_OURS = 1, ROLE_OTHER = 2, ROLE_PMT = 4 };

void
programs_init(struct programs *p, unsigned chosen)
{
	memset(p, 0, sizeof(*p));
	p->chosen = chosen;
	programs_clear(p);
}

void
programs_clear(struct programs *p)
{
	p->pcr_pid = TS_PID_NULL;
	p->complete = p->pat_seen = false;
	p->pat.n = 0;
	memset(p->entry, 0, sizeof(p->entry));
	memset(p->role, 0, sizeof(p->role));
	psi_collect_init(&p->pat_collect);
	for (unsigned i = 0; i < PSI_PROGRAMS_MAX; i++)
		psi_collect_init(&p->pmt_collect[i]);
}

/* Programs may share PIDs: what one of ours has is ours. */
static void
assign_roles(struct programs *p)
{
	memset(p->role, 0, sizeof(p->role));
	p->complete = true;
	p->pcr_pid = TS_PID_NULL;
	for (unsigned i = 0; i < p->pat.n; i++) {
		const struct programs_entry *e = &p->entry[i];
		bool ours = p->chosen == 0 ||
		    p->pat.program[i].program_number == p->chosen;
		uint8_t role = ours ? ROLE_OURS : ROLE_OTHER;

		p->role[p->pat.program[i].pid] |= role | ROLE_PMT;
		p->complete &= e->seen;
		for (unsigned k = 0; k < e->n; k++)
			p->role[e->pid[k]] |= role;
		if (ours && e->seen && p->pcr_pid == TS_PID_NULL)
			p->pcr_pid = e->pcr_pid;
	}
}

static void
take_pat(struct programs *p, const uint8_t *section, size_t len)
{
	struct pat pat;

	if (len == 0 || section[0] != PSI_TABLE_PAT || pat_parse(section, len, &pat) < 0)
		return;
	if (p->pat_seen && pat.version_number == p->pat.version_number &&
	    pat.n == p->pat.n &&
	    memcmp(pat.program, p->pat.program, pat.n * sizeof(pat.program[0])) == 0)
		return;
	p->pat_changes += p->pat_seen;
	p->pat_seen = true;
	p->pat = pat;
	memset(p->entry, 0, sizeof(p->entry));
	for (unsigned i = 0; i < PSI_PROGRAMS_MAX; i++)
		psi_collect_init(&p->pmt_collect[i]);
	assign_roles(p);
}

static void
add_pid(struct programs_entry *e, unsigned pid)
{
	if (e->n < PROGRAMS_PIDS && pid < TS_PID_NULL)
		e->pid[e->n++] = (uint16_t)pid;
}

static void
add_ca_pids(struct programs_entry *e, const uint8_t *desc, size_t len)
{
	while (len >= 2 && len >= 2 + (size_t)desc[1]) {
		if (desc[0] == DESC_CA && desc[1] >= 4)
			add_pid(e, (desc[4] & 0x1fu) << 8 | desc[5]);
		len -= 2 + (size_t)desc[1];
		desc += 2 + desc[1];
	}
}

static void
take_pmt(struct programs *p, const uint8_t *section, size_t len)
{
	struct pmt pmt;
	uint32_t crc;

	if (len < 8 || section[0] != PSI_TABLE_PMT || pmt_parse(section, len, &pmt) < 0)
		return;
	crc = psi_crc32(section, len - 4);
	for (unsigned i = 0; i < p->pat.n; i++) {
		struct programs_entry *e = &p->entry[i];

		if (p->pat.program[i].program_number != pmt.program_number ||
		    (e->seen && e->crc == crc))
			continue;
		p->pmt_changes += e->seen;
		*e = (struct programs_entry){ .seen = true, .crc = crc,
		    .version = pmt.version_number, .pcr_pid = pmt.pcr_pid };
		add_pid(e, pmt.pcr_pid);
		add_ca_pids(e, pmt.desc, pmt.desc_len);
		for (unsigned k = 0; k < pmt.n; k++) {
			add_pid(e, pmt.stream[k].pid);
			add_ca_pids(e, pmt.stream[k].desc, pmt.stream[k].desc_len);
		}
		assign_roles(p);
	}
}

void
programs_packet(struct programs *p, const struct ts_packet *pkt)
{
	const uint8_t *section;
	size_t len;
	int r;

	if (pkt->pid == 0) {
		while ((r = psi_collect_next(&p->pat_collect, pkt, &section, &len)) != 0)
			if (r > 0)
				take_pat(p, section, len);
			else
				p->pat_errors++;
		return;
	}
	if ((p->role[pkt->pid] & ROLE_PMT) == 0)
		return;
	for (unsigned i = 0; i < p->pat.n; i++) {
		if (p->pat.program[i].pid != pkt->pid)
			continue;
		/* The first program of this PID collects for all that share it. */
		while ((r = psi_collect_next(&p->pmt_collect[i], pkt, &section,
		    &len)) != 0)
			if (r > 0)
				take_pmt(p, section, len);
			else
				p->pmt_errors++;
		return;
	}
}

bool
programs_drops(const struct programs *p, uint16_t pid)
{
	return p->chosen != 0 && (p->role[pid] & (ROLE_OURS | ROLE_OTHER)) == ROLE_OTHER;
}

uint16_t
programs_pmt_pid(const struct programs *p)
{
	for (unsigned i = 0; i < p->pat.n; i++)
		if (p->chosen == 0 || p->pat.program[i].program_number == p->chosen)
			return p->pat.program[i].pid;
	return TS_PID_NULL;
}

bool
programs_lists(const struct programs *p, unsigned pid)
{
	return p->role[pid] != 0;
}

bool
programs_is_table(const struct programs *p, uint16_t pid)
{
	return pid == 0 || (p->role[pid] & ROLE_PMT) != 0;
}

bool
programs_pat(struct programs *p, uint8_t pkt[static TS_PACKET])
{
	struct pat pat = p->pat;
	uint8_t section[64];
	int len;

	pat.n = 0;
	for (unsigned i = 0; i < p->pat.n; i++)
		if (p->pat.program[i].program_number == p->chosen)
			pat.program[pat.n++] = p->pat.program[i];
	if (pat.n != 1 || (len = pat_put(&pat, section, sizeof(section))) < 0)
		return false;
	return psi_packetize(section, (size_t)len, 0, &p->pat_cc, pkt, TS_PACKET) ==
	    TS_PACKET;
}

void
programs_list(const struct programs *p, char *buf, size_t size)
{
	size_t fill = 0;

	snprintf(buf, size, "none");
	for (unsigned i = 0; i < p->pat.n && fill < size; i++)
		fill += (size_t)snprintf(buf + fill, size - fill, "%s%u",
		    i > 0 ? ", " : "", p->pat.program[i].program_number);
}
