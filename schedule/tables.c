#include <string.h>

#include "schedule/tables.h"

void
tables_init(struct tables *t, tables_edit *edit, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->edit = edit;
	t->arg = arg;
	psi_collect_init(&t->pat_collect);
}

static void
take_pat(struct tables *t, const struct ts_packet *pkt)
{
	const uint8_t *section;
	struct pat pat;
	size_t len;
	int r;

	while ((r = psi_collect_next(&t->pat_collect, pkt, &section, &len)) != 0) {
		if (r < 0 || pat_parse(section, len, &pat) < 0)
			continue;
		for (unsigned i = 0; i < t->pat.n; i++)
			t->role[t->pat.program[i].pid] = 0;
		for (unsigned i = pat.n; i-- > 0;) {
			if (i >= t->pat.n || t->pat.program[i].pid != pat.program[i].pid)
				psi_collect_init(&t->pmt[i].collect);
			t->role[pat.program[i].pid] = (uint8_t)(i + 1);
		}
		t->pat = pat;
	}
}

/* The section as it goes out; another than a PMT stays as it is. */
static size_t
put_section(struct tables *t, struct tables_pmt *p, uint16_t pid, const uint8_t *section,
    size_t len, uint8_t *out, size_t size)
{
	uint8_t changed[PSI_SECTION_MAX];
	struct pmt pmt;
	int n;

	if (section[0] == PSI_TABLE_PMT && pmt_parse(section, len, &pmt) == 0) {
		t->edit(t->arg, &pmt);
		pmt.version_number = (pmt.version_number + 1) & 31;
		if ((n = pmt_put(&pmt, changed, sizeof(changed))) > 0) {
			section = changed;
			len = (size_t)n;
		}
	}
	n = psi_packetize(section, len, pid, &p->cc, out, size);
	return n > 0 ? (size_t)n : 0;
}

int
tables_packet(struct tables *t, const struct ts_packet *pkt,
    uint8_t out[static TABLES_PACKETS * TS_PACKET], size_t *len)
{
	struct tables_pmt *p;
	const uint8_t *section;
	size_t n;
	int r;

	if (pkt->pid == 0)
		take_pat(t, pkt);
	if (t->role[pkt->pid] == 0 || pkt->payload == NULL)
		return 0;
	p = &t->pmt[t->role[pkt->pid] - 1];
	*len = 0;
	while ((r = psi_collect_next(&p->collect, pkt, &section, &n)) != 0)
		if (r > 0)
			*len += put_section(t, p, pkt->pid, section, n, out + *len,
			    TABLES_PACKETS * TS_PACKET - *len);
	return 1;
}
