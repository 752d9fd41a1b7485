/*
 * report.c - what mconnect-probe says to machines: a line of JSON a second, one when a
 * fault begins and ends, one at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/ebp.h"
#include "lib/media/scte35.h"
#include "transport/probe.h"

#define TOLD		20		/* events of a rule in a second */

/* On standard output nothing is left out: who reads slowly makes us wait. */
static void
put_line(struct probe *p, json_t *o)
{
	json_t *line;
	char iso[CLK_ISO], *text;
	size_t len;

	if (!p->json_out) {
		stats_write(&p->stats, o);
		return;
	}
	line = json_object();
	clk_iso(clk_utc_ns(), iso);
	json_object_set_new(line, "time", json_string(iso));
	json_object_set_new(line, "tool", json_string(log_prog()));
	json_object_set_new(line, "uptime_ms",
	    json_integer((clk_mono_ns() - p->start_ns) / 1000000));
	json_object_update(line, o);
	json_decref(o);
	text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(line);
	if (text == NULL)
		return;
	len = strlen(text);
	text[len] = '\n';		/* instead of the terminator */
	if (io_write(STDOUT_FILENO, text, len + 1) < 0)
		fatal(EXIT_RUNTIME, 0, "cannot write to standard output");
	free(text);
}

static bool
wanted(const struct probe *p)
{
	return p->json_out || p->stats.fd >= 0;
}

static void
remember(struct probe *p, int64_t ns, const char *text)
{
	char *to = p->recent[p->nrecent++ % RECENT];
	int64_t s = ns / CLK_SECOND;

	snprintf(to, RECENT_TEXT, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64
	    "  %s", s / 3600, s / 60 % 60, s % 60, ns / (CLK_SECOND / 1000) % 1000, text);
}

/* ---- events */

static const char *const state_name[] = {
	[HEALTH_ONCE] = "once", [HEALTH_BEGIN] = "begin", [HEALTH_END] = "end",
};

void
report_event(struct probe *p, const struct health_event *ev)
{
	const struct health_rule_info *r = health_rule_info(ev->rule);
	int64_t at_ns = ev->now_ns - p->health->first_ns;
	char text[RECENT_TEXT], pid[16] = "";
	json_t *o;

	/* The end of what was told is told. */
	if (ev->state != HEALTH_END && p->told[ev->rule]++ >= TOLD) {
		p->suppressed++;
		return;
	}
	if (ev->pid != HEALTH_NO_PID)
		snprintf(pid, sizeof(pid), " PID %u", ev->pid);
	snprintf(text, sizeof(text), "%-4s %s%s%s%s", r->number, r->title, pid,
	    ev->state == HEALTH_END ? ": over" : *ev->detail != '\0' ? ": " : "",
	    ev->detail);
	remember(p, at_ns, text);
	if (!wanted(p))
		return;
	o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "what", "event", "rule", r->number,
	    "name", r->name, "state", state_name[ev->state], "stream_ms",
	    (json_int_t)(at_ns / (CLK_SECOND / 1000)), "packet", (json_int_t)ev->packet);
	if (ev->pid != HEALTH_NO_PID)
		json_object_set_new(o, "pid", json_integer(ev->pid));
	if (ev->program != 0)
		json_object_set_new(o, "program", json_integer(ev->program));
	if (*ev->detail != '\0')
		json_object_set_new(o, "detail", json_string(ev->detail));
	put_line(p, o);
}

void
report_named(struct probe *p, const char *name, const char *state, int64_t stream_ns,
    int pid, const char *detail, json_t *more)
{
	char text[RECENT_TEXT];
	json_t *o;

	snprintf(text, sizeof(text), "     %s: %s%s%s", name, state,
	    *detail != '\0' ? ", " : "", detail);
	remember(p, stream_ns, text);
	if (!wanted(p)) {
		json_decref(more);
		return;
	}
	o = json_pack("{s:s, s:s, s:s, s:I}", "what", "event", "name", name, "state", state,
	    "stream_ms", (json_int_t)(stream_ns / (CLK_SECOND / 1000)));
	if (pid >= 0)
		json_object_set_new(o, "pid", json_integer(pid));
	if (*detail != '\0')
		json_object_set_new(o, "detail", json_string(detail));
	json_object_update(o, more);
	json_decref(more);
	put_line(p, o);
}

