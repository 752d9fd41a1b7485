#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/cuepid.h"
#include "ingest/pace.h"
#include "ingest/pass.h"
#include "ingest/programs.h"
#include "ingest/stamp.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/ebp.h"
#include "lib/media/pes.h"

#define HOLD_MAX	(8 << 20)		/* until the tables are known */
#define HOLD_NS		(2 * CLK_SECOND)
#define NO_PCR		CLK_90K			/* of decoding times: there is none */
#define NO_CLOCK	40000			/* packets: nor are there those */
#define AHEAD_MAX	(4000 * TS_PACKET)	/* for the rest of a header */
#define CLOCK_EVERY	CLK_SECOND
#define PROBE		8192		/* bytes in which packets show */
#define PROBE_KEEP	1024		/* of these, packets could begin in so many */

struct pass {
	struct pass_config cfg;
	struct out	*out;
	struct ts_sync	 sync;
	struct programs	 programs;
	struct stamp	 stamp;
	struct cuepid	 cues;
	bool		 started, done, broken;
	bool		 foreign_clock;	/* the stream brings its own */
	int64_t		 utc_ns;	/* arrival of what is being read */

	/* The clock of the source, if it has said. */
	bool		 mapped, clock_sent;
	int64_t		 map_pts, map_utc_ns;
	int64_t		 clock_ns;	/* UTC in the last clock packet */

	/* The media clock. */
	uint16_t	 pcr_pid;	/* the PID it goes by */
	uint16_t	 dts_pid;	/* or by the decoding times of this one */
	struct pace	 pace;
	int64_t		 loop_media;	/* of the last loop; -1: none */

	struct bytes	 ahead;		/* from a header that is not whole on */
	uint16_t	 ahead_pid;
	bool		 holding;
	struct bytes	 hold;
	int64_t		 hold_ns;

	uint64_t	 damaged, nulls, dropped;
	uint8_t		 after_break[TS_NPID];	/* PIDs to flag */
	bool		 measured;	/* the stride is known */
	bool		 mp4;		/* it begins as MP4 does */
	size_t		 len;
	uint8_t		 in[512 * TS_PACKET];
};

struct pass *
pass_new(const struct pass_config *cfg, struct out *out)
{
	struct pass *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	p->cfg = *cfg;
	p->out = out;
	p->pcr_pid = p->dts_pid = TS_PID_NULL;
	p->loop_media = -1;
	p->holding = cfg->program != 0;
	pace_init(&p->pace, out, cfg->realtime);
	ts_sync_init(&p->sync);
	if (cfg->stride != 0)
		p->sync.stride = cfg->stride;
	p->measured = cfg->stride != 0;
	programs_init(&p->programs, cfg->program);
	stamp_init(&p->stamp, cfg->loop);
	cuepid_init(&p->cues, cfg->only_cues);
	return p;
}

void
pass_free(struct pass *p)
{
	if (p == NULL)
		return;
	pace_free(&p->pace);
	free(p->ahead.data);
	free(p->hold.data);
	free(p);
}

/* ---- clock packets */

static bool
is_clock(const struct ts_packet *pkt)
{
	struct ebp ebp;

	return pkt->pid == EBP_CLOCK_PID && pkt->payload == NULL && pkt->priv != NULL &&
	    ebp_parse(pkt->priv, pkt->priv_len, &ebp) == 0 &&
	    !ebp.segment && !ebp.fragment;
}

static void
emit_clock(struct pass *p, bool has_time, int64_t utc_ns)
{
	uint8_t pkt[TS_PACKET];

	if (p->foreign_clock)
		return;
	ebp_clock_put(pkt, has_time, has_time ? clk_ns_to_ntp(utc_ns) : 0);
	pace_put(&p->pace, pkt);
	p->clock_sent = true;
	p->clock_ns = utc_ns;
}

