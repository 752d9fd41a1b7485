/*
 * output.h - one way out of the relay, with a place of its own in the fan.
 *
 *     udp://[@]host:port   rtp://...   rist://...   srt://...   file   fifo   -
 *
 * Spec     RFC 2250, SMPTE ST 2022-2 (datagrams of 7 packets, with RTP or without).
 * Shape    Takes what is due, as much as goes without waiting; what it cannot
 *          take before the fan lets go of it is lost for it alone.  A FIFO is
 *          opened again for each reader; a broken pipe on "-" ends that output.
 * Units    ns on CLOCK_MONOTONIC; counts in datagrams.
 * Memory   output_free() gives all back.
 * Threads  One.
 * Errors   output_open(): as leg_open().
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/fileid.h"
#include "lib/leg/numbers.h"
#include "lib/net/udp.h"
#include "transport/fan.h"

#define OUTPUT_ID	32		/* as LEG_ID */

struct output {
	char	 id[OUTPUT_ID];
	char	*text;			/* its address, as given */
	const struct output_ops *ops;	/* its kind, see outputkind.h */
	void	*state;
	uint32_t ssrc;			/* of all outputs' RTP */
	int	 fd;			/* to be waited for when it is blocked; -1: none */
	struct file_id id_of_file;	/* if it is one, or a pipe */
	bool	 paused, blocked, ended;
	bool	 watched;		/* the loop asks when it can be written to */
	bool	 from_config;
	bool	 seen;			/* by the reader of the configuration */
	unsigned wrong_line;		/* there: not used for it; 0: none */

	/* Each datagram since it was added is in one of these, or waits. */
	uint64_t sent;
	uint64_t dropped;		/* it was too slow */
	uint64_t skipped;		/* it was paused, or a FIFO had no reader */
	uint64_t failed;		/* the system refused to send it */
	uint64_t begun;			/* its first place */
	uint64_t place;			/* the next one */

	uint64_t bytes, disconnections, stalls;
	uint64_t rate_bps, rated_bytes;	/* of the last second; bytes when it began */
	int64_t	 sent_ns;		/* last */
	int64_t	 stall_ns;		/* longest that it was blocked */

	/* private: */
	int64_t	 blocked_ns;
	struct packet *cut;		/* half written to a pipe */
	struct output *next;		/* while it ends: the relay's */
};

int output_open(struct output *o, const char *text, const struct fan *f,
    char why[static UDP_WHY]);
void output_free(struct output *o);

/*
 * Before output_free(), so that that does not wait: it begins to end, and takes nothing
 * any more.  False: it has not ended yet, ask again.
 */
bool output_leave(struct output *o);

/* What it counts besides, by its kind. */
void output_numbers(const struct output *o, struct numbers *all);

/* Those that receive it, as a list of objects; NULL: its kind knows of none. */
json_t *output_peers(const struct output *o);

/* Read again who may come in; -errno with a reason when that fails. */
int output_reload(struct output *o, char why[static UDP_WHY]);

/* Put out who came in by this grant: how many were there.  *known: there is one. */
unsigned output_revoke(struct output *o, const char *name, bool *known);

/* May it send a little later, since its peers are told when it was due? */
bool output_tells_time(const struct output *o);

/* At the end: until when it still has to be kept; 0: no longer. */
int64_t output_busy_ns(const struct output *o, int64_t now_ns);

/* Send what is due. */
void output_send(struct output *o, const struct fan *f, int64_t now_ns);

/* It can be written to again. */
void output_ready(struct output *o, int64_t now_ns);

void output_pause(struct output *o, const struct fan *f, bool paused);

/* Datagrams that are due and wait. */
static inline uint64_t
output_waiting(const struct output *o, const struct fan *f)
{
	return f->due > o->place ? f->due - o->place : 0;
}

bool output_ledger_ok(const struct output *o);

#endif
