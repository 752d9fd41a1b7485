#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "lib/media/tshealth_private.h"

#define KEEP		(5 * 204)	/* bytes to know packets by */
#define SWEEP		(10 * CLK_SECOND / 1000)

static const struct health_rule_info rules[HEALTH_RULES] = {
	[HEALTH_SYNC_LOSS] = { "1.1", "source_ts_sync_loss", "TS sync loss", 1 },
	[HEALTH_SYNC_BYTE] = { "1.2", "source_ts_byte_error", "sync byte", 1 },
	[HEALTH_PAT] = { "1.3", "source_pat_error", "PAT", 1 },
	[HEALTH_CONTINUITY] = { "1.4", "source_continuity_counter", "continuity count", 1 },
	[HEALTH_PMT] = { "1.5", "source_pmt_error", "PMT", 1 },
	[HEALTH_PID] = { "1.6", "source_pid_error", "PID", 1 },
	[HEALTH_TRANSPORT] = { "2.1", "source_transport_error", "transport", 2 },
	[HEALTH_CRC] = { "2.2", "source_crc_error", "CRC", 2 },
	[HEALTH_PCR_INTERVAL] = { "2.3a", "source_pcr_repetition_error",
	    "PCR repetition", 2 },
	[HEALTH_PCR_JUMP] = { "2.3b", "source_pcr_discontinuity_indicator_error",
	    "PCR discontinuity indicator", 2 },
	[HEALTH_PCR_ACCURACY] = { "2.4", "source_pcr_accuracy_error", "PCR accuracy", 2 },
	[HEALTH_PTS] = { "2.5", "source_pts_error", "PTS", 2 },
	[HEALTH_CAT] = { "2.6", "source_cat_error", "CAT", 2 },
	[HEALTH_NIT] = { "3.1", "source_nit_error", "NIT", 3 },
	[HEALTH_UNREFERENCED] = { "3.4", "source_unreferenced_pid", "unreferenced PID", 3 },
	[HEALTH_SDT] = { "3.5", "source_sdt_error", "SDT", 3 },
	[HEALTH_EIT] = { "3.6", "source_eit_error", "EIT", 3 },
	[HEALTH_RST] = { "3.7", "source_rst_error", "RST", 3 },
	[HEALTH_TDT] = { "3.8", "source_tdt_error", "TDT", 3 },
};

const struct health_rule_info *
health_rule_info(enum health_rule rule)
{
	return &rules[rule];
}

void
health_config_init(struct health_config *cfg)
{
	const int64_t ms = CLK_SECOND / 1000;

	*cfg = (struct health_config){
		.pat_ns = 500 * ms, .pmt_ns = 500 * ms, .pid_ns = 5000 * ms,
		.cat_ns = 2000 * ms, .pts_ns = 700 * ms,
		.pcr_ns = 100 * ms, .pcr_jump_ns = 100 * ms, .pcr_accuracy_ns = 500,
		.nit_ns = 10000 * ms, .sdt_ns = 2000 * ms, .eit_ns = 2000 * ms,
		.tdt_ns = 30000 * ms, .section_gap_ns = 25 * ms,
		.unreferenced_ns = 500 * ms,
	};
}

/* ---- faults */

static void
tell(struct health *h, enum health_rule rule, enum health_state state, uint16_t pid,
    uint16_t program, const char *detail)
{
	if (state != HEALTH_END)
		h->count[rule]++;
	if (h->cfg.event != NULL)
		h->cfg.event(h->cfg.arg, &(struct health_event){
			.rule = rule, .state = state, .now_ns = h->now_ns,
			.packet = h->packets, .pid = pid, .program = program,
			.detail = detail,
		});
}

void
health_once(struct health *h, enum health_rule rule, uint16_t pid, uint16_t program,
    const char *fmt, ...)
{
	char detail[128] = "";
	va_list ap;

	if (h->cfg.event != NULL) {
		va_start(ap, fmt);
		vsnprintf(detail, sizeof(detail), fmt, ap);
		va_end(ap);
	}
	tell(h, rule, HEALTH_ONCE, pid, program, detail);
}

void
health_lasting(struct health *h, enum health_rule rule, bool *open, bool bad,
    uint16_t pid, uint16_t program, const char *what)
{
	if (bad == *open)
		return;
	*open = bad;
	tell(h, rule, bad ? HEALTH_BEGIN : HEALTH_END, pid, program, what);
}

void
health_range_add(struct health_range *r, int64_t v)
{
	if (r->n == 0 || v < r->min)
		r->min = v;
	if (r->n == 0 || v > r->max)
		r->max = v;
	r->sum += v;
	r->n++;
}

/* ---- PIDs */

struct health_pid *
health_pid(struct health *h, uint16_t pid)
{
	struct health_pid *q = h->pid[pid];

	if (q != NULL)
		return q;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->pid = pid;
	q->first_ns = q->last_ns = h->now_ns;
	h->used[h->nused++] = pid;
	h->pid[pid] = q;
	return q;
}