/* The first packet of all. */
static void
start(struct pass *p)
{
	p->started = true;
	if (p->mapped)
		emit_clock(p, true, p->map_utc_ns);
	else if (p->cfg.realtime)
		emit_clock(p, true, clk_utc_ns());
	else
		emit_clock(p, p->cfg.live, p->utc_ns);
	p->clock_sent = false;		/* the first PCR gets another */
}

/* When the PCR that is about to be sent was acquired. */
static int64_t
pcr_utc(const struct pass *p)
{
	int64_t ticks;

	if (p->cfg.realtime && !p->mapped)
		return out_due_utc(p->out, p->pace.media);
	if (!p->mapped)
		return p->utc_ns;
	ticks = (p->pace.pcr / 300 - p->map_pts) & (PES_WRAP - 1);
	if (ticks >= PES_WRAP / 2)
		ticks -= PES_WRAP;
	return p->map_utc_ns + rescale_near(ticks, CLK_SECOND, CLK_90K);
}

static void
clock_if_due(struct pass *p)
{
	int64_t utc_ns;

	if ((!p->cfg.live && !p->cfg.realtime) || p->dts_pid != TS_PID_NULL)
		return;
	utc_ns = pcr_utc(p);
	if (!p->clock_sent || utc_ns - p->clock_ns >= CLOCK_EVERY ||
	    utc_ns < p->clock_ns)
		emit_clock(p, true, utc_ns);
}

/* ---- the media clock */

/*
 * What a packet says of the clock: its PCR; in a stream without, and from a second
 * after its start, a decoding time.  All as sent.
 */
static int64_t
clock_in(struct pass *p, const struct ts_packet *pkt, int64_t pcr)
{
	const struct stamp_pid *s = &p->stamp.pid[pkt->pid];

	if (pcr != TS_NO_PCR && p->pcr_pid == pkt->pid) {
		p->dts_pid = TS_PID_NULL;
		return pcr;
	}
	if (p->stamp.dts == PES_NO_TIME)
		return TS_NO_PCR;
	if (!p->pace.started && s->last - s->first >= NO_PCR && s->gap > 0) {
		log_warn(0, "no PCR in '%s': its clock is the decoding times of PID %u",
		    p->cfg.name, pkt->pid);
		p->dts_pid = pkt->pid;
		p->pace.media += (s->last - s->first) * 300;
	}
	return p->dts_pid == pkt->pid ? (p->stamp.dts & (PES_WRAP - 1)) * 300 :
	    TS_NO_PCR;
}

/* ---- cues of a playlist */

static void
emit_cues(struct pass *p)
{
	for (size_t i = 0; i < p->cues.len; i += TS_PACKET)
		pace_put(&p->pace, p->cues.out + i);
	p->cues.len = 0;
}

void
pass_cue(struct pass *p, const uint8_t *section, size_t len)
{
	cuepid_put(&p->cues, &p->stamp, section, len);
	emit_cues(p);
}

/* ---- packets */

/* After a break: say on this PID that its counter and clock are new ones. */
static void
emit_discontinuity(struct pass *p, const struct ts_packet *pkt)
{
	uint8_t out[TS_PACKET];

	memset(out, 0xff, sizeof(out));
	out[0] = TS_SYNC;
	out[1] = (uint8_t)(pkt->pid >> 8);
	out[2] = (uint8_t)pkt->pid;
	out[3] = 0x20 | ((pkt->data[3] - (pkt->payload != NULL)) & 0x0f);
	out[4] = TS_PACKET - 5;
	out[5] = 0x80;
	pace_put(&p->pace, out);
}

