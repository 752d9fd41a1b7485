/*
 * flow.h - from legs to outputs: merged or failed over, in order, seven packets to
 * a datagram, each with the time at which it is due.
 *
 *     leg -> merge (one for all legs), or an order for each, then content or failover
 *         -> tswatch -> regroup -> pacer -> fan
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

#include "transport/content.h"
#include "transport/failover.h"
#include "transport/fan.h"
#include "transport/merge.h"
#include "transport/pacer.h"
#include "transport/packet.h"
#include "transport/tswatch.h"

#define FLOW_LEGS	MERGE_LEGS
#define FLOW_GROUP	7		/* packets to a datagram */

struct flow_config {
	bool	 merge;			/* else failover, or a single leg */
	bool	 by_content;		/* merge by packets, not by RTP numbers */
	bool	 windowed;		/* constant delay window_ns; else only reorder_ns */
	bool	 prefer;
	bool	 keep_header;		/* datagrams go on as they came */
	bool	 live;			/* the source has a pace of its own */
	int	 pcr_pid;		/* -1: the first */
	bool	 drops;			/* some PIDs are left out: */
	uint8_t	 drop[TS_NPID / 8];	/* a bit for each */
	int64_t	 window_ns, reorder_ns, hot_ns, back_ns, smooth_ns, hold_ns;
	size_t	 memory;
	uint32_t ssrc;			/* of RTP outputs, and where they begin */
	uint16_t seq;
};

struct flow_leg {
	bool	 used, has_order;
	struct merge order;		/* of this leg alone, when they are not merged by it */
	uint64_t received;
	/* Each of those is in one of these, or in a count of a merge: */
	uint64_t bare_delivered;	/* without RTP */
	uint64_t bare_refused;		/* cannot be merged */
	uint64_t bare_lost;		/* before those, and not received */
	uint64_t standby;		/* in order, but another leg is in use */
	uint64_t passed;		/* went on */
	int64_t	 seen_ns;
};

struct flow {
	struct flow_config config;
	struct packet_pool pool;
	struct flow_leg leg[FLOW_LEGS];
	struct merge merge;
	struct content content;
	struct failover failover;
	int	 last_leg;		/* whose packet went on last */
	struct tswatch watch;
	struct packet *part;		/* of a datagram */
	struct pacer pacer;
	struct fan fan;
	int64_t	 slack_ns;		/* that what is due may be late, see outputkind.h */
	uint64_t emitted, lost, marks, no_room;	/* emitted: TS packets */
	uint64_t left_out;		/* of those, packets of PIDs that are */
	/* An event: takes the object. */
	void (*event)(void *arg, json_t *o);
	void *arg;
};

int flow_init(struct flow *f, const struct flow_config *c);
void flow_free(struct flow *f);

/* A place for another leg, or -ENOSPC, -ENOMEM; and it goes. */
int flow_add_leg(struct flow *f);
void flow_remove_leg(struct flow *f, unsigned leg);

void flow_take(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns);

/* Do what is due by now_ns; and when to come again.  INT64_MAX: with a packet. */
void flow_turn(struct flow *f, int64_t now_ns);
int64_t flow_deadline(const struct flow *f);

/* There will be no more: all that is held is due. */
void flow_flush(struct flow *f, int64_t now_ns);

/* The merge that a leg's RTP packets go through, and its number in that. */
const struct merge *flow_merge(const struct flow *f, unsigned leg, unsigned *number);

bool flow_ledger_ok(const struct flow *f);

#endif