/* 2.5: only where times are, and can be read. */
static void
check_pts(struct health *h, struct health_pid *q, const struct ts_packet *pkt)
{
	struct pes_header pes;

	if (pes_parse(pkt->payload, pkt->payload_len, &pes) != 1 ||
	    pes.pts == PES_NO_TIME)
		return;
	health_lasting(h, HEALTH_PTS, &q->pts_missing, false, q->pid, q->program, "");
	q->pts_seen = true;
	q->pts_ns = h->now_ns;
}

static void
note_scrambled(struct health *h, struct health_pid *q)
{
	struct health_private *v = h->private;

	q->scrambled++;
	h->scrambled++;
	if (!v->scrambled_seen)
		v->scrambled_ns = h->now_ns;
	v->scrambled_seen = true;
	if (q->pid == 0)
		health_once(h, HEALTH_PAT, 0, 0, "PID 0 is scrambled");
	else if (q->table && q->stream_type == 0 && q->pid > 0x1f)
		health_once(h, HEALTH_PMT, q->pid, q->program, "the PMT is scrambled");
}

/* ---- times */

/* All faults that are there because something is not. */
static void
sweep(struct health *h)
{
	const struct health_config *cfg = &h->cfg;
	struct health_private *v = h->private;
	int64_t now = h->now_ns, slack = v->slack_ns;

	v->sweep_ns = now + SWEEP;
	if (!h->locked && v->lost)
		return;			/* TR 101 290 5.2.1: nothing else means a thing */
	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];

		if (q->timed && now - q->last_ns > cfg->pid_ns + slack)
			health_lasting(h, HEALTH_PID, &q->missing, true, q->pid,
			    q->program, "does not come");
		if (q->timed && q->pts_seen && q->scrambled == 0 &&
		    now - q->pts_ns > cfg->pts_ns + slack)
			health_lasting(h, HEALTH_PTS, &q->pts_missing, true, q->pid,
			    q->program, "no PTS");
		if (!q->referenced && !q->reported && q->packets > 0 && q->pid > 0x1f &&
		    q->pid < 0x1ffb && h->has_pat &&
		    q->last_ns - q->first_ns > cfg->unreferenced_ns + slack) {
			q->reported = true;
			health_once(h, HEALTH_UNREFERENCED, q->pid, 0,
			    "in no PMT and not in the CAT");
		}
	}
	health_tables_sweep(h);
	health_clock_sweep(h);
}

static void
set_time(struct health *h, int64_t now_ns)
{
	struct health_private *v = h->private;

	if (now_ns > h->now_ns)
		h->now_ns = now_ns;
	if (v->begun && h->now_ns >= v->sweep_ns)
		sweep(h);
}

/* What was awaited is awaited from now on. */
static void
restart(struct health *h)
{
	ts_continuity_forget(&h->private->sync);
	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];

		q->last_ns = q->pts_ns = h->now_ns;
		if (q->packets == 0 || !q->reported)
			q->first_ns = h->now_ns;
		if (q->collect != NULL)
			psi_collect_init(q->collect);
	}
	health_tables_restart(h);
	health_clock_restart(h);
}

/* ---- packets */

static void
begin(struct health *h)
{
	struct health_private *v = h->private;

	v->begun = true;
	h->first_ns = v->start_ns = v->window_ns = h->now_ns;
	health_tables_begin(h);
}

static void
take_packet(struct health *h, const uint8_t *p)
{
	struct health_private *v = h->private;
	struct ts_packet pkt;
	struct health_pid *q;
	uint16_t pid = (uint16_t)((p[1] & 0x1f) << 8 | p[2]);
	unsigned before = v->sync.seen[pid] & 0x0f;

	if (!v->begun)
		begin(h);
	h->packets++;
	v->window_packets++;
	health_clock_step(h);
	if ((p[1] & 0x80) != 0) {
		/* TR 101 290 2.1: no other fault is derived from such a packet. */
		ts_continuity_passed(&v->sync, p);
		if ((q = h->pid[pid]) != NULL)
			q->damaged++;
		health_once(h, HEALTH_TRANSPORT, pid, q != NULL ? q->program : 0,
		    "transport_error_indicator");
		return;
	}
	if (pid == TS_PID_NULL) {
		h->null_packets++;
		v->window_null++;
		return;
	}
	if ((q = health_pid(h, pid)) == NULL)
		return;
	if (q->packets++ == 0)
		q->first_ns = h->now_ns;
	q->window++;
	if (ts_parse(p, &pkt) < 0) {
		ts_continuity_passed(&v->sync, p);
		q->damaged++;
		h->damaged++;
		return;
	}
	ts_continuity(&v->sync, &pkt);
	q->duplicates += pkt.duplicate;
	if (pkt.lost) {
		q->lost++;
		health_clock_gap(h);
		health_once(h, HEALTH_CONTINUITY, pid, q->program,
		    "counter %u after %u", p[3] & 0x0fu, before);
	}
	if (pkt.pcr != TS_NO_PCR && !pkt.duplicate)
		health_pcr(h, q, &pkt);
	q->last_ns = h->now_ns;
	if (q->missing)
		health_lasting(h, HEALTH_PID, &q->missing, false, pid, q->program, "");
	if (pkt.scrambled)
		note_scrambled(h, q);
	else if (q->collect != NULL)
		health_sections(h, q, &pkt);
	else if (pkt.unit_start && q->timed && pkt.payload != NULL && !pkt.duplicate)
		check_pts(h, q, &pkt);
	if (h->now_ns >= v->sweep_ns)
		sweep(h);
}