/* next: the following packet of the PID, if a header goes on there, or NULL. */
static void
third_stage(struct pass *p, const struct ts_packet *pkt, bool damaged, uint8_t *next)
{
	uint8_t copy[TS_PACKET];
	const uint8_t *data = pkt->data;
	int64_t pcr = pkt->pcr;

	if (programs_drops(&p->programs, pkt->pid)) {
		p->dropped++;
		return;
	}
	if (!damaged && p->cfg.cues &&
	    cuepid_packet(&p->cues, &p->programs, &p->stamp, pkt)) {
		p->after_break[pkt->pid] = 0;
		emit_cues(p);
		return;
	}
	if (p->broken && p->after_break[pkt->pid] == 1) {
		p->after_break[pkt->pid] = 0;
		if (!damaged)
			emit_discontinuity(p, pkt);
	}
	if (pkt->pid == 0 && p->cfg.program != 0) {
		if (!pkt->unit_start || !programs_pat(&p->programs, copy))
			return;
		data = copy;
	}
	if (!damaged && pkt->pid != TS_PID_NULL) {
		if (data != copy)
			memcpy(copy, data, TS_PACKET);
		switch (stamp_packet(&p->stamp, pkt, copy, next, &pcr)) {
		case STAMP_SAME:
			break;
		case STAMP_CHANGED:
			data = copy;
			break;
		case STAMP_DROP:
			return;
		}
		if ((pcr = clock_in(p, pkt, pcr)) != TS_NO_PCR) {
			pace_pcr(&p->pace, pcr, pkt->discontinuity);
			p->done = p->cfg.duration > 0 && p->pace.media >= p->cfg.duration;
			if (p->done)
				return;
			clock_if_due(p);
		}
	}
	if (p->pace.packets >= NO_CLOCK && !p->pace.started &&
	    (p->cfg.realtime || p->cfg.duration > 0))
		fatal(EXIT_INPUT, 0, "'%s' has neither PCR nor decoding times, by which "
		    "--realtime and --duration go", p->cfg.name);
	pace_put(&p->pace, data);
}

static void second_stage(struct pass *p, const struct ts_packet *pkt, bool damaged);

/* The rest of the header is in the last packet, or will not come. */
static void
end_ahead(struct pass *p)
{
	struct bytes ahead = p->ahead;
	struct ts_packet pkt;
	uint8_t *last;
	bool whole;

	if (ahead.len == 0)
		return;
	p->ahead = (struct bytes){ NULL, 0, 0 };
	last = ahead.data + ahead.len - TS_PACKET;
	ts_parse(last, &pkt);
	whole = last > ahead.data && pkt.pid == p->ahead_pid;
	ts_parse(ahead.data, &pkt);
	third_stage(p, &pkt, false, whole ? last : NULL);
	for (size_t i = TS_PACKET; i < ahead.len && !p->done; i += TS_PACKET)
		second_stage(p, &pkt, ts_parse(ahead.data + i, &pkt) < 0);
	free(ahead.data);
}

/* A header of what loops is waited for until it is whole. */
static void
second_stage(struct pass *p, const struct ts_packet *pkt, bool damaged)
{
	if (p->ahead.len == 0 && (damaged || !stamp_splits(&p->stamp, pkt))) {
		third_stage(p, pkt, damaged, NULL);
		return;
	}
	if (p->ahead.len == 0)
		p->ahead_pid = pkt->pid;
	else if (pkt->pid == p->ahead_pid || p->ahead.len >= AHEAD_MAX) {
		bytes_append(&p->ahead, pkt->data);
		end_ahead(p);
		return;
	}
	bytes_append(&p->ahead, pkt->data);
}

static void
end_hold(struct pass *p)
{
	struct ts_packet pkt;
	char list[256];

	p->holding = false;
	if (p->cfg.live && p->programs.pat_seen && pass_lacks_program(p, list,
	    sizeof(list)))
		log_warn(0, "no program %u in '%s' now: it has %s", p->cfg.program,
		    p->cfg.name, list);
	for (size_t i = 0; i < p->hold.len && !p->done; i += TS_PACKET)
		second_stage(p, &pkt, ts_parse(p->hold.data + i, &pkt) < 0);
	free(p->hold.data);
	p->hold = (struct bytes){ NULL, 0, 0 };
}

