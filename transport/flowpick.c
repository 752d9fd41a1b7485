/* Which of several legs goes on, and how what another one had sent is continued. */
#include "lib/base/clk.h"
#include "transport/flowpriv.h"

#define CATCH_UP	4		/* times as fast as it came */

static const char *const reason[] = {
	[FAILOVER_START] = "removed", [FAILOVER_SILENCE] = "silence",
	[FAILOVER_HEALTH] = "health", [FAILOVER_PREFERENCE] = "preference",
};

/* When what came then goes out, if old packets go first. */
static int64_t
catch_up(struct flow *f, int64_t came_ns)
{
	int64_t at_ns;

	if (!f->catching_up)
		return came_ns;
	at_ns = f->catch_at_ns + (came_ns - f->catch_from_ns) / CATCH_UP;
	if (at_ns > came_ns)
		return at_ns;
	f->catching_up = false;
	return came_ns;
}

static void
repeat_tables(struct flow *f, const struct standby_tables *t, int64_t at_ns)
{
	for (unsigned i = 0; i < t->n; i++)
		for (unsigned k = 0; k < t->table[i].n; k++)
			flow_repeat(f, t->table[i].packet[k], at_ns);
}

/* What the leg has kept, from its latest clean point on. */
static void
repeat_kept(struct flow *f, struct flow_leg *l, int64_t at_ns)
{
	struct packet *pkt;

	f->catching_up = true;
	f->catch_at_ns = at_ns;
	f->catch_from_ns = l->standby.first_ns;
	while ((pkt = standby_pop(&l->standby)) != NULL) {
		l->passed++;
		flow_emit(f, pkt, 0, catch_up(f, pkt->due_ns));
	}
}

static void
tell_switch(struct flow *f, unsigned leg, bool clean, int64_t at_ns)
{
	const struct standby *s = &f->leg[leg].standby;
	bool kept = !clean && s->kept > 0;
	json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:b}", "event", "failover_switch",
	    "from", f->last_leg, "to", (int)leg, "reason",
	    f->last_leg < 0 ? "removed" : reason[f->failover.reason], "clean", clean || kept);

	if (f->failover.reason == FAILOVER_HEALTH && f->last_leg >= 0 &&
	    f->leg[f->last_leg].checkup.holds >= 0)
		json_object_set_new(o, "condition", json_string(f->config.conditions->one[
		    f->leg[f->last_leg].checkup.holds].text));
	if (kept)
		json_object_set_new(o, "repeated_ms", json_integer((at_ns - s->first_ns) /
		    (CLK_SECOND / 1000)));
	f->event(f->arg, o);
}

/* From another leg to this one, at a packet that is clean or not. */
static void
change_leg(struct flow *f, unsigned leg, bool clean, int64_t at_ns)
{
	struct flow_leg *l = &f->leg[leg];

	tswatch_switch(&f->watch);
	flow_break(f);
	f->catching_up = false;
	tell_switch(f, leg, clean, at_ns);
	if (clean)
		l->stood_by += standby_drop(&l->standby);
	repeat_tables(f, clean || l->standby.kept == 0 ? &l->standby.now : &l->standby.then,
	    at_ns);
	if (!clean && l->standby.kept > 0)
		repeat_kept(f, l, at_ns);
}

void
flow_pass_leg(struct flow *f, unsigned leg, struct packet *pkt, uint64_t gap,
    bool restarted, int64_t at_ns)
{
	struct flow_leg *l = &f->leg[leg];
	bool clean;

	if (f->config.health) {
		if (gap > 0)
			checkup_gap(&l->checkup);
		checkup_push(&l->checkup, pkt->data, pkt->len, at_ns);
	}
	if (f->config.by_content) {
		flow_pass_content(f, leg, pkt, at_ns);
		return;
	}
	clean = f->config.failover && standby_clean(&l->standby, pkt, &f->filter, at_ns);
	failover_seen(&f->failover, leg, at_ns);
	if (!failover_passes(&f->failover, leg, clean, at_ns)) {
		if (gap > 0 || restarted)
			l->stood_by += standby_drop(&l->standby);
		packet_ref(pkt);		/* for its tables */
		l->stood_by += standby_keep(&l->standby, pkt, clean, at_ns);
		standby_note(&l->standby, pkt);
		packet_unref(pkt);
		return;
	}
	if (f->last_leg != (int)leg && f->last_leg != -1) {
		change_leg(f, leg, clean, at_ns);
		gap = 0;			/* of the leg while it stood by */
	}
	if (restarted)
		tswatch_switch(&f->watch);
	f->last_leg = (int)leg;
	l->passed++;
	if (f->config.failover)
		standby_note(&l->standby, pkt);
	flow_emit(f, pkt, gap, catch_up(f, at_ns));
}

void
flow_look(struct flow *f, int64_t now_ns)
{
	checkup_turn(&f->checkup, now_ns);
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		struct checkup *c = &f->leg[i].checkup;
		int was;

		if (!f->leg[i].used)
			continue;
		was = c->holds;
		if (!checkup_turn(c, now_ns))
			continue;
		failover_ill(&f->failover, i, c->holds >= 0, now_ns);
		if ((was >= 0) != (c->holds >= 0))
			f->event(f->arg, json_pack("{s:s, s:i, s:s}", "event",
			    c->holds >= 0 ? "unhealthy" : "healthy", "leg", (int)i,
			    "condition",
			    f->config.conditions->one[c->holds >= 0 ? c->holds : was].text));
	}
}
