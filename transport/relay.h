/*
 * relay.h - what mconnect-relay(1) is made of: legs, a flow, and outputs, which come
 * and go while it runs.
 *
 * Units    ns on CLOCK_MONOTONIC.
 * Memory   relay_free() gives all back.
 * Threads  One, but for the server of the metrics, which has a copy of their text.
 * Errors   Negative errno with a reason as text.
 */
#ifndef RELAY_H
#define RELAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/stats.h"
#include "lib/leg/leg.h"
#include "transport/flow.h"
#include "transport/output.h"

#define RELAY_OUTPUTS	512

/* Of the last second, and what there was when it ended. */
struct relay_lately {
	uint64_t bit_rate;
	uint64_t loss;			/* thousandths of a percent */
	uint64_t drops;			/* in a row */
	int64_t	 since_ns;		/* it has been connected; 0: it is not */

	uint64_t bytes, datagrams, missing, arq;
};

struct relay {
	struct flow_config config;
	struct flow flow;
	struct leg *leg[FLOW_LEGS];	/* at its number in the flow, or NULL */
	bool	 leg_seen[FLOW_LEGS];	/* by the reader of the configuration */
	bool	 leg_from_config[FLOW_LEGS];
	struct leg_batch *batch;
	struct output *output[RELAY_OUTPUTS];
	unsigned noutput;
	struct leg *leaving_leg;		/* those that have not ended yet */
	struct output *leaving_output;
	unsigned leg_serial, output_serial;	/* of names that are made */
	int	 epoll;
	int64_t	 start_ns;
	struct stats stats;
	struct recorder *recorder;	/* or NULL */
	bool	 quit;

	/* Of a replay: */
	bool	 is_replay;
	const char *replayed;		/* the file, or NULL */
	int64_t	 replay_ns;		/* now */
	int64_t	 replay_offset_ns;	/* from that to UTC */

	/* relaynumbers.h: of each leg, and of all. */
	int64_t	 last_ns;		/* when this second began */
	struct relay_lately lately[FLOW_LEGS], lately_all;
};

/* What epoll gives back: a kind, and which one. */
enum relay_kind { RELAY_LEG = 1, RELAY_OUTPUT, RELAY_CONTROL };
static inline uint64_t
relay_tag(enum relay_kind kind, uint32_t n)
{
	return (uint64_t)kind << 32 | n;
}

int relay_add_leg(struct relay *r, const char *text, bool from_config,
    struct leg **leg, char why[static UDP_WHY]);
void relay_remove_leg(struct relay *r, unsigned n);

/* Its number. */
unsigned relay_place_of(const struct relay *r, const struct leg *l);

/* Takes what a leg reads into the flow. */
struct leg_taker relay_taker(struct relay *r);

/* One that is open, on the heap.  Takes it.  Its number, or a negative errno. */
int relay_take_leg(struct relay *r, struct leg *l, char why[static UDP_WHY]);

/* What that file is to the relay already, such as "an input"; NULL: nothing. */
const char *relay_reads(const struct relay *r, struct file_id file);
const char *relay_writes(const struct relay *r, struct file_id file);

int relay_add_output(struct relay *r, const char *text, bool from_config,
    struct output **output, char why[static UDP_WHY]);
void relay_remove_output(struct relay *r, unsigned n);

/* One on the heap that is none of the relay's yet.  Gives it. */
int relay_open_output(struct relay *r, const char *text, struct output **output,
    char why[static UDP_WHY]);

/* One that is none of them any more ends, at once or later.  Takes it. */
void relay_retire_output(struct relay *r, struct output *o);

/* By id or by address; its place, or -1. */
int relay_find_leg(const struct relay *r, const char *name);
int relay_find_output(const struct relay *r, const char *name);

/* Read all files of grants again.  0, or -errno with a reason if one fails. */
int relay_reload_grants(struct relay *r, char why[static UDP_WHY]);

/* Put out who came in by this grant: how many were there. */
unsigned relay_revoke(struct relay *r, const char *name, bool *known);

/* Is any of those that were removed still about to end? */
static inline bool
relay_is_leaving(const struct relay *r)
{
	return r->leaving_leg != NULL || r->leaving_output != NULL;
}

/*
 * Outputs that have ended go, and what has ended of those that were removed; what waits
 * for a port is tried, and what is wrong is said.
 */
void relay_turn(struct relay *r, int64_t now_ns);

/* Send what is due to all who can take it. */
void relay_send(struct relay *r, int64_t now_ns);

/* At the end: until when what is due later is waited for. */
int64_t relay_drain_until(const struct relay *r, int64_t now_ns);

/* A line of the statistics.  Takes the object. */
void relay_tell(struct relay *r, json_t *o);

/* An event: a line of the statistics, and of the log.  Takes the object. */
void relay_event(void *arg, json_t *o);

void relay_free(struct relay *r);

/* relaystats.c: the line of each second, and the text for Prometheus. */
json_t *relay_stats(struct relay *r, int64_t now_ns);
json_t *relay_list(const struct relay *r);
bool relay_ledger_ok(const struct relay *r);
struct metrics;
void relay_metrics(struct relay *r, struct metrics *m, int64_t now_ns);

#endif