static void
first_stage(struct pass *p, const struct ts_packet *pkt, bool damaged)
{
	if (!damaged && is_clock(pkt)) {
		if (!p->started && p->cfg.live && !p->cfg.realtime)
			p->foreign_clock = true;
		if (!p->foreign_clock)
			return;
	}
	if (!p->started)
		start(p);
	if (pkt->pid == TS_PID_NULL && p->cfg.drop_null) {
		p->nulls++;
		return;
	}
	p->damaged += damaged;
	if (!damaged) {
		programs_packet(&p->programs, pkt);
		if (p->programs.pcr_pid != TS_PID_NULL)
			p->pcr_pid = p->programs.pcr_pid;
		else if (p->pcr_pid == TS_PID_NULL && pkt->pcr != TS_NO_PCR)
			p->pcr_pid = pkt->pid;	/* until a PMT says more */
	}
	if (p->holding) {
		if (p->hold.len == 0)
			p->hold_ns = clk_mono_ns();
		bytes_append(&p->hold, pkt->data);
		if (p->programs.complete || p->hold.len > HOLD_MAX ||
		    (p->cfg.live && clk_mono_ns() - p->hold_ns > HOLD_NS))
			end_hold(p);
		return;
	}
	second_stage(p, pkt, damaged);
}

/* How far apart are packets?  Only the beginning tells; false: not yet to be seen. */
static bool
find_stride(struct pass *p)
{
	size_t at;

	if (p->measured)
		return true;
	p->measured = ts_probe(p->in, p->len, p->sync.eof, &at, &p->sync.stride);
	if (p->measured && p->sync.stride == 192 && at == 4) {	/* four that are none */
		p->len -= at;
		memmove(p->in, p->in + at, p->len);
	}
	p->mp4 = p->mp4 || (p->sync.junk_bytes == 0 && p->len >= 8 &&
	    memcmp(p->in + 4, "ftyp", 4) == 0);
	if (!p->measured && (p->len >= PROBE || p->sync.eof)) {	/* none in what is there */
		size_t keep = p->sync.eof ? 0 : PROBE_KEEP;

		p->sync.junk_bytes += p->len - keep;
		memmove(p->in, p->in + p->len - keep, keep);
		p->len = keep;
	}
	return p->measured;
}

static void
drain(struct pass *p)
{
	size_t pos = 0, used;
	struct ts_packet pkt;
	int r;

	if (!find_stride(p))
		return;
	while (!p->done && (r = ts_sync_next(&p->sync, p->in + pos, p->len - pos, &used,
	    &pkt)) != 0) {
		pos += used;
		used = 0;
		first_stage(p, &pkt, r < 0);
	}
	if (!p->done)
		pos += used;
	p->len -= pos;
	memmove(p->in, p->in + pos, p->len);
}

bool
pass_bytes(struct pass *p, const struct source_event *ev)
{
	const uint8_t *data = ev->data;
	size_t len = ev->len;

	p->utc_ns = ev->utc_ns;
	while (len > 0 && !p->done) {
		size_t n = sizeof(p->in) - p->len;

		if (n > len)
			n = len;
		memcpy(p->in + p->len, data, n);
		p->len += n;
		data += n;
		len -= n;
		drain(p);
	}
	if (!ev->more && !(p->cfg.realtime && p->pace.started))
		out_flush(p->out);
	return !p->done;
}

/* ---- what comes between bytes */

/* Take what is whole, drop the rest, and begin to count anew. */
static void
end_of_bytes(struct pass *p)
{
	struct ts_sync before;

	p->sync.eof = true;
	drain(p);
	end_ahead(p);
	p->len = 0;
	before = p->sync;
	ts_sync_init(&p->sync);
	p->sync.stride = before.stride;
	p->sync.packets = before.packets;
	p->sync.lost = before.lost;
	p->sync.bad = before.bad;
	p->sync.sync_losses = before.sync_losses;
	p->sync.junk_bytes = before.junk_bytes;
}

