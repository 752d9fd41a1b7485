/*
 * measures.c - the numbers of mconnect-probe by name, for lines of JSON and for
 * --fail-if.  Where AWS MediaConnect has a metric for it, that is its name.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clk.h"
#include "transport/probe.h"

#define NONE		INT64_MIN	/* not known */

enum { RATE, NULLS, PACKETS, CONNECTED, DISCONNECTIONS, DURATION, PROGRAMS, PIDS,
	SCRAMBLED, DAMAGED, JUNK, CUES, CUE_ERRORS, PCR_ERROR, SUPPRESSED };
enum { JITTER, JITTER_P99, INTERVAL, ACCURACY };
enum { IAT_MIN, IAT_P50, IAT_P99, IAT_MAX };
enum { DATAGRAMS, KERNEL, LOST, REORDERED, DUPLICATES, LATE, RTP, FOREIGN };
enum { ERRORS, PICTURE, HEIGHT, WIDTH, CAPTIONS, MOMENTARY, SHORT_TERM, INTEGRATED,
	MOMENTARY_MAX, SHORT_TERM_MAX };

/* ---- each gives thousandths, or NONE */

static int
get_plain(const struct probe *p, int what, int64_t *v)
{
	const struct health *h = p->health;

	switch (what) {
	case RATE:
		*v = (int64_t)(p->last ? h->mean_rate_bps : h->rate_bps);
		break;
	case NULLS:
		*v = h->packets == 0 ? 0 :
		    (int64_t)(h->null_packets * 100000 / h->packets);
		return 0;		/* per cent, in thousandths */
	case PACKETS:
		*v = (int64_t)h->packets;
		break;
	case CONNECTED:
		*v = p->connected;
		break;
	case DISCONNECTIONS:
		*v = (int64_t)p->disconnections;
		break;
	case DURATION:
		*v = (h->now_ns - h->first_ns) / (CLK_SECOND / 1000);
		return 0;
	case PROGRAMS:
		*v = h->nprogram;
		break;
	case PIDS:
		*v = 0;
		for (unsigned i = 0; i < h->nused; i++)
			*v += h->pid[h->used[i]]->packets > 0;
		break;
	case SCRAMBLED:
		*v = (int64_t)h->scrambled;
		break;
	case DAMAGED:
		*v = (int64_t)h->damaged;
		break;
	case JUNK:
		*v = (int64_t)h->junk_bytes;
		break;
	case CUES:
		*v = (int64_t)p->cues;
		break;
	case CUE_ERRORS:
		*v = (int64_t)p->cue_errors;
		break;
	case PCR_ERROR:
		*v = (int64_t)(h->count[HEALTH_PCR_INTERVAL] + h->count[HEALTH_PCR_JUMP]);
		break;
	default:
		*v = (int64_t)p->suppressed;
	}
	*v *= EXPR_UNIT;
	return 0;
}

static int
get_rule(const struct probe *p, int rule, int64_t *v)
{
	*v = (int64_t)p->health->count[rule] * EXPR_UNIT;
	return 0;
}

static int
get_priority(const struct probe *p, int priority, int64_t *v)
{
	*v = 0;
	for (int i = 0; i < HEALTH_RULES; i++)
		if (priority == 0 || (int)health_rule_info((enum health_rule)i)->priority ==
		    priority)
			*v += (int64_t)p->health->count[i] * EXPR_UNIT;
	return 0;
}

static int
get_missing(const struct probe *p, int kind, int64_t *v)
{
	if (!p->health->has_pat)
		return -1;
	*v = health_lacks(p->health, (enum codec_kind)kind) ? EXPR_UNIT : 0;
	return 0;
}

