/* mlive-cue insert: cues into a stream; all else passes byte for byte. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/ebp.h"
#include "lib/media/pes.h"
#include "lib/media/rewrite.h"
#include "lib/base/ctl.h"
#include "schedule/cue.h"
#include "schedule/lines.h"
#include "schedule/pass.h"
#include "schedule/place.h"
#include "schedule/queue.h"
#include "schedule/stc.h"
#include "schedule/tables.h"

struct insert {
	const struct cue_options *o;
	struct pass pass;
	struct tables tables;
	struct place place;
	struct rewrite cues;		/* of cues.pid, 0 before there is one */
	struct stc stc;
	int64_t	 first;			/* media time of the first PCR */
	int64_t	 first_pts;		/* or PES_NO_TIME */
	int64_t	 arrival;		/* ns of the next PCR, by a clock packet */
	struct queue queue;
	struct order_ids ids;
	struct ctl control;
	uint64_t packets;		/* put in */
};

/* ---- lines */

static void
note_line(void *arg, char *line, const char *name)
{
	struct insert *s = arg;
	char err[FIELDS_ERROR];
	struct order *o = order_parse(&s->ids, line, name, err);

	if (o == NULL && err[0] != '\0')
		fatal(EXIT_USAGE, 0, "%s: %s", name, err);
	free(o);
}

static void
add_line(void *arg, char *line, const char *name)
{
	struct insert *s = arg;
	char err[FIELDS_ERROR];
	struct order *o = order_parse(&s->ids, line, name, err);

	if (o != NULL)
		queue_add(&s->queue, o, false);
}

/* Twice: ids that are given by themselves are none that a later line has. */
static void
read_file(struct insert *s)
{
	order_ids_init(&s->ids, s->o->id);
	if (s->o->file == NULL)
		return;
	lines_each(s->o->file, note_line, s);
	order_ids_init(&s->ids, s->ids.most >= s->o->id ? s->ids.most + 1 : s->o->id);
	lines_each(s->o->file, add_line, s);
}

static void
run_queue(struct insert *s)
{
	if (s->cues.pid != 0 && s->cues.pid == s->place.pid)
		queue_run(&s->queue);
}

static void
control_says(void *arg, char *line, char answer[static CTL_ANSWER])
{
	struct insert *s = arg;
	char err[FIELDS_ERROR];
	struct order *o = order_parse(&s->ids, line, "control", err);
	int64_t ms;

	if (o == NULL && err[0] != '\0') {
		snprintf(answer, CTL_ANSWER, "error: %s", err);
	} else if (o != NULL && queue_past(&s->queue, o, &ms)) {
		snprintf(answer, CTL_ANSWER, "error: its time was %" PRId64 " ms ago", ms);
		free(o);
	} else if (o != NULL) {
		if (o->has_id)
			snprintf(answer, CTL_ANSWER, "ok id=%" PRIu32, o->id);
		else
			snprintf(answer, CTL_ANSWER, "ok");
		queue_add(&s->queue, o, true);
		run_queue(s);
	}
}

/* ---- packets */

static bool
edit(void *arg, struct pmt *pmt)
{
	struct insert *s = arg;
	struct place *p = &s->place;
	bool changed = place_edit(p, &s->tables, pmt);

	s->pass.look[p->pcr_pid] |= PASS_CLOCK;
	if (p->time_pid != 0)
		s->pass.look[p->time_pid] |= PASS_CLOCK |
		    (s->queue.zero == STC_NO_TIME ? PASS_START : 0);
	if (p->pid == 0 || s->cues.pid == p->pid)
		return changed;
	rewrite_flush(&s->cues, &s->pass.sink);
	rewrite_init(&s->cues, p->pid, NULL, NULL);
	s->pass.look[p->pid] |= PASS_ALL;
	return changed;
}

static void
send_section(void *arg, const uint8_t *section, size_t len)
{
	struct insert *s = arg;

	s->packets += rewrite_add(&s->cues, &s->pass.sink, section, len);
}

/* The PTS that a packet begins with, or PES_NO_TIME. */
static int64_t
packet_pts(const struct ts_packet *pkt)
{
	struct pes_header h;

	if (!pkt->unit_start || pkt->scrambled || pkt->payload == NULL ||
	    pes_parse(pkt->payload, pkt->payload_len, &h) != 1)
		return PES_NO_TIME;
	return h.pts;
}

/* The beginning: the first PTS; without one for a second, the first PCR. */
static void
find_zero(struct insert *s, const struct ts_packet *pkt)
{
	if (s->queue.zero != STC_NO_TIME)
		return;
	if (s->first_pts == PES_NO_TIME && pkt->pid == s->place.time_pid)
		s->first_pts = packet_pts(pkt);
	if (s->stc.pcr == STC_NO_TIME)
		return;
	if (s->first_pts != PES_NO_TIME)
		s->queue.zero = stc_media(&s->stc, (uint64_t)s->first_pts);
	else if (stc_now(&s->stc) - s->first > CLK_90K)
		s->queue.zero = s->first;
	else
		return;
	s->queue.wake = INT64_MIN;
	if (s->place.time_pid != 0)
		s->pass.look[s->place.time_pid] &= (uint8_t)~PASS_START;
}

