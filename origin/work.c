#include <signal.h>

#include "origin/work.h"

static void *
work_main(void *arg)
{
	struct work *w = arg;
	struct work_job *job;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while ((job = w->first) == NULL && !w->stop)
			pthread_cond_wait(&w->more, &w->lock);
		if (job == NULL)
			break;
		w->first = job->next;
		if (w->first == NULL)
			w->end = &w->first;
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int
work_start(struct work *w)
{
	sigset_t all, before;
	int err = 0;

	*w = (struct work){ .count = 0 };
	w->end = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (w->count < WORK_THREADS && err == 0) {
		err = pthread_create(&w->thread[w->count], NULL, work_main, w);
		w->count += err == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

void
work_add(struct work *w, struct work_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->end = job;
	w->end = &job->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void
work_stop(struct work *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	while (w->count > 0)
		pthread_join(w->thread[--w->count], NULL);
}
