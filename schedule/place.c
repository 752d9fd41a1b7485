#include <string.h>

#include "lib/base/log.h"
#include "lib/media/codec.h"
#include "lib/media/ebp.h"
#include "schedule/cue.h"
#include "schedule/place.h"

#define ATSC_BASE	0x1ffb		/* tables of ATSC A/65, without a PMT */
#define PATIENCE	3		/* PMTs of ours, before all others have come */

void
place_init(struct place *p, uint16_t pid, uint16_t program)
{
	*p = (struct place){ .asked_pid = pid, .asked_program = program };
	p->taken[ATSC_BASE] = p->taken[EBP_CLOCK_PID] = p->taken[TS_PID_NULL] = true;
	for (unsigned i = 0; i < 0x20; i++)
		p->taken[i] = true;	/* 13818-1 table 2-3, DVB SI */
}

/* ---- what is where */

static void
learn(struct place *p, const struct tables *t, const struct pmt *pmt)
{
	for (unsigned i = 0; i < t->pat.n; i++)
		p->taken[t->pat.program[i].pid] = true;
	p->taken[pmt->pcr_pid] = true;
	for (unsigned i = 0; i < pmt->n; i++)
		if (pmt->stream[i].stream_type == CUE_STREAM_TYPE)
			p->cues[pmt->stream[i].pid] = true;
		else
			p->taken[pmt->stream[i].pid] = true;
}

static void
learn_clock(struct place *p, const struct pmt *pmt)
{
	uint16_t sound = 0, pictures = 0;

	for (unsigned i = pmt->n; i-- > 0;) {
		const struct pmt_stream *s = &pmt->stream[i];
		enum codec_kind kind = codec_kind(codec_of(s->stream_type, s->desc, s->desc_len));

		if (kind == KIND_VIDEO)
			pictures = s->pid;
		else if (kind == KIND_AUDIO)
			sound = s->pid;
	}
	p->pcr_pid = pmt->pcr_pid;
	p->time_pid = pictures != 0 ? pictures : sound;
}

/* ---- the PID */

static bool
announces(const struct pmt *pmt, uint16_t pid)
{
	for (unsigned i = 0; i < pmt->n; i++)
		if (pmt->stream[i].pid == pid && pmt->stream[i].stream_type == CUE_STREAM_TYPE)
			return true;
	return false;
}

static uint16_t
first_cues(const struct pmt *pmt)
{
	for (unsigned i = 0; i < pmt->n; i++)
		if (pmt->stream[i].stream_type == CUE_STREAM_TYPE)
			return pmt->stream[i].pid;
	return 0;
}

static uint16_t
first_free(const struct place *p)
{
	for (uint16_t pid = PLACE_FIRST; pid < TS_PID_NULL; pid++)
		if (!p->taken[pid] && !p->cues[pid])
			return pid;
	return 0;
}

static void
choose_pid(struct place *p, const struct pmt *pmt)
{
	bool source = p->pid != 0 && announces(pmt, p->pid);

	if (p->asked_pid != 0) {
		p->pid = p->taken[p->asked_pid] ? 0 : p->asked_pid;
		if (p->pid == 0 && !p->announced)
			fatal(EXIT_INPUT, 0, "the PID '%u' has something else on it",
			    p->asked_pid);
		if (p->pid == 0 && !p->warned)
			log_warn(0, "the PID '%u' has something else on it now: no more cues",
			    p->asked_pid);
		p->warned = p->pid == 0;
	} else if (source) {
		p->shared = true;
	} else if (p->pid == 0 || p->shared || p->taken[p->pid]) {
		p->pid = first_cues(pmt);
		p->shared = p->pid != 0;
		if (!p->shared)
			p->pid = first_free(p);
	}
	if (p->pid == 0 || p->announced)
		return;
	log_info("cues go to PID %u of program %u", p->pid, p->program);
	p->announced = true;
}

/* ---- the PMT */

static bool
has_registration(const struct pmt *pmt)
{
	for (size_t i = 0; i + 2 <= pmt->desc_len; i += 2 + (size_t)pmt->desc[i + 1])
		if (pmt->desc[i] == DESC_REGISTRATION && pmt->desc[i + 1] >= 4 &&
		    i + 6 <= pmt->desc_len && memcmp(pmt->desc + i + 2, "CUEI", 4) == 0)
			return true;
	return false;
}

static bool
announce(struct place *p, struct pmt *pmt)
{
	bool changed = false;

	if (!announces(pmt, p->pid) && pmt->n < PSI_STREAMS_MAX) {
		pmt->stream[pmt->n++] = (struct pmt_stream){
			.stream_type = CUE_STREAM_TYPE, .pid = p->pid,
		};
		changed = true;
	}
	if (!has_registration(pmt) && pmt->desc_len + 6 <= sizeof(p->desc)) {
		size_t fill = 0;

		desc_put(p->desc, sizeof(p->desc), &fill, DESC_REGISTRATION, "CUEI", 4);
		memcpy(p->desc + fill, pmt->desc, pmt->desc_len);
		pmt->desc = p->desc;
		pmt->desc_len += fill;
		changed = true;
	}
	return changed;
}

/* Have all PMTs come?  Some never do; ours has been sent a few times then. */
static bool
all_known(const struct place *p, const struct tables *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->pat.n; i++)
		n += t->seen[i];
	return p->rounds > 0 && (n == t->pat.n || p->rounds >= PATIENCE);
}

/* The one that is asked for, else the first, as long as there is one of its number. */
static void
choose_program(struct place *p, const struct pat *pat)
{
	for (unsigned i = 0; i < pat->n; i++)
		if (pat->program[i].program_number == p->program)
			return;
	p->program = p->asked_program != 0 ? p->asked_program : pat->program[0].program_number;
}

bool
place_edit(struct place *p, const struct tables *t, struct pmt *pmt)
{
	bool ours;

	choose_program(p, &t->pat);
	ours = pmt->program_number == p->program;
	learn(p, t, pmt);
	if (ours) {
		learn_clock(p, pmt);
		p->rounds++;
	}
	if (!all_known(p, t))
		return false;
	if (ours)
		choose_pid(p, pmt);
	else if (p->asked_program != 0 || pmt->pcr_pid != p->pcr_pid)
		return false;
	return p->pid != 0 && announce(p, pmt);
}

void
place_collision(struct place *p)
{
	if (p->asked_pid == 0 && !p->shared)
		p->taken[p->pid] = true;
}
