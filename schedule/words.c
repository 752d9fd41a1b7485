#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "schedule/words.h"

#define GPS_EPOCH	INT64_C(315964800)	/* 1980-01-06, in UTC seconds since 1970 */

struct text {
	char	*p;
	size_t	 fill;
};

static void add(struct text *t, const char *fmt, ...) PRINTFLIKE(2, 3);

static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->fill, WORDS_MAX - t->fill, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->fill += (size_t)n;
	if (t->fill >= WORDS_MAX)
		t->fill = WORDS_MAX - 1;
}

void
words_time(uint64_t pts, char out[static WORDS_TIME])
{
	uint64_t ms = pts / 90, s = ms / 1000;

	snprintf(out, WORDS_TIME, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
	    s / 3600 % 1000, s / 60 % 60, s % 60, ms % 1000);
}

static void
add_seconds(struct text *t, uint64_t ticks)
{
	add(t, "%" PRIu64 ".%03" PRIu64 " s", ticks / 90000, ticks / 90 % 1000);
}

static void
add_time(struct text *t, const struct scte35 *s, const struct scte35_time *at)
{
	uint64_t pts = scte35_pts(s, at);
	char buf[WORDS_TIME];

	if (pts == SCTE35_NULL_PTS) {
		add(t, " now");
		return;
	}
	words_time(pts, buf);
	add(t, " at %s", buf);
}

static void
add_bytes(struct text *t, const struct scte35_bytes *b)
{
	if (scte35_is_text(b->p, b->len)) {
		add(t, "%.*s", (int)b->len, (const char *)b->p);
		return;
	}
	add(t, "0x");
	for (size_t i = 0; i < b->len; i++)
		add(t, "%02x", b->p[i]);
}

/* ---- commands */

static void
add_break(struct text *t, const struct scte35_event *e)
{
	if (!e->has_duration)
		return;
	add(t, " for ");
	add_seconds(t, e->duration.duration);
	if (e->duration.auto_return)
		add(t, ", then back");
}

static void
add_insert(struct text *t, const struct scte35 *s, const struct scte35_event *e)
{
	if (e->cancel) {
		add(t, "cancelled: event %" PRIu32, e->id);
		return;
	}
	add(t, "%s", e->out_of_network ? "out" : "in");
	if (e->immediate)
		add(t, " now");
	else if (e->program)
		add_time(t, s, &e->time);
	else
		for (unsigned i = 0; i < e->ncomponent; i++) {
			const struct scte35_component *c = &s->component[e->component + i];

			add_time(t, s, &c->time);
			add(t, " (component %u)", c->tag);
		}
	add_break(t, e);
	add(t, ": event %" PRIu32, e->id);
	if (e->unique_program_id != 0)
		add(t, ", program %u", e->unique_program_id);
	if (e->avails_expected != 0)
		add(t, ", avail %u of %u", e->avail_num, e->avails_expected);
}

static void
add_schedule(struct text *t, const struct scte35 *s)
{
	char iso[CLK_ISO];

	for (unsigned i = 0; i < s->nevent; i++) {
		const struct scte35_event *e = &s->event[i];

		add(t, "%s", i > 0 ? "; " : "");
		if (e->cancel) {
			add(t, "cancelled: event %" PRIu32, e->id);
			continue;
		}
		add(t, "%s", e->out_of_network ? "out" : "in");
		if (e->program) {
			/* Leap seconds are not taken out: the message says not how many. */
			clk_iso(((int64_t)e->time.pts + GPS_EPOCH) * CLK_SECOND, iso);
			add(t, " at %s (GPS)", iso);
		} else {
			add(t, " by %u components", e->ncomponent);
		}
		add_break(t, e);
		add(t, ": event %" PRIu32, e->id);
	}
}

static void
add_command(struct text *t, const struct scte35 *s)
{
	switch (s->command) {
	case SCTE35_SPLICE_NULL:
		add(t, "nothing (splice_null)");
		break;
	case SCTE35_SPLICE_INSERT:
		add_insert(t, s, &s->insert);
		break;
	case SCTE35_SPLICE_SCHEDULE:
		add_schedule(t, s);
		break;
	case SCTE35_TIME_SIGNAL:
		add(t, "signal");
		add_time(t, s, &s->signal);
		break;
	case SCTE35_BANDWIDTH_RESERVATION:
		add(t, "bandwidth reservation");
		break;
	case SCTE35_PRIVATE_COMMAND:
		add(t, "private command: ");
		add_bytes(t, &s->rest);
		break;
	default:
		add(t, "unknown command 0x%02x", s->command);
	}
}

/* ---- descriptors */

static void
add_upid(struct text *t, uint8_t type, const struct scte35_bytes *b)
{
	struct scte35_bytes mid = *b;
	const char *name = scte35_upid_name(type);
	struct scte35_upid u;

	if (type == 0x0d) {
		while (scte35_mid_next(&mid, &u) > 0)
			if (u.type != type)
				add_upid(t, u.type, &u.bytes);
		return;
	}
	if (b->len == 0)
		return;
	if (name != NULL)
		add(t, ", %s ", name);
	else
		add(t, ", UPID of type 0x%02x ", type);
	add_bytes(t, b);
}

static void
add_segmentation(struct text *t, const struct scte35_segmentation *g)
{
	const char *name = scte35_type_name(g->type_id);

	if (g->cancel) {
		add(t, "cancelled: event %" PRIu32, g->event_id);
		return;
	}
	if (name != NULL)
		add(t, "%s", name);
	else
		add(t, "segmentation type");
	add(t, " (0x%02x)", g->type_id);
	if (g->has_duration) {
		add(t, " for ");
		add_seconds(t, g->duration);
	}
	add(t, ": event %" PRIu32, g->event_id);
	if (g->expected != 0)
		add(t, ", %u of %u", g->num, g->expected);
	add_upid(t, g->upid_type, &g->upid);
	if (!g->not_restricted && !(g->web && g->no_regional_blackout && g->archive &&
	    g->device == 3))
		add(t, ", restricted:%s%s%s%s", g->web ? "" : " no web",
		    g->no_regional_blackout ? "" : " regional blackout",
		    g->archive ? "" : " no archive",
		    g->device == 3 ? "" : " some devices");
}

static void
add_descriptor(struct text *t, const struct scte35_descriptor *d)
{
	if (!d->known) {
		add(t, "unknown descriptor 0x%02x", d->tag);
		return;
	}
	switch (d->tag) {
	case SCTE35_AVAIL:
		add(t, "avail %" PRIu32, d->provider_avail_id);
		break;
	case SCTE35_DTMF:
		add(t, "tones ");
		add_bytes(t, &d->dtmf.chars);
		add(t, " %u.%u s before", d->dtmf.preroll / 10u, d->dtmf.preroll % 10u);
		break;
	case SCTE35_SEGMENTATION:
		add_segmentation(t, &d->seg);
		break;
	case SCTE35_TIME:
		add(t, "TAI %" PRIu64 ".%09" PRIu32, d->time.tai_seconds, d->time.tai_ns);
		break;
	default:
		add(t, "audio of %u components", d->audio.n);
	}
}

void
words_of(const struct scte35 *s, char out[static WORDS_MAX])
{
	struct text t = { out, 0 };

	out[0] = '\0';
	if (s->encrypted) {
		add(&t, "encrypted (algorithm %u, key %u)", s->encryption_algorithm,
		    s->cw_index);
		return;
	}
	add_command(&t, s);
	for (unsigned i = 0; i < s->ndescriptor; i++) {
		add(&t, "; ");
		add_descriptor(&t, &s->descriptor[i]);
	}
}
