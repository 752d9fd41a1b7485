#include <string.h>

#include "lib/base/clk.h"
#include "transport/vitals.h"

#define NONE		INT64_MIN	/* no clock has one */

enum { RATE, NULLS, PACKETS, DURATION, PROGRAMS, PIDS, SCRAMBLED, DAMAGED, JUNK,
	PCR_ERROR };
enum { JITTER, JITTER_P50, JITTER_P99, INTERVAL, ACCURACY };

/* ---- each gives thousandths, or -1 */

static int
get_plain(const struct vital_view *v, int what, int64_t *out)
{
	const struct health *h = v->health;
	const struct vital_counts *c = &v->counts;

	switch (what) {
	case RATE:
		if (!h->has_rate)
			return -1;
		*out = (int64_t)h->rate_bps;
		break;
	case NULLS:
		if (c->packets == 0)
			return -1;
		/* Per cent, in thousandths. */
		*out = (int64_t)(c->null_packets * 100000 / c->packets);
		return 0;
	case PACKETS:
		*out = (int64_t)c->packets;
		break;
	case DURATION:
		*out = (h->now_ns - h->first_ns) / (CLK_SECOND / 1000);
		return 0;
	case PROGRAMS:
		*out = h->nprogram;
		break;
	case PIDS:
		*out = 0;
		for (unsigned i = 0; i < h->nused; i++)
			*out += h->pid[h->used[i]]->packets > 0;
		break;
	case SCRAMBLED:
		*out = (int64_t)c->scrambled;
		break;
	case DAMAGED:
		*out = (int64_t)c->damaged;
		break;
	case JUNK:
		*out = (int64_t)c->junk_bytes;
		break;
	default:
		*out = (int64_t)(c->rule[HEALTH_PCR_INTERVAL] + c->rule[HEALTH_PCR_JUMP]);
	}
	*out *= EXPR_UNIT;
	return 0;
}

static int
get_rule(const struct vital_view *v, int rule, int64_t *out)
{
	*out = (int64_t)v->counts.rule[rule] * EXPR_UNIT;
	return 0;
}

static int
get_priority(const struct vital_view *v, int priority, int64_t *out)
{
	*out = 0;
	for (int i = 0; i < HEALTH_RULES; i++)
		if (priority == 0 || (int)health_rule_info((enum health_rule)i)->priority ==
		    priority)
			*out += (int64_t)v->counts.rule[i] * EXPR_UNIT;
	return 0;
}

static int
get_missing(const struct vital_view *v, int kind, int64_t *out)
{
	if (!v->health->has_pat)
		return -1;
	*out = health_lacks(v->health, (enum codec_kind)kind) ? EXPR_UNIT : 0;
	return 0;
}

static const struct health_range *
range_of(const struct health_clock *k, int what, bool recent)
{
	if (what == INTERVAL)
		return recent ? &k->last_interval : &k->interval;
	if (what == ACCURACY)
		return recent ? &k->last_accuracy : &k->accuracy;
	return recent ? &k->last_jitter : &k->jitter;
}

/* The worst of all clocks. */
static int
get_clock(const struct vital_view *v, int what, int64_t *out)
{
	const struct health *h = v->health;

	*out = NONE;
	if (v->recent && (what == JITTER_P50 || what == JITTER_P99))
		return -1;		/* they are of the whole time only */
	for (unsigned i = 0; i < h->nused; i++) {
		const struct health_clock *k = h->pid[h->used[i]]->clock;
		const struct health_range *r;
		int64_t one;

		if (k == NULL)
			continue;
		r = range_of(k, what, v->recent);
		if (r->n == 0)
			continue;
		one = what == JITTER_P50 ? (int64_t)hist_permille(&k->jitter_hist, 500) :
		    what == JITTER_P99 ? (int64_t)hist_permille(&k->jitter_hist, 990) : r->max;
		if (what == ACCURACY)
			one *= EXPR_UNIT;	/* ns */
		else if (what == INTERVAL)
			one /= 1000;		/* ns to thousandths of ms */
		if (one > *out)
			*out = one;		/* ns are thousandths of us */
	}
	return *out == NONE ? -1 : 0;
}

static const struct vital vitals[] = {
	{ "source_bit_rate", "bitrate", "bit/s: of the second, at the end on average",
	    get_plain, RATE },
	{ "source_total_packets", "packets", "", get_plain, PACKETS },
	{ "null_percent", NULL, "null packets", get_plain, NULLS },
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
	{ "pcr_interval_max_ms", "pcr_interval_ms", "", get_clock, INTERVAL },
	{ "pcr_jitter_us", NULL, "the most", get_clock, JITTER },
	{ "pcr_jitter_p50_us", NULL, "", get_clock, JITTER_P50 },
	{ "pcr_jitter_p99_us", NULL, "", get_clock, JITTER_P99 },
	{ "pcr_accuracy_ns", NULL, "the most; where the rate is constant", get_clock,
	    ACCURACY },
};

#define COUNT	((int)(sizeof(vitals) / sizeof(vitals[0])))

const struct vital *
vital_at(int i)
{
	return i >= 0 && i < COUNT ? &vitals[i] : NULL;
}

int
vital_find(const char *name)
{
	for (int i = 0; i < COUNT; i++)
		if (strcmp(vitals[i].name, name) == 0 ||
		    (vitals[i].alias != NULL && strcmp(vitals[i].alias, name) == 0))
			return i;
	return -1;
}

struct vital_view
vital_view(const struct health *h)
{
	struct vital_view v = { .health = h, .counts = { .packets = h->packets,
	    .null_packets = h->null_packets, .scrambled = h->scrambled,
	    .damaged = h->damaged, .junk_bytes = h->junk_bytes } };

	memcpy(v.counts.rule, h->count, sizeof(v.counts.rule));
	return v;
}

struct expr_value
vital_value(const struct vital_view *v, int i)
{
	struct expr_value out = { false, 0 };

	out.known = vitals[i].get(v, vitals[i].arg, &out.v) == 0;
	return out;
}
