/* Which of several inputs is well, and which may be as another is. */
#include "ingest/health.c"
#include "ingest/failon.c"
#include "lib/base/clk.h"
#include "t/tap.h"

static struct failon on;

static struct health_signs
sees(enum watch_kind kind, int64_t lasts_ms, int64_t clear_ms)
{
	struct health_signs s = { .lost = false };

	for (int k = 0; k < WATCH_KINDS; k++)
		s.state.kind[k] = (struct feedwatch_kind){ .known = true,
		    .clear_ns = 1000 * CLK_SECOND };
	s.state.kind[kind].lasts_ns = lasts_ms * 1000000;
	s.state.kind[kind].clear_ns = clear_ms * 1000000;
	return s;
}

int
main(void)
{
	static struct health h, fresh;
	struct health_signs s = sees(WATCH_BLACK, 0, 10000);
	const int64_t fault = 10 * CLK_SECOND, now = 12 * CLK_SECOND;
	static const struct {
		const char *what;
		enum watch_kind kind;
		int64_t	lasts_ms, clear_ms;
		enum cause cause;
		bool shares, dim;
	} t[] = {
		{ "bright since", WATCH_BLACK, 0, 11900, CAUSE_BLACK, false, false },
		{ "dark for as long", WATCH_BLACK, 1990, 9900, CAUSE_BLACK, true, true },
		{ "dark for a quarter", WATCH_BLACK, 500, 11400, CAUSE_BLACK, true, false },
		{ "dark for half of it", WATCH_BLACK, 1000, 10900, CAUSE_BLACK, true, true },
		{ "dark for a moment", WATCH_BLACK, 480, 11500, CAUSE_BLACK, false, false },
		{ "not looked at since", WATCH_BLACK, 0, 9900, CAUSE_BLACK, true, false },
		{ "dark, but another is silent", WATCH_BLACK, 1990, 9900, CAUSE_SILENCE, false,
		    true },
		{ "dark, but another is lost", WATCH_BLACK, 1990, 9900, CAUSE_LOSS, false,
		    true },
		{ "still, which is no condition", WATCH_FREEZE, 1990, 9900, CAUSE_FREEZE, false,
		    false },
		{ "a pause in speech", WATCH_SILENCE, 900, 11000, CAUSE_SILENCE, false, false },
		{ "a longer one, while another is dark", WATCH_SILENCE, 1300, 10700, CAUSE_BLACK,
		    false, false },
		{ "silence for a quarter", WATCH_SILENCE, 1000, 11000, CAUSE_SILENCE, true,
		    false },
		{ "silence", WATCH_SILENCE, 2000, 10000, CAUSE_SILENCE, true, true },
	};

	failon_init(&on);
	failon_parse(&on, "loss=1s,black=2s,silence=4s");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		s = sees(t[i].kind, t[i].lasts_ms, t[i].clear_ms);
		h = fresh;
		health_note(&h, &on, &s, now);
		is(health_shares(&h, &on, t[i].cause, fault, now), t[i].shares, "%s",
		    t[i].what);
		is(health_dim(&h, &on), t[i].dim, "%s: to be preferred, or not", t[i].what);
	}
	s = sees(WATCH_BLACK, 0, 9900);
	h = fresh;
	health_note(&h, &on, &s, now);
	ok(!health_shares(&h, &on, CAUSE_BLACK, fault, fault + 2 * on.black_ns),
	    "what is not looked at is not waited for for ever");
	s.state.kind[WATCH_BLACK].known = false;
	health_note(&h, &on, &s, now);
	ok(!health_shares(&h, &on, CAUSE_BLACK, fault, now),
	    "what has no pictures is not black");

	h = fresh;
	s = sees(WATCH_BLACK, 0, 10000);
	ok(!health_note(&h, &on, &s, fault) && h.well, "it is well");
	s.state.kind[WATCH_BLACK].holds = true;
	ok(health_note(&h, &on, &s, now) && !h.well, "it has failed, once");
	ok(!health_note(&h, &on, &s, now), "and is not told again");
	is(h.fault_ns, now - on.black_ns, "the fault began as long ago as it takes");
	ok(health_cause_of(&h) == CAUSE_BLACK, "it is black");
	s.lost = true;
	health_note(&h, &on, &s, now);
	ok(health_cause_of(&h) == CAUSE_LOSS, "lost comes first");
	s = sees(WATCH_BLACK, 0, 10000);
	s.soundless_ns = 1 * CLK_SECOND;
	health_note(&h, &on, &s, now);
	ok(h.well && health_shares(&h, &on, CAUSE_SILENCE, fault, now),
	    "sound that does not come is silence");
	ok(!health_clear(&h, 5 * CLK_SECOND, now) &&
	    health_clear(&h, 5 * CLK_SECOND, now + 5 * CLK_SECOND),
	    "what has failed counts when it has been well for long");
	s.soundless_ns = 4 * CLK_SECOND;
	ok(health_note(&h, &on, &s, now) && health_cause_of(&h) == CAUSE_SILENCE,
	    "and fails on it");
	return done_testing();
}