void
report_cue(struct probe *p, uint16_t pid, const uint8_t *section, size_t len, bool damaged)
{
	int64_t at_ns = p->health->now_ns - p->health->first_ns;
	struct scte35 *cue = malloc(sizeof(*cue));
	char detail[64];
	json_t *more = NULL;

	if (cue == NULL)
		return;
	if (damaged || scte35_parse(section, len, cue) < 0) {
		p->cue_errors++;
		report_named(p, "cue", "damaged", at_ns, pid, "", NULL);
	} else if (cue->encrypted || cue->command != SCTE35_SPLICE_NULL) {
		p->cues++;
		snprintf(detail, sizeof(detail), "%s", cue->encrypted ? "encrypted" :
		    scte35_command_name(cue->command));
		if (wanted(p))
			more = json_pack("{s:o*}", "cue", scte35_to_json(cue));
		report_named(p, "cue", "once", at_ns, pid, detail, more);
	}
	free(cue);
}

/* ---- the line of a second, and the last one */

static void
set_number(json_t *o, const char *name, int64_t v)
{
	json_object_set_new(o, name, json_integer(v));
}

/* ns as thousandths of a larger unit. */
static void
set_range(json_t *o, const char *least, const char *mean, const char *most,
    const struct health_range *r, int64_t unit)
{
	if (r->n == 0)
		return;
	if (least != NULL)
		json_object_set_new(o, least, measure_json((struct expr_value){ true,
		    r->min * EXPR_UNIT / unit }));
	json_object_set_new(o, mean, measure_json((struct expr_value){ true,
	    r->sum / (int64_t)r->n * EXPR_UNIT / unit }));
	json_object_set_new(o, most, measure_json((struct expr_value){ true,
	    r->max * EXPR_UNIT / unit }));
}

static json_t *
clock_json(const struct probe *p, const struct health_clock *k)
{
	const struct health_range *interval = p->last ? &k->interval : &k->last_interval;
	const struct health_range *jitter = p->last ? &k->jitter : &k->last_jitter;
	const struct health_range *accuracy = p->last ? &k->accuracy : &k->last_accuracy;
	json_t *o = json_pack("{s:I, s:I, s:b}", "count", (json_int_t)k->pcrs,
	    "discontinuities", (json_int_t)k->jumps, "constant_rate", (int)k->constant);

	set_range(o, "interval_min_ms", "interval_mean_ms", "interval_max_ms", interval,
	    CLK_SECOND / 1000);
	set_range(o, NULL, "jitter_mean_us", "jitter_max_us", jitter, 1000);
	if (p->last && k->jitter.n > 0)
		json_object_set_new(o, "jitter_p99_us", measure_json((struct expr_value){
		    true, (int64_t)hist_permille(&k->jitter_hist, 990) }));
	set_range(o, NULL, "accuracy_mean_ns", "accuracy_max_ns", accuracy, 1);
	return o;
}

static const char *
type_name(const struct health_pid *q)
{
	static const char *const fixed[] = { [0] = "PAT", [1] = "CAT", [0x10] = "NIT",
		[0x11] = "SDT", [0x12] = "EIT", [0x13] = "RST", [0x14] = "TDT" };

	if (q->stream_type != 0)
		return codec_name(q->codec);
	if (q->pid < sizeof(fixed) / sizeof(fixed[0]) && fixed[q->pid] != NULL)
		return fixed[q->pid];
	if (q->pid == EBP_CLOCK_PID && !q->referenced)
		return "clock";
	return q->table ? "PMT" : q->referenced && q->clock != NULL ? "PCR" :
	    q->referenced ? "CA" : "unreferenced";
}

static void
add_content(const struct probe *p, uint16_t pid, json_t *o)
{
	const struct watch_stream *s;

	for (unsigned i = 0; p->watch != NULL && (s = watch_stream(p->watch, i)) != NULL;
	    i++) {
		if (s->pid != pid)
			continue;
		set_number(o, "frames", (int64_t)s->frames);
		set_number(o, "decode_errors", (int64_t)s->errors);
		if (*s->codec != '\0')
			json_object_set_new(o, "codec", json_string(s->codec));
		if (s->video) {
			set_number(o, "width", s->width);
			set_number(o, "height", s->height);
			if (s->rate_den != 0) {
				char rate[32];

				snprintf(rate, sizeof(rate), "%u/%u", s->rate_num, s->rate_den);
				json_object_set_new(o, "frame_rate", json_string(rate));
			}
			json_object_set_new(o, "interlaced", json_boolean(s->interlaced));
			json_object_set_new(o, "captions", json_boolean(s->captions));
		} else {
			set_number(o, "channels", s->channels);
			set_number(o, "sample_rate", s->sample_rate);
			if (s->integrated != WATCH_NO_LEVEL)
				json_object_set_new(o, "loudness_integrated_lufs",
				    measure_json((struct expr_value){ true, s->integrated }));
		}
	}
}

