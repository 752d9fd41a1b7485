#include "transport/failover.h"

#define CLEAN_NS	INT64_C(5000000000)	/* how long to wait for a clean point */

void
failover_init(struct failover *f, int64_t hot_ns, int64_t back_ns, bool prefer)
{
	*f = (struct failover){ .hot_ns = hot_ns, .back_ns = back_ns, .prefer = prefer,
	    .active = -1, .target = -1 };
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

static void
use_leg(struct failover *f, unsigned leg)
{
	f->switches += f->active >= 0;
	f->active = (int)leg;
	f->target = -1;
}

bool
failover_passes(struct failover *f, unsigned leg, bool clean, int64_t now_ns)
{
	bool before = f->prefer && (int)leg < f->active;

	if (f->target >= 0 && silent(f, f->target, now_ns))
		f->target = -1;
	if (f->active == (int)leg)
		return true;
	if (f->active < 0 || silent(f, f->active, now_ns)) {
		use_leg(f, leg);
		return true;
	}
	if (before && now_ns - f->leg[leg].since_ns >= f->back_ns &&
	    (f->target < 0 || (int)leg < f->target)) {
		f->target = (int)leg;
		f->target_ns = now_ns;
	}
	if (f->target == (int)leg && (clean || now_ns - f->target_ns > CLEAN_NS)) {
		use_leg(f, leg);
		return true;
	}
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
