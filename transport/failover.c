#include "transport/failover.h"

#define BACK_CLEAN_NS		INT64_C(5000000000)	/* how long a way back waits for a clean point */

void
failover_init(struct failover *f, int64_t hot_ns, int64_t back_ns, int64_t clean_ns,
    bool prefer)
{
	*f = (struct failover){ .hot_ns = hot_ns, .back_ns = back_ns, .clean_ns = clean_ns,
	    .prefer = prefer, .active = -1, .target = -1 };
}

static bool
silent(const struct failover *f, int leg, int64_t now_ns)
{
	return f->leg[leg].seen_ns == 0 || now_ns - f->leg[leg].seen_ns >= f->hot_ns;
}

void
failover_seen(struct failover *f, unsigned leg, int64_t now_ns)
{
	struct failover_leg *l = &f->leg[leg];

	if (silent(f, (int)leg, now_ns))
		l->since_ns = now_ns;
	l->seen_ns = now_ns;
}

void
failover_ill(struct failover *f, unsigned leg, bool ill, int64_t now_ns)
{
	struct failover_leg *l = &f->leg[leg];

	if (l->ill)
		l->since_ns = now_ns;
	l->ill = ill;
}

static bool
use_leg(struct failover *f, unsigned leg, enum failover_reason reason)
{
	f->switches += f->active >= 0;
	f->active = (int)leg;
	f->target = -1;
	f->reason = reason;
	return true;
}

static bool
any_well(const struct failover *f, int64_t now_ns)
{
	for (int i = 0; i < FAILOVER_LEGS; i++)
		if (!silent(f, i, now_ns) && !f->leg[i].ill)
			return true;
	return false;
}

/* Is there still a reason to go there? */
static void
check_target(struct failover *f, int64_t now_ns)
{
	if (f->target < 0)
		return;
	if (silent(f, f->target, now_ns) || f->leg[f->target].ill ||
	    (f->target_reason == FAILOVER_HEALTH && f->active >= 0 && !f->leg[f->active].ill))
		f->target = -1;
}

static void
aim(struct failover *f, unsigned leg, enum failover_reason reason, int64_t now_ns)
{
	if (f->target >= 0 && f->target_reason == reason &&
	    (f->target == (int)leg || !f->prefer || f->target < (int)leg))
		return;
	f->target = (int)leg;
	f->target_reason = reason;
	f->target_ns = now_ns;
}

bool
failover_passes(struct failover *f, unsigned leg, bool clean, int64_t now_ns)
{
	const struct failover_leg *l = &f->leg[leg];
	int64_t wait_ns;

	check_target(f, now_ns);
	if (f->active == (int)leg)
		return true;
	if (l->ill && any_well(f, now_ns))
		return false;
	if (f->active < 0 || silent(f, f->active, now_ns))
		return use_leg(f, leg, f->active < 0 ? FAILOVER_START : FAILOVER_SILENCE);
	if (l->ill)
		return false;
	if (f->leg[f->active].ill)
		aim(f, leg, FAILOVER_HEALTH, now_ns);
	else if (f->prefer && (int)leg < f->active && now_ns - l->since_ns >= f->back_ns)
		aim(f, leg, FAILOVER_PREFERENCE, now_ns);
	wait_ns = f->target_reason == FAILOVER_HEALTH ? f->clean_ns : BACK_CLEAN_NS;
	if (f->target == (int)leg && (clean || now_ns - f->target_ns > wait_ns))
		return use_leg(f, leg, f->target_reason);
	return false;
}

void
failover_forget(struct failover *f, unsigned leg)
{
	f->leg[leg] = (struct failover_leg){ .seen_ns = 0 };
	if (f->active == (int)leg)
		f->active = -1;
	if (f->target == (int)leg)
		f->target = -1;
}
