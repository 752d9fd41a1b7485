/*
 * measures.c - the numbers of mconnect-probe by name, for lines of JSON and for
 * --fail-if: besides those of vitals.h what the input and decoding tell.
 */
#include <string.h>

#include "lib/base/clk.h"
#include "transport/probe.h"
#include "transport/vitals.h"

struct measure {
	const char *name, *alias;	/* alias: NULL if it has but one */
	const char *text;
	int (*get)(const struct probe *p, int arg, int64_t *v);	/* -1: not known */
	int	 arg;
};

enum { CONNECTED, DISCONNECTIONS, CUES, CUE_ERRORS, SUPPRESSED };
enum { IAT_MIN, IAT_P50, IAT_P99, IAT_MAX };
enum { DATAGRAMS, KERNEL, LOST, REORDERED, DUPLICATES, LATE, RTP, FOREIGN };
enum { ERRORS, PICTURE, HEIGHT, WIDTH, CAPTIONS, MOMENTARY, SHORT_TERM, INTEGRATED,
	MOMENTARY_MAX, SHORT_TERM_MAX };

/* ---- each gives thousandths, or -1 */

static int
get_plain(const struct probe *p, int what, int64_t *v)
{
	*v = (int64_t)(what == CONNECTED ? p->connected : what == DISCONNECTIONS ?
	    p->disconnections : what == CUES ? p->cues : what == CUE_ERRORS ?
	    p->cue_errors : p->suppressed) * EXPR_UNIT;
	return 0;
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
	{ "source_connected", NULL, "1 while data come", get_plain, CONNECTED },
	{ "source_disconnections", NULL, "how often they stopped", get_plain,
	    DISCONNECTIONS },
	{ "cues", NULL, "SCTE-35 sections but splice_null", get_plain, CUES },
	{ "cue_errors", NULL, "damaged ones", get_plain, CUE_ERRORS },
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

/* First come those of vitals.h, then ours. */
static int
ours(int i)
{
	int n = 0;

	while (vital_at(n) != NULL)
		n++;
	return i - n;
}

static const char *
name_or_alias(int i, bool alias)
{
	const struct vital *v = vital_at(i);
	int k = ours(i);

	if (v != NULL)
		return alias ? v->alias : v->name;
	if (k >= COUNT)
		return NULL;
	return alias ? measures[k].alias : measures[k].name;
}

const char *
measure_name(int i)
{
	return name_or_alias(i, false);
}

int
measure_find(const char *name)
{
	int i = vital_find(name);

	if (i >= 0)
		return i;
	for (i = 0; i < COUNT; i++)
		if (strcmp(measures[i].name, name) == 0 ||
		    (measures[i].alias != NULL && strcmp(measures[i].alias, name) == 0))
			return i - ours(0);
	return -1;
}

struct expr_value
measure_value(void *probe, int i)
{
	const struct probe *p = probe;
	struct vital_view view = vital_view(p->health);
	struct expr_value out = { false, 0 };
	const struct measure *m;

	if (vital_at(i) != NULL)
		return vital_value(&view, i);
	m = &measures[ours(i)];
	out.known = m->get(p, m->arg, &out.v) == 0;
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

static const char *
word(int k)
{
	const char *name = name_or_alias(k / 2, k % 2 != 0);

	return name == NULL && k % 2 != 0 ? "" : name;
}

void
measure_near(const char *name, char *out, size_t size)
{
	expr_near(name, word, out, size);
}
