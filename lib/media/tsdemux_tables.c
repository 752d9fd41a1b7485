/* PAT and PMT: which programs there are and which streams they have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/tsdemux_private.h"

void
tsdemux_stream_free(struct tsdemux_stream *s)
{
	if (s == NULL)
		return;
	free(s->state->sections);
	free(s->state->buf);
	free(s->state);
	free(s);
}

static struct tsdemux_stream *
stream_new(const struct pmt_stream *es)
{
	struct tsdemux_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->pid = es->pid;
	s->stream_type = es->stream_type;
	s->codec = codec_of(es->stream_type, es->desc, es->desc_len);
	s->state = calloc(1, sizeof(*s->state));
	if (s->state == NULL) {
		free(s);
		return NULL;
	}
	s->state->last_dts = INT64_MIN;
	if (s->codec == CODEC_SCTE35) {
		s->state->sections = malloc(sizeof(*s->state->sections));
		if (s->state->sections == NULL) {
			tsdemux_stream_free(s);
			return NULL;
		}
		psi_collect_init(s->state->sections);
	}
	return s;
}

static void
read_descriptors(struct tsdemux_stream *s, const struct pmt_stream *es)
{
	const uint8_t *p;
	size_t len;

	s->desc_len = es->desc_len < sizeof(s->desc) ? es->desc_len :
	    sizeof(s->desc);
	memcpy(s->desc, es->desc, s->desc_len);
	s->language[0] = '\0';
	s->max_bitrate = 0;
	p = desc_find(es->desc, es->desc_len, DESC_ISO_639, &len);
	if (p != NULL && len >= 4) {
		bool letters = true;

		for (unsigned i = 0; i < 3; i++)
			if ((p[i] | 0x20) < 'a' || (p[i] | 0x20) > 'z')
				letters = false;
		for (unsigned i = 0; i < 3 && letters; i++)
			s->language[i] = (char)(p[i] | 0x20);
		s->language[3] = '\0';
		s->audio_type = p[3];
	}
	p = desc_find(es->desc, es->desc_len, DESC_MAXIMUM_BITRATE, &len);
	if (p != NULL && len >= 3)	/* in units of 50 bytes a second */
		s->max_bitrate = ((uint32_t)(p[0] & 0x3f) << 16 |
		    (uint32_t)p[1] << 8 | p[2]) * 400;
}

/* A PAT other than the one we have: keep it. */
static bool
keep_pat(struct tsdemux_private *v, const uint8_t *section, size_t len)
{
	struct pat pat;

	if ((len == v->pat_len && memcmp(section, v->pat_section, len) == 0) ||
	    pat_parse(section, len, &pat) < 0)
		return false;
	memcpy(v->pat_section, section, len);
	v->pat_len = len;
	return v->new_pat = true;
}

/* Likewise a PMT.  Several programs may have theirs on one PID. */
static bool
keep_pmt(struct tsdemux *d, const uint8_t *section, size_t len)
{
	struct tsdemux_private *v = d->private;
	struct pmt pmt;

	if (pmt_parse(section, len, &pmt) < 0)
		return false;
	for (unsigned i = 0; i < d->nprogram; i++) {
		struct program_state *ps = v->program[i];

		if (d->program[i].pmt_pid != v->pkt.pid ||
		    d->program[i].program_number != pmt.program_number)
			continue;
		if (len == ps->len && memcmp(section, ps->section, len) == 0)
			return false;
		memcpy(ps->section, section, len);
		ps->len = len;
		return true;
	}
	return false;
}

int
tsdemux_collect_tables(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;
	const struct pid_entry *e = &v->pid[v->pkt.pid];
	struct psi_collect *c = e->kind == PID_PAT ? &v->pat :
	    &v->program[e->index]->collect;
	const uint8_t *section;
	size_t len;
	int r;

	while ((r = psi_collect_next(c, &v->pkt, &section, &len)) != 0) {
		if (r < 0)
			d->crc_errors++;
		else if (len <= PSI_SECTION_MAX && (e->kind == PID_PAT ?
		    keep_pat(v, section, len) : keep_pmt(d, section, len)))
			return 1;
	}
	return 0;
}

static bool
in_pat(const struct pat *pat, const struct tsdemux_program *p)
{
	for (unsigned i = 0; i < pat->n; i++)
		if (pat->program[i].pid == p->pmt_pid &&
		    pat->program[i].program_number == p->program_number)
			return true;
	return false;
}

static bool
in_pmt(const struct pmt *pmt, const struct tsdemux_stream *s)
{
	for (unsigned i = 0; i < pmt->n; i++) {
		const struct pmt_stream *es = &pmt->stream[i];

		if (es->pid == s->pid && es->stream_type == s->stream_type &&
		    codec_of(es->stream_type, es->desc, es->desc_len) == s->codec)
			return true;
	}
	return false;
}

/* Will the stream be listed when the waiting table is applied? */
static bool
still_listed(const struct tsdemux *d, const struct tsdemux_stream *s)
{
	const struct tsdemux_private *v = d->private;
	struct pat pat;
	struct pmt pmt;

	if (pat_parse(v->pat_section, v->pat_len, &pat) < 0)
		return true;
	for (unsigned i = 0; i < d->nprogram; i++) {
		const struct program_state *ps = v->program[i];

		if (ps->len > 0 && in_pat(&pat, &d->program[i]) &&
		    pmt_parse(ps->section, ps->len, &pmt) == 0 &&
		    in_pmt(&pmt, s))
			return true;
	}
	return false;
}