/* The worst of all clocks. */
static int
get_clock(const struct probe *p, int what, int64_t *v)
{
	const struct health *h = p->health;

	*v = NONE;
	for (unsigned i = 0; i < h->nused; i++) {
		const struct health_clock *k = h->pid[h->used[i]]->clock;
		const struct health_range *r;
		int64_t one;

		if (k == NULL)
			continue;
		r = what == INTERVAL ? &k->interval : what == ACCURACY ? &k->accuracy :
		    &k->jitter;
		if (r->n == 0)
			continue;
		one = what == JITTER_P99 ? (int64_t)hist_permille(&k->jitter_hist, 990) :
		    r->max;
		if (what == ACCURACY)
			one *= EXPR_UNIT;	/* ns */
		else if (what == INTERVAL)
			one /= 1000;		/* ns to thousandths of ms */
		if (one > *v)
			*v = one;		/* ns are thousandths of us */
	}
	return *v == NONE ? -1 : 0;
}

static int
get_iat(const struct probe *p, int what, int64_t *v)
{
	const struct hist *h = &p->in.iat;

	if (h->n == 0)
		return -1;
	*v = (int64_t)(what == IAT_MIN ? h->min : what == IAT_MAX ? h->max :
	    hist_permille(h, what == IAT_P50 ? 500 : 990));
	return 0;
}

static int
get_udp(const struct probe *p, int what, int64_t *v)
{
	const struct tsudp *t = p->in.udp;

	if (t == NULL || (t->rtp == 0 && (what == LOST || what == REORDERED ||
	    what == DUPLICATES || what == LATE)))
		return -1;
	*v = (int64_t)(what == DATAGRAMS ? t->datagrams : what == KERNEL ? t->in.kernel_drops :
	    what == LOST ? t->order.lost : what == REORDERED ? t->order.reordered :
	    what == DUPLICATES ? t->order.duplicates : what == LATE ? t->order.late :
	    what == RTP ? t->rtp : t->foreign + t->junk + t->bad_type) * EXPR_UNIT;
	return 0;
}

static int
get_count(const struct probe *p, int kind, int64_t *v)
{
	const struct watch_stream *s;

	if (p->watch == NULL)
		return -1;
	*v = 0;
	for (unsigned i = 0; (s = watch_stream(p->watch, i)) != NULL; i++)
		*v += (int64_t)s->count[kind] * EXPR_UNIT;
	return 0;
}

static int
get_lasted(const struct probe *p, int kind, int64_t *v)
{
	const struct watch_stream *s;

	if (p->watch == NULL)
		return -1;
	*v = 0;
	for (unsigned i = 0; (s = watch_stream(p->watch, i)) != NULL; i++)
		*v += s->total_90k[kind] / (CLK_90K / EXPR_UNIT);
	return 0;
}

static int
level(int64_t v, int64_t *out)
{
	*out = v;
	return v == WATCH_NO_LEVEL ? -1 : 0;
}

/* Of the first stream that has it. */
static int
get_content(const struct probe *p, int what, int64_t *v)
{
	const struct watch_stream *s;

	if (p->watch == NULL)
		return -1;
	*v = 0;
	for (unsigned i = 0; (s = watch_stream(p->watch, i)) != NULL; i++) {
		switch (what) {
		case ERRORS:
			*v += (int64_t)s->errors * EXPR_UNIT;
			continue;
		case CAPTIONS:
			*v |= s->captions ? EXPR_UNIT : 0;
			continue;
		case PICTURE:
			*v += (s->video ? (int64_t)s->frames : 0) * EXPR_UNIT;
			continue;
		case WIDTH:
		case HEIGHT:
			if (!s->video || s->width == 0)
				continue;
			*v = (what == WIDTH ? s->width : s->height) * EXPR_UNIT;
			return 0;
		default:
			break;
		}
		if (s->video)
			continue;
		return level(what == MOMENTARY ? s->momentary : what == SHORT_TERM ?
		    s->short_term : what == INTEGRATED ? s->integrated :
		    what == MOMENTARY_MAX ? s->momentary_max : s->short_term_max, v);
	}
	return what == ERRORS || what == CAPTIONS || what == PICTURE ? 0 : -1;
}