static json_t *
pid_json(const struct probe *p, const struct health_pid *q)
{
	const struct health *h = p->health;
	json_t *o = json_pack("{s:i, s:s, s:I, s:I}", "pid", (int)q->pid, "type",
	    type_name(q), "packets", (json_int_t)q->packets, "rate_bps",
	    (json_int_t)(p->last ? (h->packets == 0 ? 0 : (uint64_t)((unsigned __int128)
	    h->mean_rate_bps * q->packets / h->packets)) : q->rate_bps));

	json_object_set_new(o, "share_percent", measure_json((struct expr_value){ true,
	    h->packets == 0 ? 0 : (int64_t)(q->packets * 100000 / h->packets) }));
	if (q->program != 0)
		set_number(o, "program", q->program);
	if (q->stream_type != 0)
		set_number(o, "stream_type", q->stream_type);
	if (q->language[0] != '\0')
		json_object_set_new(o, "language", json_string(q->language));
	set_number(o, "continuity", (int64_t)q->lost);
	if (q->duplicates > 0)
		set_number(o, "duplicates", (int64_t)q->duplicates);
	if (q->scrambled > 0)
		set_number(o, "scrambled", (int64_t)q->scrambled);
	if (q->missing)
		json_object_set_new(o, "missing", json_true());
	if (q->clock != NULL)
		json_object_set_new(o, "pcr", clock_json(p, q->clock));
	add_content(p, q->pid, o);
	return o;
}

static json_t *
program_json(const struct health_program *g)
{
	json_t *pids = json_array();
	json_t *o = json_pack("{s:i, s:i}", "program_number", (int)g->number, "pmt_pid",
	    (int)g->pmt_pid);

	if (g->seen) {
		set_number(o, "pcr_pid", g->pcr_pid);
		set_number(o, "version_number", g->version);
	}
	if (*g->service != '\0' || g->service_type != 0) {
		json_object_set_new(o, "service", json_string(g->service));
		json_object_set_new(o, "provider", json_string(g->provider));
		set_number(o, "service_type", g->service_type);
	}
	for (unsigned i = 0; i < g->npid; i++)
		json_array_append_new(pids, json_integer(g->pid[i]));
	json_object_set_new(o, "pids", pids);
	return o;
}

void
report_window(struct probe *p)
{
	const struct health *h = p->health;
	json_t *o, *programs, *pids;
	const char *name;

	memset(p->told, 0, sizeof(p->told));
	if (!wanted(p))
		return;
	programs = json_array();
	pids = json_array();
	o = json_pack("{s:s, s:I}", "what", p->last ? "summary" : "second", "stream_ms",
	    (json_int_t)((h->now_ns - h->first_ns) / (CLK_SECOND / 1000)));
	for (int i = 0; (name = measure_name(i)) != NULL; i++) {
		struct expr_value v = measure_value(p, i);

		if (v.known)
			json_object_set_new(o, name, measure_json(v));
	}
	if (h->has_pat)
		set_number(o, "transport_stream_id", h->transport_stream_id);
	set_number(o, "packet_size", (int64_t)h->stride);
	if (*h->network != '\0')
		json_object_set_new(o, "network", json_string(h->network));
	if (h->utc != 0) {
		char iso[CLK_ISO];

		clk_iso(h->utc * CLK_SECOND, iso);
		json_object_set_new(o, "tdt", json_string(iso));
	}
	for (unsigned i = 0; i < h->nprogram; i++)
		json_array_append_new(programs, program_json(&h->program[i]));
	for (unsigned i = 0; i < h->nused; i++)
		if (h->pid[h->used[i]]->packets > 0 || h->pid[h->used[i]]->missing)
			json_array_append_new(pids, pid_json(p, h->pid[h->used[i]]));
	json_object_set_new(o, "program_list", programs);
	json_object_set_new(o, "pid_list", pids);
	put_line(p, o);
}
