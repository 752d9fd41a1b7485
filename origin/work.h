/*
 * work.h - threads for what waits on the disk, so that no loop has to.
 *
 * Memory   A job is its caller's, and borrowed until its run() is called.
 * Threads  work_add() from any; a job's run() is on a thread of the pool.
 * Errors   work_start(): negative errno.
 */
#ifndef WORK_H
#define WORK_H

#include <pthread.h>
#include <stdbool.h>

#define WORK_THREADS	8

struct work_job {
	struct work_job *next;
	void (*run)(struct work_job *job);
};

struct work {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work_job *first, **end;
	bool	 stop;
	unsigned count;
	pthread_t thread[WORK_THREADS];
};

int work_start(struct work *w);
void work_add(struct work *w, struct work_job *job);

/* Finish what was added, and end the threads. */
void work_stop(struct work *w);

#endif