static const struct measure measures[] = {
	{ "source_bit_rate", "bitrate", "bit/s: of the second, at the end on average",
	    get_plain, RATE },
	{ "source_total_packets", "packets", "", get_plain, PACKETS },
	{ "null_percent", NULL, "null packets", get_plain, NULLS },
	{ "source_connected", NULL, "1 while data come", get_plain, CONNECTED },
	{ "source_disconnections", NULL, "how often they stopped", get_plain,
	    DISCONNECTIONS },
	{ "duration_s", "duration", "on the clock in use", get_plain, DURATION },
	{ "programs", NULL, "", get_plain, PROGRAMS },
	{ "pids", NULL, "", get_plain, PIDS },

	{ "errors", NULL, "all of the following", get_priority, 0 },
	{ "priority1_errors", "p1_errors", "", get_priority, 1 },
	{ "priority2_errors", "p2_errors", "", get_priority, 2 },
	{ "priority3_errors", "p3_errors", "", get_priority, 3 },
	{ "source_ts_sync_loss", "sync_losses", "1.1", get_rule, HEALTH_SYNC_LOSS },
	{ "source_ts_byte_error", "sync_byte_errors", "1.2", get_rule, HEALTH_SYNC_BYTE },
	{ "source_pat_error", "pat_errors", "1.3", get_rule, HEALTH_PAT },
	{ "source_continuity_counter", "cc_errors", "1.4", get_rule, HEALTH_CONTINUITY },
	{ "source_pmt_error", "pmt_errors", "1.5", get_rule, HEALTH_PMT },
	{ "source_pid_error", "pid_errors", "1.6", get_rule, HEALTH_PID },
	{ "source_transport_error", "transport_errors", "2.1", get_rule, HEALTH_TRANSPORT },
	{ "source_crc_error", "crc_errors", "2.2", get_rule, HEALTH_CRC },
	{ "source_pcr_error", "pcr_errors", "2.3", get_plain, PCR_ERROR },
	{ "source_pcr_repetition_error", "pcr_repetition_errors", "2.3a", get_rule,
	    HEALTH_PCR_INTERVAL },
	{ "source_pcr_discontinuity_indicator_error", "pcr_discontinuity_errors", "2.3b",
	    get_rule, HEALTH_PCR_JUMP },
	{ "source_pcr_accuracy_error", "pcr_accuracy_errors", "2.4", get_rule,
	    HEALTH_PCR_ACCURACY },
	{ "source_pts_error", "pts_errors", "2.5", get_rule, HEALTH_PTS },
	{ "source_cat_error", "cat_errors", "2.6", get_rule, HEALTH_CAT },
	{ "source_nit_error", "nit_errors", "3.1", get_rule, HEALTH_NIT },
	{ "source_unreferenced_pid", "unreferenced_pids", "3.4", get_rule,
	    HEALTH_UNREFERENCED },
	{ "source_sdt_error", "sdt_errors", "3.5", get_rule, HEALTH_SDT },
	{ "source_eit_error", "eit_errors", "3.6", get_rule, HEALTH_EIT },
	{ "source_rst_error", "rst_errors", "3.7", get_rule, HEALTH_RST },
	{ "source_tdt_error", "tdt_errors", "3.8", get_rule, HEALTH_TDT },
	{ "scrambled_packets", "scrambled", "", get_plain, SCRAMBLED },
	{ "damaged_packets", NULL, "whose header cannot be", get_plain, DAMAGED },
	{ "junk_bytes", NULL, "between packets", get_plain, JUNK },
	{ "video_stream_missing", NULL, "1: no video comes", get_missing, KIND_VIDEO },
	{ "audio_stream_missing", NULL, "1: no audio comes", get_missing, KIND_AUDIO },
	{ "cues", NULL, "SCTE-35 sections but splice_null", get_plain, CUES },
	{ "cue_errors", NULL, "damaged ones", get_plain, CUE_ERRORS },

	{ "pcr_interval_max_ms", "pcr_interval_ms", "", get_clock, INTERVAL },
	{ "pcr_jitter_us", NULL, "the most", get_clock, JITTER },
	{ "pcr_jitter_p99_us", NULL, "", get_clock, JITTER_P99 },
	{ "pcr_accuracy_ns", NULL, "the most; where the rate is constant", get_clock,
	    ACCURACY },
	{ "iat_min_us", NULL, "between datagrams or reads", get_iat, IAT_MIN },
	{ "iat_p50_us", NULL, "", get_iat, IAT_P50 },
	{ "iat_p99_us", NULL, "", get_iat, IAT_P99 },
	{ "iat_max_us", NULL, "", get_iat, IAT_MAX },
	{ "datagrams", NULL, "", get_udp, DATAGRAMS },
	{ "source_dropped_packets", "dropped_packets", "by the kernel", get_udp, KERNEL },
	{ "datagrams_refused", NULL, "foreign ones and junk", get_udp, FOREIGN },
	{ "rtp_packets", NULL, "", get_udp, RTP },
	{ "source_not_recovered_packets", "rtp_lost", "RTP that never came", get_udp, LOST },
	{ "rtp_reordered", NULL, "", get_udp, REORDERED },
	{ "rtp_duplicates", NULL, "", get_udp, DUPLICATES },
	{ "rtp_late", NULL, "", get_udp, LATE },

	{ "black_frames_breaching", "blacks", "times", get_count, WATCH_BLACK },
	{ "frozen_frames_breaching", "freezes", "times", get_count, WATCH_FREEZE },
	{ "silent_audio_breaching", "silences", "times", get_count, WATCH_SILENCE },
	{ "black_s", NULL, "how long in all", get_lasted, WATCH_BLACK },
	{ "freeze_s", NULL, "", get_lasted, WATCH_FREEZE },
	{ "silence_s", NULL, "", get_lasted, WATCH_SILENCE },
	{ "pictures", NULL, "decoded", get_content, PICTURE },
	{ "decode_errors", NULL, "", get_content, ERRORS },
	{ "width", NULL, "", get_content, WIDTH },
	{ "height", NULL, "", get_content, HEIGHT },
	{ "captions", NULL, "1: there are some", get_content, CAPTIONS },
	{ "loudness_momentary_lufs", NULL, "of the first audio", get_content, MOMENTARY },
	{ "loudness_short_term_lufs", NULL, "", get_content, SHORT_TERM },
	{ "loudness_integrated_lufs", "loudness_lufs", "", get_content, INTEGRATED },
	{ "loudness_momentary_max_lufs", NULL, "", get_content, MOMENTARY_MAX },
	{ "loudness_short_term_max_lufs", NULL, "", get_content, SHORT_TERM_MAX },
	{ "events_suppressed", NULL, "more than can be told", get_plain, SUPPRESSED },
};

