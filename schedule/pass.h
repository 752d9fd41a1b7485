/*
 * pass.h - a transport stream from standard input to standard output.
 *
 * Packets of the PIDs that nobody wants to look at are passed over in steps of 188
 * bytes, and written from where they were read; the others are given to packet(),
 * which may leave them out and put bytes in their place, or after them.  What has been
 * read is written before the next read: no packet waits for another.
 *
 * Shape    The output is packets of 188 bytes, whatever the stride of the input; what
 *          lies between packets is left out.
 * Memory   One struct, big; nothing allocates but pass_report().
 * Errors   What cannot go on ends with fatal().
 */
#ifndef SCHEDULE_PASS_H
#define SCHEDULE_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/stats.h"
#include "lib/media/rewrite.h"
#include "lib/media/ts.h"

#define PASS_READ	(1024 * TS_PACKET)
#define PASS_EXTRA	(256 * TS_PACKET)

/* Which packets of a PID are given to packet(): any of these bits. */
enum {
	PASS_ALL = 1,
	PASS_CLOCK = 2,			/* that have a PCR or private data */
	PASS_START = 4,			/* in which a unit starts */
};

struct pass {
	uint8_t	 look[TS_NPID];
	struct ts_sync sync;		/* packets are counted, and lost ones where all
					 * of a PID are looked at */
	uint64_t written;		/* packets */
	struct stats stats;
	struct rewrite_sink sink;	/* pass_drop() and pass_put() */

	/* private */
	void	(*packet)(void *arg, const struct ts_packet *pkt, bool damaged);
	void	(*count)(void *arg, json_t *o);
	void	*arg;
	bool	 probed;
	const uint8_t *now;		/* the packet that packet() has, if it stays */
	size_t	 len, run, end;		/* in[run..end) is to be written */
	size_t	 fill;			/* and then extra[0..fill) */
	uint8_t	 in[PASS_READ], extra[PASS_EXTRA];
};

/*
 * damaged: only data and pid of the packet are set.  count() adds to a line of
 * --stats, whose target may be NULL.
 */
void pass_init(struct pass *p, const char *stats,
    void (*packet)(void *arg, const struct ts_packet *pkt, bool damaged),
    void (*count)(void *arg, json_t *o), void *arg);

/* Read once, and pass what there is.  False at the end, or when a stop is asked for. */
bool pass_read(struct pass *p);

/* In packet(): the packet is left out; call it before pass_put(). */
void pass_drop(struct pass *p);

/*
 * Packets that follow, or take the place of, the one that packet() has.  Outside of
 * packet() they go out with the next pass_flush().
 */
void pass_put(struct pass *p, const uint8_t *packets, size_t len);
void pass_flush(struct pass *p);

/* The last line of --stats. */
void pass_end(struct pass *p);

#endif