/* What a stream says of the time of day, mts(7). */
static void
take_marks(struct insert *s, const struct ts_packet *pkt)
{
	struct ebp ebp;
	int64_t pts;

	if (pkt->priv == NULL || ebp_parse(pkt->priv, pkt->priv_len, &ebp) < 0)
		return;
	if (pkt->pid == EBP_CLOCK_PID) {
		s->arrival = ebp.has_time ? clk_ntp_to_ns(ebp.ntp) : STC_NO_TIME;
		if (!ebp.has_time)
			s->queue.machine = false;
	} else if (ebp.has_time && s->stc.pcr != STC_NO_TIME &&
	    (pts = packet_pts(pkt)) != PES_NO_TIME) {
		stc_mark(&s->stc, (stc_media(&s->stc, (uint64_t)pts) - s->stc.offset) * 300,
		    clk_ntp_to_ns(ebp.ntp));
	}
}

static void
take_pcr(struct insert *s, const struct ts_packet *pkt)
{
	if (pkt->pid != s->place.pcr_pid || pkt->pcr == TS_NO_PCR)
		return;
	if (s->stc.pcr == STC_NO_TIME)
		s->first = pkt->pcr / 300;
	if (stc_pcr(&s->stc, pkt->pcr))
		log_info("the stream's clock has jumped");
	if (s->arrival != STC_NO_TIME)
		stc_mark(&s->stc, s->stc.pcr, s->arrival);
	s->arrival = STC_NO_TIME;
}

static void
take_packet(void *arg, const struct ts_packet *pkt, bool damaged)
{
	struct insert *s = arg;

	if (damaged)
		return;
	if (tables_packet(&s->tables, pkt, damaged)) {
		run_queue(s);
		return;
	}
	if (pkt->pid == s->cues.pid) {
		place_collision(&s->place);
		rewrite_packet(&s->cues, &s->pass.sink, pkt, damaged);
	}
	take_pcr(s, pkt);
	take_marks(s, pkt);
	find_zero(s, pkt);
	run_queue(s);
}

/* ---- the whole */

static void
count(void *arg, json_t *o)
{
	const struct insert *s = arg;

	json_object_set_new(o, "cues", json_integer((json_int_t)s->queue.cues));
	json_object_set_new(o, "messages", json_integer((json_int_t)s->queue.messages));
	json_object_set_new(o, "waiting", json_integer((json_int_t)s->queue.waiting));
	json_object_set_new(o, "missed", json_integer((json_int_t)s->queue.missed));
	json_object_set_new(o, "clock_jumps", json_integer((json_int_t)s->stc.jumps));
}

static void
start(struct insert *s, const struct cue_options *o)
{
	struct stat st;

	s->o = o;
	s->arrival = STC_NO_TIME;
	s->first_pts = PES_NO_TIME;
	stc_init(&s->stc);
	queue_init(&s->queue, &s->stc, send_section, s);
	s->queue.preroll = rescale_near((int64_t)o->preroll_ns, CLK_90K, CLK_SECOND);
	s->queue.heartbeat = rescale_near((int64_t)o->null_ns, CLK_90K, CLK_SECOND);
	s->queue.repeat = o->repeat;
	s->queue.machine = fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
	read_file(s);
	place_init(&s->place, o->pid, o->program);
	pass_init(&s->pass, o->stats, take_packet, count, s);
	tables_init(&s->tables, &s->pass, edit, false, s);
	s->pass.look[EBP_CLOCK_PID] |= PASS_CLOCK;
	if (o->control != NULL)
		ctl_open(&s->control, o->control, control_says, s);
}

/* Wait for the stream and for lines.  False if there is nothing of the stream. */
static bool
wait_for_both(struct insert *s)
{
	struct pollfd pfd[1 + CTL_POLL] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	unsigned n = ctl_poll(&s->control, pfd + 1);
	int r = io_wait(pfd, 1 + n, -1);

	if (r < 0 && r != -EINTR)
		fatal(EXIT_RUNTIME, -r, "cannot wait");
	if (r < 0)
		return io_stopping();
	ctl_ready(&s->control, pfd + 1, n);
	pass_flush(&s->pass);
	return pfd[0].revents != 0;
}

int
cue_insert(const struct cue_options *o)
{
	static struct insert s;
	bool more = true;

	start(&s, o);
	while (more)
		if (s.control.path == NULL || wait_for_both(&s))
			more = pass_read(&s.pass);
	rewrite_flush(&s.cues, &s.pass.sink);
	tables_flush(&s.tables);
	queue_end(&s.queue);
	pass_end(&s.pass);
	ctl_close(&s.control);
	log_info("cues=%" PRIu64 " messages=%" PRIu64 " missed=%" PRIu64 " packets=%" PRIu64
	    " added=%" PRIu64, s.queue.cues, s.queue.messages, s.queue.missed,
	    s.pass.sync.packets, s.packets);
	if (s.place.rounds > 0)
		return EXIT_SUCCESS;
	if (o->program != 0)
		fatal(EXIT_INPUT, 0, "there is no program '%u' in the stream", o->program);
	fatal(EXIT_INPUT, 0, "there is no program in the stream");
}
