#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "transport/checkup.h"

#define LOOK_NS		(20 * CLK_SECOND / 1000)	/* between looks at conditions */

static void
on_fault(void *arg, const struct health_event *ev)
{
	struct checkup *c = arg;

	if (ev->state == HEALTH_BEGIN)
		c->lasting[ev->rule]++;
	else if (ev->state == HEALTH_END && c->lasting[ev->rule] > 0)
		c->lasting[ev->rule]--;
}

int
checkup_init(struct checkup *c, bool arrival, const struct checkup_conditions *list)
{
	struct health_config cfg;

	*c = (struct checkup){ .holds = -1 };
	c->conditions = list != NULL && list->n > 0 ? list : NULL;
	health_config_init(&cfg);
	cfg.arrival = arrival;
	cfg.arg = c;
	cfg.event = on_fault;
	c->health = health_new(&cfg);
	return c->health == NULL ? -ENOMEM : 0;
}

void
checkup_free(struct checkup *c)
{
	health_free(c->health);
	c->health = NULL;
}

void
checkup_push(struct checkup *c, const uint8_t *p, size_t len, int64_t at_ns)
{
	health_push(c->health, p, len, at_ns);
}

void
checkup_gap(struct checkup *c)
{
	health_gap(c->health);
}

/* ---- conditions */

/* What was counted before the sliding time began. */
static const struct vital_counts *
before(const struct checkup *c)
{
	static const struct vital_counts nothing;

	return c->n < CHECKUP_STEPS ? &nothing : &c->past[c->n % CHECKUP_STEPS];
}

static struct vital_view
recent(const struct checkup *c)
{
	struct vital_view v = vital_view(c->health);
	const struct vital_counts *b = before(c);

	v.recent = true;
	v.counts.packets -= b->packets;
	v.counts.null_packets -= b->null_packets;
	v.counts.scrambled -= b->scrambled;
	v.counts.damaged -= b->damaged;
	v.counts.junk_bytes -= b->junk_bytes;
	for (unsigned i = 0; i < HEALTH_RULES; i++) {
		v.counts.rule[i] -= b->rule[i];
		if (v.counts.rule[i] < c->lasting[i])
			v.counts.rule[i] = c->lasting[i];
	}
	return v;
}

static struct expr_value
vital_of(void *arg, int id)
{
	return vital_value(arg, id);
}

static int
find_condition(const struct checkup *c)
{
	struct vital_view v = recent(c);

	for (unsigned i = 0; i < c->conditions->n; i++)
		if (expr_holds(&c->conditions->one[i].expr, vital_of, &v))
			return (int)i;
	return -1;
}

bool
checkup_turn(struct checkup *c, int64_t now_ns)
{
	int was = c->holds;

	if (now_ns < c->look_ns)
		return false;
	c->look_ns = now_ns + LOOK_NS;
	health_tick(c->health, now_ns);
	if (c->window_ns == 0 && c->health->packets > 0)
		c->window_ns = now_ns + CLK_SECOND;
	if (c->window_ns > 0 && now_ns >= c->window_ns) {
		health_window(c->health);
		c->window_ns = now_ns + CLK_SECOND;
	}
	if (c->conditions == NULL || c->health->packets == 0)
		return false;
	c->holds = find_condition(c);
	if (now_ns >= c->step_ns) {
		c->past[c->n++ % CHECKUP_STEPS] = vital_view(c->health).counts;
		if (c->n == 2 * CHECKUP_STEPS)
			c->n = CHECKUP_STEPS;
		c->step_ns = now_ns + c->conditions->over_ns / CHECKUP_STEPS;
	}
	return c->holds != was;
}

/* ---- numbers */

#define SOURCE	(sizeof("source_") - 1)

static const struct {
	enum health_rule rule;
	const char *help;
} rules[] = {				/* the first two are those with more to add */
	{ HEALTH_SYNC_LOSS, "TR 101 290 1.1: times that synchronisation was lost." },
	{ HEALTH_SYNC_BYTE, "TR 101 290 1.2: wrong sync bytes." },
	{ HEALTH_PAT, "TR 101 290 1.3: PAT missing or wrong." },
	{ HEALTH_CONTINUITY, "TR 101 290 1.4: gaps in continuity counters." },
	{ HEALTH_PMT, "TR 101 290 1.5: PMT missing or wrong." },
	{ HEALTH_PID, "TR 101 290 1.6: PIDs missing." },
	{ HEALTH_TRANSPORT, "TR 101 290 2.1: packets that say they are damaged." },
	{ HEALTH_CRC, "TR 101 290 2.2: tables with a wrong CRC." },
	{ HEALTH_PCR_ACCURACY, "TR 101 290 2.4: PCRs off by more than 500 ns." },
	{ HEALTH_PTS, "TR 101 290 2.5: times without PTS." },
	{ HEALTH_CAT, "TR 101 290 2.6: CAT missing or wrong." },
};

static void
add_rules(const struct checkup *c, struct numbers *all, bool source,
    const uint64_t more[static 2])
{
	const struct health *h = c->health;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *name = health_rule_info(rules[i].rule)->name;
		uint64_t v = h->count[rules[i].rule] + (i < 2 ? more[i] : 0);

		if (source)
			numbers_add(all, name, "counter", rules[i].help, v);
		else if (rules[i].rule != HEALTH_CONTINUITY &&
		    rules[i].rule != HEALTH_TRANSPORT)	/* which are counted anyway */
			numbers_add(all, name + SOURCE, "counter", rules[i].help, v);
	}
	numbers_add(all, source ? "source_pcr_error" : "pcr_error", "counter",
	    "TR 101 290 2.3: PCRs missing, or that jump.",
	    h->count[HEALTH_PCR_INTERVAL] + h->count[HEALTH_PCR_JUMP]);
}

void
checkup_source_numbers(const struct checkup *c, uint64_t sync_losses,
    uint64_t bad_syncs, struct numbers *all)
{
	bool known = c->health->has_pat;

	add_rules(c, all, true, (const uint64_t[]){ sync_losses, bad_syncs });
	numbers_add(all, "video_stream_missing", "gauge", "1: no video comes.",
	    known && health_lacks(c->health, KIND_VIDEO));
	numbers_add(all, "audio_stream_missing", "gauge", "1: no audio comes.",
	    known && health_lacks(c->health, KIND_AUDIO));
	numbers_add(all, "source_unhealthy", "gauge", "1 while a condition of --fail-if holds.",
	    c->holds >= 0);
}

void
checkup_output_numbers(const struct checkup *c, struct numbers *all)
{
	add_rules(c, all, false, (const uint64_t[]){ 0, 0 });
}
