/*
 * sweep.h - carries out the lifecycle rules: objects expire, or go to the archive.
 *
 * Shape    A thread with a queue in order of time, filled once from what is there
 *          and then by each PUT; nothing is looked for each second.  What is due
 *          is looked at again, as it may have been replaced.  What goes to the
 *          archive goes by a pool, so that a slow one delays no other rule.
 * Memory   At most SWEEP_MEMORY of paths.  Beyond, objects are left out, and found
 *          by going through the containers again once half of it is done, or
 *          after an hour.
 * Units    ns, UTC: the birth of an object is the time of its file.
 * Threads  All functions from any thread.
 * Errors   What cannot be removed is tried again after SWEEP_AGAIN_NS.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <pthread.h>
#include <stdatomic.h>

#include "origin/container.h"
#include "origin/work.h"

#define SWEEP_MEMORY	(64u << 20)
#define SWEEP_AGAIN_NS	(60 * CLK_SECOND)
#define SWEEP_BUCKETS	65536

struct due;

struct sweep {
	struct containers *containers;
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct due **heap;
	size_t	 n, ntaken, size, memory;
	struct due **bucket;		/* by path: one entry for each */
	atomic_bool stop;
	bool	 missed, said;
	bool	 all;			/* go through all containers */
	char	 scan[32][CONTAINER_NAME];	/* or through these */
	unsigned nscan;
	int64_t	 missed_ns;
	pthread_t thread;
	struct work movers;
	int64_t	 said_ns;		/* when a failure was told last, */
	uint64_t unsaid;		/* and how many were not since */
	_Atomic uint64_t expired, archived, failed;
};

int sweep_start(struct sweep *s, struct containers *cs, struct store *store);
void sweep_stop(struct sweep *s);

/* There is a new object. */
void sweep_note(struct sweep *s, const char *path, int64_t birth_ns);

/* There are new rules: begin anew with this container. */
void sweep_rules(struct sweep *s, const char *name);

#endif
