/* mlive-cue map: cues rewritten by rules; all else passes byte for byte. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "schedule/cue.h"
#include "schedule/lines.h"
#include "schedule/pass.h"
#include "schedule/rules.h"
#include "schedule/tables.h"

struct map {
	const struct cue_options *o;
	struct pass pass;
	struct tables tables;
	struct rewrite *cues[TS_NPID];	/* of the PIDs that have any */
	struct rules rules;
	uint64_t sections, changed, dropped;
	uint64_t unread;		/* damaged, encrypted, or no cue at all */
	uint64_t unfit;			/* that a rule matches, but cannot change */
};

static struct scte35 cue;		/* big, and one at a time */

/* ---- rules */

static void
add_rule(void *arg, char *line, const char *name)
{
	struct map *m = arg;
	char err[FIELDS_ERROR];

	if (!rules_parse(&m->rules, line, err))
		fatal(EXIT_USAGE, 0, "%s: %s", name, err);
}

static void
read_rules(struct map *m)
{
	for (int i = 0; i < m->o->nrule; i++)
		add_rule(m, m->o->rule[i], "--rule");
	if (m->o->file != NULL)
		lines_each(m->o->file, add_rule, m);
	if (m->rules.n == 0)
		log_warn(0, "there is no rule: all cues stay as they are");
}

/* ---- sections */

static int
put_cue(struct map *m, uint8_t *out)
{
	int n = scte35_put(&cue, out, PSI_SECTION_MAX);

	if (n < 0) {
		m->unfit++;
		log_warn(0, "a changed message is too long, it stays as it is");
		return REWRITE_SAME;
	}
	m->changed++;
	return n;
}

static int
edit_section(void *arg, const uint8_t *section, size_t len, bool damaged,
    uint8_t out[static PSI_SECTION_MAX])
{
	struct map *m = arg;
	bool unfit;

	m->sections++;
	if (damaged || scte35_parse(section, len, &cue) < 0 || cue.encrypted) {
		m->unread++;
		log_debug("a section stays that cannot be read");
		return REWRITE_SAME;
	}
	switch (rules_apply(&m->rules, &cue, &unfit)) {
	case RULES_DROP:
		m->dropped++;
		return 0;
	case RULES_CHANGED:
		return put_cue(m, out);
	default:
		m->unfit += unfit;
		return REWRITE_SAME;
	}
}

/* ---- packets */

static bool
look(void *arg, struct pmt *pmt)
{
	struct map *m = arg;

	for (unsigned i = 0; i < pmt->n; i++) {
		uint16_t pid = pmt->stream[i].pid;

		if (pmt->stream[i].stream_type != CUE_STREAM_TYPE || m->cues[pid] != NULL ||
		    (m->o->pid != 0 && pid != m->o->pid))
			continue;
		if ((m->cues[pid] = malloc(sizeof(*m->cues[pid]))) == NULL)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot follow a PID");
		rewrite_init(m->cues[pid], pid, edit_section, m);
		m->pass.look[pid] |= PASS_ALL;
	}
	return false;
}

static void
take_packet(void *arg, const struct ts_packet *pkt, bool damaged)
{
	struct map *m = arg;

	if (!tables_packet(&m->tables, pkt, damaged) && m->cues[pkt->pid] != NULL)
		rewrite_packet(m->cues[pkt->pid], &m->pass.sink, pkt, damaged);
}

static void
count(void *arg, json_t *o)
{
	const struct map *m = arg;

	json_object_set_new(o, "cues", json_integer((json_int_t)m->sections));
	json_object_set_new(o, "changed", json_integer((json_int_t)m->changed));
	json_object_set_new(o, "dropped", json_integer((json_int_t)m->dropped));
	json_object_set_new(o, "unread", json_integer((json_int_t)m->unread));
	json_object_set_new(o, "unfit", json_integer((json_int_t)m->unfit));
}

int
cue_map(const struct cue_options *o)
{
	static struct map m;

	m.o = o;
	read_rules(&m);
	pass_init(&m.pass, o->stats, take_packet, count, &m);
	tables_init(&m.tables, &m.pass, look, true, &m);
	while (pass_read(&m.pass))
		;
	for (size_t pid = 0; pid < TS_NPID; pid++)
		if (m.cues[pid] != NULL) {
			rewrite_flush(m.cues[pid], &m.pass.sink);
			free(m.cues[pid]);
		}
	tables_flush(&m.tables);
	pass_end(&m.pass);
	log_info("cues=%" PRIu64 " changed=%" PRIu64 " dropped=%" PRIu64 " unread=%" PRIu64
	    " unfit=%" PRIu64, m.sections, m.changed, m.dropped, m.unread, m.unfit);
	return EXIT_SUCCESS;
}
