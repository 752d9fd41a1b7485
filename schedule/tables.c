#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "schedule/tables.h"

static rewrite_edit edit_section;

void
tables_init(struct tables *t, struct pass *pass, tables_edit *edit, bool watch, void *arg)
{
	memset(t, 0, sizeof(*t));
	t->pass = pass;
	t->edit = edit;
	t->watch = watch;
	t->arg = arg;
	psi_collect_init(&t->pat_collect);
	pass->look[0] |= PASS_ALL;
}

static void
carry(struct tables *t, uint16_t pid)
{
	if (t->pmt[pid] != NULL)
		return;
	if ((t->pmt[pid] = malloc(sizeof(*t->pmt[pid]))) == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot follow a PMT");
	rewrite_init(t->pmt[pid], pid, edit_section, t);
	t->pass->look[pid] |= PASS_ALL;
}

static int
find_program(const struct pat *pat, uint16_t number)
{
	for (unsigned i = 0; i < pat->n; i++)
		if (pat->program[i].program_number == number)
			return (int)i;
	return -1;
}

/* What is known of a program stays with its number. */
static void
change_pat(struct tables *t, const struct pat *pat)
{
	struct tables_program before[PSI_PROGRAMS_MAX];
	bool seen[PSI_PROGRAMS_MAX], kept[TS_NPID] = { false };
	int k;

	memcpy(before, t->program, sizeof(before));
	memcpy(seen, t->seen, sizeof(seen));
	memset(t->program, 0, sizeof(t->program));
	memset(t->seen, 0, sizeof(t->seen));
	for (unsigned i = 0; i < pat->n; i++) {
		carry(t, pat->program[i].pid);
		kept[pat->program[i].pid] = true;
		if ((k = find_program(&t->pat, pat->program[i].program_number)) < 0)
			continue;
		t->program[i] = before[k];
		t->seen[i] = seen[k];
	}
	for (size_t pid = 0; pid < TS_NPID; pid++)
		if (!kept[pid] && t->pmt[pid] != NULL) {
			rewrite_flush(t->pmt[pid], &t->pass->sink);
			free(t->pmt[pid]);
			t->pmt[pid] = NULL;
		}
	t->pat = *pat;
}

static void
take_pat(struct tables *t, const struct ts_packet *pkt)
{
	const uint8_t *section;
	struct pat pat;
	size_t len;
	int r;

	while ((r = psi_collect_next(&t->pat_collect, pkt, &section, &len)) != 0)
		if (r > 0 && pat_parse(section, len, &pat) == 0 && (pat.n != t->pat.n ||
		    memcmp(pat.program, t->pat.program, pat.n * sizeof(pat.program[0])) != 0))
			change_pat(t, &pat);
}

/* As pmt_put(), or less than 0 if it stays as it is. */
static int
put_edited(struct tables_program *p, const struct pmt *pmt, uint8_t *out)
{
	int n = pmt->n < PSI_STREAMS_MAX ? pmt_put(pmt, out, PSI_SECTION_MAX) : -ENOSPC;

	if (n < 0 && !p->full)
		log_warn(0, "the PMT of program %u is full, it stays as it is",
		    pmt->program_number);
	p->full = n < 0;
	return n;
}

static int
edit_section(void *arg, const uint8_t *section, size_t len, bool damaged,
    uint8_t out[static PSI_SECTION_MAX])
{
	struct tables *t = arg;
	struct tables_program *p;
	struct pmt pmt;
	uint8_t version;
	bool changed;
	int i, n = -1;

	if (damaged || section[0] != PSI_TABLE_PMT || pmt_parse(section, len, &pmt) < 0 ||
	    (i = find_program(&t->pat, pmt.program_number)) < 0)
		return REWRITE_SAME;
	p = &t->program[i];
	t->seen[i] = true;
	changed = t->edit(t->arg, &pmt);
	if (t->watch)
		return REWRITE_SAME;
	if (changed)
		n = put_edited(p, &pmt, out);
	changed = n > 0;
	if (!changed) {
		memcpy(out, section, len);
		n = (int)len;
	}
	version = rewrite_version(&p->version, out, (size_t)n, pmt.version_number, changed);
	rewrite_set_version(out, (size_t)n, version);
	return changed || version != pmt.version_number ? n : REWRITE_SAME;
}

bool
tables_packet(struct tables *t, const struct ts_packet *pkt, bool damaged)
{
	struct rewrite *r = t->pmt[pkt->pid];
	uint8_t unused[PSI_SECTION_MAX];
	const uint8_t *section;
	size_t len;
	int n;

	if (pkt->pid == 0 && !damaged)
		take_pat(t, pkt);
	if (pkt->pid == 0 || r == NULL)
		return pkt->pid == 0;
	if (!t->watch) {
		rewrite_packet(r, &t->pass->sink, pkt, damaged);
		return true;
	}
	while (!damaged && (n = psi_collect_next(&r->collect, pkt, &section, &len)) != 0)
		edit_section(t, section, len, n < 0, unused);
	return true;
}

void
tables_flush(struct tables *t)
{
	for (size_t pid = 0; pid < TS_NPID; pid++)
		if (t->pmt[pid] != NULL) {
			rewrite_flush(t->pmt[pid], &t->pass->sink);
			free(t->pmt[pid]);
			t->pmt[pid] = NULL;
		}
}
