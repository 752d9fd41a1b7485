/*
 * ristlink.h - a librist context with one peer that calls or is called, its log and
 * its numbers.
 *
 * Spec     VSF TR-06-1, TR-06-2, by librist.
 * Shape    librist has threads of its own, in which its callbacks run: what they count
 *          is atomic, or behind the lock.  Ending a context takes many ms, so that one
 *          more thread does it: ristlink_leave(), until ristlink_gone().
 * Memory   Caller's struct, zeroed, which must not move; ristlink_free() gives all
 *          back, also after ristlink_open() has failed, and waits if it has not gone.
 * Threads  One calls these functions.
 * Errors   As leg_open(); what librist says of it is in the reason.
 */
#ifndef RISTLINK_H
#define RISTLINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/numbers.h"
#include "lib/leg/ristcallers.h"
#include "lib/leg/ristguard.h"
#include "lib/leg/ristkeys.h"

#define RISTLINK_PEERS	64		/* that are known apart */
#define RISTLINK_SENDERS	32	/* to an input; in the simple profile one is two */
#define RISTLINK_RECEIVERS	256	/* of an output */
#define RISTLINK_TRIES	5		/* that librist counts apart */

struct ristlink {
	struct rist_ctx *ctx;
	struct rist_peer *peer;
	struct ristkeys keys;
	const char *text;		/* borrows the address, as given */

	atomic_ullong disconnections;
	atomic_ullong requests;		/* of receivers, to send again */
	atomic_ullong resent, not_resent;
	atomic_ullong refused;		/* callers */
	atomic_ullong key_errors;
	atomic_ullong received, recovered, lost, late, duplicates;
	atomic_ullong recovered_by[RISTLINK_TRIES];	/* the n-th request, or a later one */

	/* private: */
	atomic_int callers;
	int	 most;			/* callers */
	struct ristcallers known;	/* of the simple profile, behind the lock */
	int	 fd[RISTGUARD_SOCKETS];	/* librist's */
	unsigned fds;
	uint64_t dropped;		/* at these; stays when they have gone */
	struct rist_logging_settings logging;
	int64_t	 looked_ns;
	uint64_t said_dropped;
	pthread_mutex_t lock;		/* of the next four */
	int64_t	 key_said_ns, dropped_said_ns;
	char	 why[UDP_WHY];		/* what librist said first that was wrong */
	struct ristlink_heard {
		uint32_t peer, ms;	/* round trip */
		int64_t	 at_ns;		/* 0: none */
	} heard[RISTLINK_PEERS];
	bool	 locked;		/* there is a lock */
	pthread_t leaver;
	bool	 threaded;
	atomic_bool leaving, gone;
	void (*first)(void *arg);
	void *first_arg;
};

/*
 * A sender or receiver with the keys of url, which is not connected yet.  flow_id: of a
 * sender; its lowest bit does not count.  Borrows text until ristlink_free().
 */
int ristlink_open(struct ristlink *l, const char *text, struct url *url, bool input,
    uint32_t flow_id, char why[static UDP_WHY]);

/* Call, or be called. */
int ristlink_start(struct ristlink *l, char why[static UDP_WHY]);

/* How many peers were heard lately, and the longest of their round trips. */
unsigned ristlink_peers(struct ristlink *l, uint32_t *rtt_ms);

/* A warning when all that comes is dropped; asks once a second at most. */
void ristlink_look(struct ristlink *l, int64_t now_ns);

void ristlink_numbers(struct ristlink *l, bool input, struct numbers *all);

/* Begin to end it; before that, in the thread, first(arg), if not NULL. */
void ristlink_leave(struct ristlink *l, void (*first)(void *arg), void *arg);
bool ristlink_gone(const struct ristlink *l);

void ristlink_free(struct ristlink *l);

#endif