/* 1.1 and 1.2: two wrong sync bytes in a row lose it, five right ones find it. */
static bool
lose_sync(struct health *h, const uint8_t *p)
{
	struct health_private *v = h->private;

	health_once(h, HEALTH_SYNC_BYTE, HEALTH_NO_PID, 0, "0x%02x instead of 0x47", p[0]);
	if (++v->bad_syncs < 2) {
		h->packets++;
		v->window_packets++;
		health_clock_step(h);
		ts_continuity_passed(&v->sync, p);
		return false;
	}
	h->locked = false;
	health_lasting(h, HEALTH_SYNC_LOSS, &v->lost, true, HEALTH_NO_PID, 0, "");
	return true;
}

/* Read the packets at the front of the buffer.  Returns the bytes that are done. */
static size_t
read_packets(struct health *h, bool eof)
{
	struct health_private *v = h->private;
	size_t pos = 0, at, stride, keep;

	for (;;) {
		size_t left = v->len - pos;
		const uint8_t *p = v->buf + pos;

		if (!h->locked) {
			if (!ts_probe(p, left, eof, &at, &stride)) {
				keep = eof ? 0 : left < KEEP ? left : KEEP;
				h->junk_bytes += left - keep;
				return v->len - keep;
			}
			h->junk_bytes += at;
			pos += at;
			h->locked = true;
			h->stride = stride;
			v->bad_syncs = 0;
			if (v->lost)
				restart(h);
			health_lasting(h, HEALTH_SYNC_LOSS, &v->lost, false,
			    HEALTH_NO_PID, 0, "");
			continue;
		}
		if (left < (eof ? TS_PACKET : h->stride))
			return eof ? v->len : pos;
		if (p[0] != TS_SYNC) {
			if (!lose_sync(h, p))
				pos += h->stride < left ? h->stride : left;
			continue;
		}
		v->bad_syncs = 0;
		take_packet(h, p);
		pos += h->stride < left ? h->stride : left;
	}
}

static void
drain(struct health *h, bool eof)
{
	struct health_private *v = h->private;
	size_t done = read_packets(h, eof);

	v->len -= done;
	if (done > 0 && v->len > 0)
		memmove(v->buf, v->buf + done, v->len);
}

void
health_push(struct health *h, const uint8_t *p, size_t len, int64_t arrival_ns)
{
	struct health_private *v = h->private;

	if (h->cfg.arrival)
		set_time(h, arrival_ns);
	while (len > 0) {
		size_t n = sizeof(v->buf) - v->len < len ? sizeof(v->buf) - v->len : len;

		memcpy(v->buf + v->len, p, n);
		v->len += n;
		p += n;
		len -= n;
		drain(h, false);
	}
}

void
health_tick(struct health *h, int64_t now_ns)
{
	if (h->cfg.arrival)
		set_time(h, now_ns);
}

void
health_gap(struct health *h)
{
	health_clock_gap(h);
}

void
health_end(struct health *h)
{
	drain(h, true);
	if (h->private->begun)
		sweep(h);
}

/* ---- the window */

static uint64_t
rate_of(uint64_t packets, int64_t ns)
{
	return ns <= 0 ? 0 : (uint64_t)((unsigned __int128)packets * TS_PACKET * 8 *
	    (uint64_t)CLK_SECOND / (uint64_t)ns);
}

void
health_window(struct health *h)
{
	struct health_private *v = h->private;
	int64_t ns = h->now_ns - v->window_ns;

	h->has_rate |= ns > 0;
	h->rate_bps = rate_of(v->window_packets, ns);
	h->mean_rate_bps = rate_of(h->packets, h->now_ns - h->first_ns);
	h->null_rate_bps = rate_of(v->window_null, ns);
	v->window_packets = v->window_null = 0;
	v->window_ns = h->now_ns;
	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];

		q->rate_bps = rate_of(q->window, ns);
		q->window = 0;
	}
	health_clock_window(h);
}

bool
health_lacks(const struct health *h, enum codec_kind kind)
{
	for (unsigned i = 0; i < h->nprogram; i++) {
		const struct health_program *g = &h->program[i];

		for (unsigned k = 0; k < g->npid; k++) {
			const struct health_pid *q = h->pid[g->pid[k]];

			if (q != NULL && codec_kind(q->codec) == kind && q->packets > 0 &&
			    !q->missing)
				return false;
		}
	}
	return true;
}

struct health *
health_new(const struct health_config *cfg)
{
	struct health *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->private = calloc(1, sizeof(*h->private))) == NULL) {
		free(h);
		return NULL;
	}
	h->cfg = *cfg;
	ts_sync_init(&h->private->sync);
	return h;
}

void
health_free(struct health *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];

		if (q->clock != NULL)
			free(q->clock->state);
		free(q->clock);
		free(q->collect);
		free(q);
	}
	free(h->private);
	free(h);
}