struct tsdemux_stream *
tsdemux_doomed(struct tsdemux *d)
{
	for (unsigned i = 0; i < d->nstream; i++)
		if (d->stream[i]->state->open && !still_listed(d, d->stream[i]))
			return d->stream[i];
	return NULL;
}

/* A new PAT: keep what we know of the programs that stay. */
static int
apply_pat(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;
	struct program_state *old[PSI_PROGRAMS_MAX];
	struct tsdemux_program was[PSI_PROGRAMS_MAX];
	unsigned nwas = d->nprogram;
	struct pat pat = { 0 };

	pat_parse(v->pat_section, v->pat_len, &pat);	/* keep_pat() tried it */
	memcpy(old, v->program, sizeof(old));
	memcpy(was, d->program, sizeof(was));
	memset(v->program, 0, sizeof(v->program));
	d->nprogram = 0;
	for (unsigned i = 0; i < pat.n; i++) {
		struct tsdemux_program *p = &d->program[d->nprogram];
		struct program_state **ps = &v->program[d->nprogram];

		*p = (struct tsdemux_program){
			.program_number = pat.program[i].program_number,
			.pmt_pid = pat.program[i].pid, .pcr_pid = TS_PID_NULL,
		};
		for (unsigned j = 0; j < nwas && *ps == NULL; j++)
			if (old[j] != NULL &&
			    was[j].program_number == p->program_number &&
			    was[j].pmt_pid == p->pmt_pid) {
				*p = was[j];
				*ps = old[j];
				old[j] = NULL;
			}
		if (*ps == NULL) {
			*ps = calloc(1, sizeof(**ps));
			if (*ps != NULL)
				psi_collect_init(&(*ps)->collect);
		}
		if (*ps == NULL)
			break;
		d->nprogram++;
	}
	for (unsigned j = 0; j < nwas; j++)
		free(old[j]);
	return d->nprogram == pat.n ? 1 : -ENOMEM;
}

/* List one PMT entry as a stream of program i. */
static int
apply_entry(struct tsdemux *d, unsigned i, unsigned order, const struct pmt_stream *es)
{
	enum codec codec = codec_of(es->stream_type, es->desc, es->desc_len);
	struct tsdemux_stream *s = NULL;

	for (unsigned j = 0; j < d->nstream && s == NULL; j++)
		if (d->stream[j]->pid == es->pid &&
		    d->stream[j]->stream_type == es->stream_type &&
		    d->stream[j]->codec == codec)
			s = d->stream[j];
	if (s == NULL) {
		for (unsigned j = 0; j < d->nstream; j++)
			if (d->stream[j]->pid == es->pid &&
			    d->stream[j]->programs != 0)
				return 0;	/* two types on one PID: the first */
		if (d->nstream == PSI_STREAMS_MAX)
			return 0;
		s = stream_new(es);
		if (s == NULL)
			return -ENOMEM;
		d->stream[d->nstream++] = s;
	}
	if (s->programs == 0)
		s->order = i * PSI_STREAMS_MAX + order;
	s->programs |= UINT64_C(1) << i;
	read_descriptors(s, es);
	return 0;
}

/* Move the streams that no program lists to the ones that go. */
static void
sweep(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;
	unsigned keep = 0;

	for (unsigned i = 0; i < d->nstream; i++) {
		struct tsdemux_stream *s = d->stream[i];

		if (s->programs != 0) {
			d->stream[keep++] = s;
		} else if (v->ngone < PSI_STREAMS_MAX) {
			s->gone = true;
			v->gone[v->ngone++] = s;
		} else {
			tsdemux_stream_free(s);
		}
	}
	d->nstream = keep;
}

static void
map_pids(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;

	memset(v->pid, 0, sizeof(v->pid));
	v->pid[0].kind = PID_PAT;
	v->pid[EBP_CLOCK_PID].kind = PID_CLOCK;
	for (unsigned i = 0; i < d->nstream; i++)
		v->pid[d->stream[i]->pid] = (struct pid_entry){
			.kind = PID_STREAM, .index = (uint8_t)i,
		};
	for (unsigned i = 0; i < d->nprogram; i++) {
		if (d->program[i].pmt_pid != 0)
			v->pid[d->program[i].pmt_pid] = (struct pid_entry){
				.kind = PID_PMT, .index = (uint8_t)i,
			};
		if (d->program[i].seen && d->program[i].pcr_pid != TS_PID_NULL)
			v->pid[d->program[i].pcr_pid].pcr = true;
	}
}

int
tsdemux_apply_table(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;
	int r = v->new_pat ? apply_pat(d) : 1;

	v->new_pat = false;
	if (r < 0)
		return r;
	for (unsigned i = 0; i < d->nstream; i++)
		d->stream[i]->programs = 0;
	for (unsigned i = 0; i < d->nprogram; i++) {
		struct program_state *ps = v->program[i];
		struct pmt pmt;

		if (ps->len == 0 || pmt_parse(ps->section, ps->len, &pmt) < 0)
			continue;
		d->program[i].pcr_pid = pmt.pcr_pid;
		d->program[i].version_number = pmt.version_number;
		d->program[i].seen = true;
		for (unsigned j = 0; j < pmt.n; j++)
			if ((r = apply_entry(d, i, j, &pmt.stream[j])) < 0)
				return r;
	}
	sweep(d);
	map_pids(d);
	return 1;
}