#define COUNT	((int)(sizeof(measures) / sizeof(measures[0])))

const struct measure *
measure_at(int i)
{
	return i >= 0 && i < COUNT ? &measures[i] : NULL;
}

int
measure_find(const char *name)
{
	for (int i = 0; i < COUNT; i++)
		if (strcmp(measures[i].name, name) == 0 ||
		    (measures[i].alias != NULL && strcmp(measures[i].alias, name) == 0))
			return i;
	return -1;
}

struct expr_value
measure_value(void *probe, int i)
{
	struct expr_value out = { false, 0 };

	out.known = measures[i].get(probe, measures[i].arg, &out.v) == 0;
	return out;
}

json_t *
measure_json(struct expr_value v)
{
	if (!v.known)
		return json_null();
	if (v.v % EXPR_UNIT == 0)
		return json_integer(v.v / EXPR_UNIT);
	return json_real((double)v.v / EXPR_UNIT);
}

/* Names that are alike, or have the word in them: three at most. */
void
measure_near(const char *name, char *out, size_t size)
{
	size_t len = 0;
	int shown = 0;

	out[0] = '\0';
	for (unsigned far = 1; far <= strlen(name) / 2 && shown < 3; far++)
		for (int i = 0; i < 2 * COUNT && shown < 3; i++) {
			const char *one = i % 2 == 0 ? measures[i / 2].name :
			    measures[i / 2].alias;
			bool inside, earlier;

			if (one == NULL)
				continue;
			inside = strlen(name) > 3 && strstr(one, name) != NULL;
			earlier = far > 1 && (inside || expr_distance(name, one) < far);
			if ((!inside && expr_distance(name, one) != far) || earlier)
				continue;
			len += (size_t)snprintf(out + len, size - len, "%s'%s'",
			    shown++ > 0 ? ", " : "", one);
			if (len >= size)
				return;
		}
}
