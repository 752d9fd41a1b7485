#include "ingest/health.h"

/* Parts of a condition's time that count with a candidate: for what another failed on, and
 * for what else it shows, which may be a pause in speech. */
#define SHARED	4
#define ALONE	2

const char *const health_cause[CAUSES] = { "start", "preference", "command", "return",
	"loss", "black", "freeze", "silence", "cc", "errors" };

static const enum cause cause_of_kind[WATCH_KINDS] = {
	[WATCH_BLACK] = CAUSE_BLACK, [WATCH_FREEZE] = CAUSE_FREEZE,
	[WATCH_SILENCE] = CAUSE_SILENCE,
};

/* For how long it has shown when a condition comes to hold. */
static int64_t
shown_ns(const struct failon *on, enum cause c)
{
	switch (c) {
	case CAUSE_LOSS:
		return on->loss_ns;
	case CAUSE_BLACK:
		return on->black_ns;
	case CAUSE_FREEZE:
		return on->freeze_ns;
	case CAUSE_SILENCE:
		return on->silence_ns;
	default:
		return 0;
	}
}

enum cause
health_cause_of(const struct health *h)
{
	enum cause c = CAUSE_LOSS;

	while (c < CAUSES && !h->holds[c])
		c++;
	return c;
}

bool
health_note(struct health *h, const struct failon *on, const struct health_signs *s,
    int64_t now)
{
	enum cause cause;
	bool well, fails;

	h->state = s->state;
	h->holds[CAUSE_LOSS] = s->lost;
	for (int k = 0; k < WATCH_KINDS; k++)
		h->holds[cause_of_kind[k]] = shown_ns(on, cause_of_kind[k]) > 0 &&
		    s->state.kind[k].holds;
	if (on->silence_ns > 0 && s->soundless_ns > 0) {
		struct feedwatch_kind *sound = &h->state.kind[WATCH_SILENCE];

		h->holds[CAUSE_SILENCE] |= s->soundless_ns >= on->silence_ns;
		if (s->soundless_ns > sound->lasts_ns)
			sound->lasts_ns = s->soundless_ns;
	}
	h->holds[CAUSE_CC] = burst_holds(&h->cc, &on->cc, s->cc_errors, now);
	h->holds[CAUSE_ERRORS] = burst_holds(&h->errors, &on->errors, s->state.errors, now);
	cause = health_cause_of(h);
	well = cause == CAUSES;
	fails = !well && h->well;
	if (well && !h->well)
		h->since_ns = now;
	if (fails) {
		h->failed = true;
		h->fault_ns = cause == CAUSE_LOSS ? h->heard_ns : now - shown_ns(on, cause);
	}
	h->well = well;
	return fails;
}

bool
health_clear(const struct health *h, int64_t clear_ns, int64_t now)
{
	return h->well && (!h->failed || now - h->since_ns >= clear_ns);
}

static bool
shows(const struct health *h, const struct failon *on, int kind, int part)
{
	int64_t limit = shown_ns(on, cause_of_kind[kind]);

	return limit > 0 && h->state.kind[kind].lasts_ns >= limit / part;
}

bool
health_dim(const struct health *h, const struct failon *on)
{
	for (int k = 0; k < WATCH_KINDS; k++)
		if (shows(h, on, k, ALONE))
			return true;
	return false;
}

bool
health_shares(const struct health *h, const struct failon *on, enum cause cause,
    int64_t fault_ns, int64_t now)
{
	for (int k = 0; k < WATCH_KINDS; k++) {
		const struct feedwatch_kind *kind = &h->state.kind[k];

		if (cause_of_kind[k] != cause)
			continue;
		if (shows(h, on, k, SHARED))
			return true;
		/* Nobody has looked since: but in twice the time somebody would have. */
		return kind->known && kind->clear_ns < fault_ns &&
		    now - fault_ns < 2 * shown_ns(on, cause);
	}
	return false;
}
