/*
 * flow.h - from legs to outputs: merged or failed over, in order, seven packets to
 * a datagram, each with the time at which it is due.
 *
 *     leg -> merge (one for all legs), or an order for each, with repair of
 *            either by FEC, then content or failover
 *            (checkup: is it well?  standby: where can it begin?)
 *         -> tswatch -> pidfilter -> regroup -> pacer -> fan
 *
 * Shape    Decides on packets and times that are given to it: no sockets, no clock.
 * Units    ns of any one clock.
 * Memory   flow_take() takes the packet; flow_free() gives all back.
 * Threads  One.
 * Errors   Negative errno where something can fail.
 */
#ifndef FLOW_H
#define FLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/merge.h"
#include "lib/leg/packet.h"
#include "lib/leg/repair.h"
#include "transport/checkup.h"
#include "transport/content.h"
#include "transport/failover.h"
#include "transport/fan.h"
#include "transport/pacer.h"
#include "transport/pidfilter.h"
#include "transport/standby.h"
#include "transport/tswatch.h"

#define FLOW_LEGS	MERGE_LEGS
#define FLOW_WAIT	1024
#define FLOW_GROUP	7		/* packets to a datagram */

struct flow_config {
	bool	 merge, failover;	/* neither: a single leg */
	bool	 by_content;		/* merge by packets, not by RTP numbers */
	bool	 bare;			/* an input never has RTP: only so can they be merged */
	bool	 windowed;		/* constant delay window_ns; else only reorder_ns */
	bool	 adapts;		/* and longer, when FEC needs that */
	bool	 prefer;
	bool	 keep_header;		/* datagrams go on as they came */
	bool	 live;			/* the source has a pace of its own */
	int	 pcr_pid;		/* -1: the first */
	struct pidfilter_config filter;
	bool	 health;		/* is measured */
	const struct checkup_conditions *conditions;	/* of a leg that has failed */
	int64_t	 window_ns, reorder_ns, hot_ns, back_ns, smooth_ns, hold_ns;
	int64_t	 slack_ns;		/* that what is due may wait, to go together */
	int64_t	 clean_ns;		/* how long a clean point is waited for */
	int64_t	 warm_ns;		/* how old one may be that is gone back to */
	size_t	 memory;
	uint32_t ssrc;			/* of RTP outputs, and where they begin */
	uint16_t seq;
};

struct flow_leg {
	bool	 used, has_order;
	struct merge order;		/* of this leg alone, when they are not merged by it */
	struct repair *repair;		/* of that; or NULL */
	bool	 has_fec;
	uint64_t fec;			/* datagrams of it */
	uint64_t received;
	/* Each of those is in one of these, or in a count of a merge: */
	uint64_t bare_delivered;	/* without RTP */
	uint64_t bare_refused;		/* cannot be merged */
	uint64_t bare_lost;		/* before those, and not received */
	uint64_t stood_by;		/* in order, but another leg is in use */
	uint64_t passed;		/* went on */
	struct standby standby;		/* and those that it keeps */
	struct checkup checkup;
	int64_t	 seen_ns;
};

struct flow {
	struct flow_config config;
	struct packet_pool pool;
	struct flow_leg leg[FLOW_LEGS];
	struct merge merge;
	struct repair *repair;		/* of the merge; or NULL */
	unsigned nrepair;		/* of all that there are */
	struct content content;
	struct failover failover;
	int	 last_leg;		/* whose packet went on last */
	bool	 catching_up;		/* with what has come since a clean point: */
	int64_t	 catch_at_ns, catch_from_ns;	/* begun then, with what came then */
	struct tswatch watch;
	struct pidfilter filter;
	struct packet *part;		/* of a datagram */
	int64_t	 part_ns;		/* when what goes into it is released */
	struct pacer pacer;
	struct packet *wait[FLOW_WAIT];	/* of files, for the PCR behind them */
	unsigned nwait;
	struct fan fan;
	int64_t	 slack_ns;		/* that of its config, or that of its outputs: see outputkind.h */
	uint64_t longest_gap;		/* lost in a row, since the relay took it */
	uint64_t emitted, lost, marks, no_room;	/* emitted: TS packets */
	uint64_t left_out;		/* of those, packets of PIDs that are */
	uint64_t repeated;		/* and besides, tables sent again at a switch */
	struct checkup checkup;		/* of what goes out */
	/* An event: takes the object. */
	void (*event)(void *arg, json_t *o);
	void *arg;
};

int flow_init(struct flow *f, const struct flow_config *c);
void flow_free(struct flow *f);

/* A place for another leg, or -ENOSPC, -ENOMEM; and it goes.  live: it has a pace. */
int flow_add_leg(struct flow *f, bool live);
void flow_remove_leg(struct flow *f, unsigned leg);

/* What it brings is in order: nothing is waited for that is missing. */
void flow_leg_in_order(struct flow *f, unsigned leg);

/* Before its first packet: there may be FEC of this leg.  -ENOMEM. */
int flow_expect_fec(struct flow *f, unsigned leg);

/*
 * A packet of a leg, and a datagram of its FEC.  What goes out at a time of its own
 * does so in flow_turn(), when all legs have been asked.
 */
void flow_take(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns);
void flow_take_fec(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns);

/* Do what is due by now_ns; and when to come again.  INT64_MAX: with a packet. */
void flow_turn(struct flow *f, int64_t now_ns);
int64_t flow_deadline(const struct flow *f);
int64_t flow_next(const struct flow *f);	/* the same without what waits to be sent */

/* What follows is of another stream: its clock is laid anew. */
void flow_break(struct flow *f);

/* There will be no more: all that is held is due. */
void flow_flush(struct flow *f, int64_t now_ns);

/* The merge that a leg's RTP packets go through, and its number in that. */
const struct merge *flow_merge(const struct flow *f, unsigned leg, unsigned *number);

/* What repairs it, or NULL. */
const struct repair *flow_repair(const struct flow *f, unsigned leg);

bool flow_ledger_ok(const struct flow *f);

#endif
