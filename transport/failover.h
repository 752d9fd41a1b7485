/*
 * failover.h - which of several legs goes out, when each is a stream of its own.
 *
 * The leg in use is left when nothing has come of it for the time hot_ns and another
 * one brings data, which is taken at once; and when it is ill and another is not, which
 * is taken at a clean point, or after clean_ns at any.  With a preference the first leg,
 * or whichever comes before the one in use, is taken back when it has brought data and
 * been well for back_ns without such a hole: that switch has time to wait for a clean
 * point.
 *
 * Shape    Decides on times alone.  Legs are in order of preference.
 * Units    ns of any one clock.
 * Memory   Caller's struct.
 * Threads  One.
 * Errors   None.
 */
#ifndef FAILOVER_H
#define FAILOVER_H

#include <stdbool.h>
#include <stdint.h>

#define FAILOVER_LEGS	16

enum failover_reason { FAILOVER_START, FAILOVER_SILENCE, FAILOVER_HEALTH,
	FAILOVER_PREFERENCE };

struct failover {
	int64_t	 hot_ns, back_ns, clean_ns;
	bool	 prefer;
	int	 active;		/* -1: none yet */
	int	 target;		/* to be switched to at a clean point; -1: none */
	enum failover_reason reason;	/* of the last switch */
	uint64_t switches;
	int64_t	 target_ns;		/* since when */
	enum failover_reason target_reason;
	struct failover_leg {
		int64_t	seen_ns;	/* 0: nothing has come */
		int64_t	since_ns;	/* no hole since then */
		bool	ill;
	} leg[FAILOVER_LEGS];
};

void failover_init(struct failover *f, int64_t hot_ns, int64_t back_ns, int64_t clean_ns,
    bool prefer);

/* Data of a leg has come, so much that it says it lives. */
void failover_seen(struct failover *f, unsigned leg, int64_t now_ns);

/* What it brings is of no use, or of use again. */
void failover_ill(struct failover *f, unsigned leg, bool ill, int64_t now_ns);

/*
 * Whose data goes out now: to be asked at each packet of leg, whether that begins
 * at a clean point or not.  True: it does.
 */
bool failover_passes(struct failover *f, unsigned leg, bool clean, int64_t now_ns);

/* The leg has been taken away. */
void failover_forget(struct failover *f, unsigned leg);

#endif