void
pass_clock(struct pass *p, int64_t pts, int64_t utc_ns)
{
	p->mapped = true;
	p->map_pts = pts;
	p->map_utc_ns = utc_ns;
	if (p->started)
		p->clock_sent = false;	/* say so with the next PCR */
}

void
pass_join(struct pass *p)
{
	end_of_bytes(p);
	stamp_join(&p->stamp);
}

void
pass_break(struct pass *p)
{
	end_of_bytes(p);
	p->mapped = p->clock_sent = false;
	p->broken = p->started;
	for (unsigned i = 0; i < TS_NPID; i++)
		p->after_break[i] = stamp_seen(&p->stamp, i);
	stamp_break(&p->stamp);
	cuepid_clear(&p->cues);
	p->measured = p->cfg.stride != 0;
	programs_clear(&p->programs);
	p->pcr_pid = p->dts_pid = TS_PID_NULL;
	pace_break(&p->pace);
}

void
pass_loop(struct pass *p)
{
	end_of_bytes(p);
	stamp_loop(&p->stamp);
	if (p->loop_media == p->pace.media &&
	    (p->cfg.realtime || p->cfg.duration > 0))
		fatal(EXIT_INPUT, 0, "the clock of '%s' stands still, by which "
		    "--realtime and --duration go", p->cfg.name);
	p->loop_media = p->pace.media;
}

void
pass_end(struct pass *p)
{
	if (!p->done)
		end_of_bytes(p);
	if (p->holding)
		end_hold(p);
	pace_end(&p->pace);
	out_flush(p->out);
}

uint64_t
pass_packets(const struct pass *p)
{
	return p->sync.packets;
}

uint64_t
pass_lost(const struct pass *p)
{
	return p->sync.lost;
}

bool
pass_is_junk(const struct pass *p)
{
	return p->sync.junk_bytes > p->sync.packets * TS_PACKET;
}

bool
pass_is_mp4(const struct pass *p)
{
	return p->mp4;
}

int64_t
pass_media(const struct pass *p)
{
	return p->pace.media;
}

bool
pass_lacks_program(const struct pass *p, char *list, size_t size)
{
	if (p->cfg.program == 0)
		return false;
	for (unsigned i = 0; i < p->programs.pat.n; i++)
		if (p->programs.pat.program[i].program_number == p->cfg.program)
			return false;
	programs_list(&p->programs, list, size);
	return true;
}

static void
set(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

void
pass_stats(const struct pass *p, json_t *o)
{
	const struct stamp *s = &p->stamp;

	set(o, "source_total_packets", p->sync.packets);
	set(o, "source_continuity_counter", p->sync.lost);
	set(o, "source_transport_error", p->damaged);
	set(o, "source_ts_sync_loss", p->sync.sync_losses);
	set(o, "source_ts_byte_error", p->sync.junk_bytes);
	set(o, "source_pat_error", p->programs.pat_errors);
	set(o, "source_pmt_error", p->programs.pmt_errors);
	set(o, "pat_changes", p->programs.pat_changes);
	set(o, "pmt_changes", p->programs.pmt_changes);
	set(o, "pcr_jumps", p->pace.jumps);
	set(o, "pcr_wraps", p->pace.wraps);
	set(o, "pts_jumps", s->jumps);
	set(o, "pts_wraps", s->wraps);
	set(o, "program_dropped_packets", p->dropped);
	set(o, "null_dropped_packets", p->nulls);
}

void
pass_log(const struct pass *p)
{
	log_info("packets=%" PRIu64 " written=%" PRIu64 " lost=%" PRIu64 " bad=%" PRIu64
	    " sync_losses=%" PRIu64 " junk_bytes=%" PRIu64, p->sync.packets,
	    p->out->packets, p->sync.lost, p->damaged, p->sync.sync_losses,
	    p->sync.junk_bytes);
}
