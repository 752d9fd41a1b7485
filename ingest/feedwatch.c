#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/feedwatch.h"
#include "lib/base/log.h"
#include "lib/media/ts.h"
#include "lib/media/watch.h"

#define NEVER		(INT64_C(1) << 56)	/* ns: a limit that is not reached */

struct piece {
	struct piece *next;
	bool	restart;
	int64_t	at_ns;
	size_t	len;
	uint8_t	data[];
};

/* How a kind was when it was looked at last. */
struct feedwatch_was {
	bool	compares;		/* pictures with one before */
	bool	so;
	uint64_t otherwise;
	int64_t	since_ns, clear_ns, seen_ns;
};

struct feedwatch {
	struct watch_config cfg;
	struct watch *watch;		/* the thread's */
	uint64_t errors_before;
	struct feedwatch_was was[WATCH_KINDS];
	pthread_t thread;
	pthread_mutex_t lock;		/* for all below */
	pthread_cond_t changed;
	struct piece *first, **tail;
	size_t	queued;
	bool	quit, spare;
	struct feedwatch_state state;
};

/* ---- the thread */

static void
renew(struct feedwatch *w)
{
	watch_free(w->watch);
	w->watch = watch_new(&w->cfg);
	for (int k = 0; k < WATCH_KINDS; k++)
		w->was[k].otherwise = 0;
	if (w->watch == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot watch an input");
}

/*
 * A kind is so, or not, after what came at at_ns; otherwise frames in all were not so.
 * Pictures may be a group apart: it lasts for as long as nothing else was seen.
 */
static void
note(struct feedwatch_kind *k, struct feedwatch_was *was, bool so, uint64_t otherwise,
    int64_t at_ns)
{
	bool moved = otherwise > was->otherwise;

	if (moved) {
		/* What is compared with a picture before moved between the two. */
		was->clear_ns = was->compares ? was->seen_ns : at_ns;
		was->seen_ns = at_ns;
	}
	if (so && (moved || !was->so))
		was->since_ns = was->compares ? was->seen_ns : at_ns;
	was->otherwise = otherwise;
	was->so = so;
	k->clear_ns = was->clear_ns;
	k->lasts_ns = so ? at_ns - was->since_ns : 0;
}

static struct feedwatch_state
look(struct feedwatch *w, int64_t at_ns)
{
	struct feedwatch_state now = { .errors = w->errors_before };
	bool so[WATCH_KINDS] = { false };
	uint64_t otherwise[WATCH_KINDS] = { 0 };
	const struct watch_stream *s;

	for (unsigned i = 0; (s = watch_stream(w->watch, i)) != NULL; i++) {
		now.errors += s->errors;
		for (int k = 0; k < WATCH_KINDS; k++) {
			struct feedwatch_kind *kind = &now.kind[k];
			bool all = k == WATCH_SILENCE && kind->known;

			if (s->frames == 0 || s->video != (k != WATCH_SILENCE))
				continue;
			kind->known = true;
			kind->holds = all ? kind->holds && s->open[k] :
			    kind->holds || s->open[k];
			so[k] = all ? so[k] && s->so[k] : so[k] || s->so[k];
			otherwise[k] += s->not_so[k];
		}
	}
	for (int k = 0; k < WATCH_KINDS; k++)
		note(&now.kind[k], &w->was[k], so[k], otherwise[k], at_ns);
	return now;
}

static void *
run(void *arg)
{
	struct feedwatch *w = arg;
	struct feedwatch_state now;
	struct piece *p;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->first == NULL && !w->quit)
			pthread_cond_wait(&w->changed, &w->lock);
		if (w->quit)
			break;
		p = w->first;
		w->first = p->next;
		if (w->first == NULL)
			w->tail = &w->first;
		w->queued -= p->len;
		watch_spare(w->watch, w->spare);
		pthread_mutex_unlock(&w->lock);
		if (p->restart) {
			w->errors_before = look(w, p->at_ns).errors;
			renew(w);
		}
		watch_push(w->watch, TS_PACKET, p->data, p->len);
		now = look(w, p->at_ns);
		free(p);
		pthread_mutex_lock(&w->lock);
		now.left_out = w->state.left_out;
		w->state = now;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the caller's side */

struct feedwatch *
feedwatch_new(const struct failon *cfg)
{
	struct feedwatch *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot watch an input");
	watch_config_init(&w->cfg);
	w->cfg.rough = cfg->errors.n == 0;
	w->cfg.no_video = w->cfg.rough && cfg->black_ns == 0 && cfg->freeze_ns == 0;
	w->cfg.no_audio = w->cfg.rough && cfg->silence_ns == 0;
	w->cfg.limit_ns[WATCH_BLACK] = cfg->black_ns > 0 ? cfg->black_ns : NEVER;
	w->cfg.limit_ns[WATCH_FREEZE] = cfg->freeze_ns > 0 ? cfg->freeze_ns : NEVER;
	w->cfg.limit_ns[WATCH_SILENCE] = cfg->silence_ns > 0 ? cfg->silence_ns : NEVER;
	w->cfg.black_part = cfg->black_part;
	w->cfg.silence_level = -50000;
	w->was[WATCH_FREEZE].compares = true;
	renew(w);
	w->tail = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	err = pthread_create(&w->thread, NULL, run, w);
	if (err != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
	return w;
}

static void
put(struct feedwatch *w, bool restart, const uint8_t *data, size_t len, int64_t at_ns)
{
	struct piece *p = malloc(sizeof(*p) + len);

	if (p == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot watch an input");
	*p = (struct piece){ .restart = restart, .at_ns = at_ns, .len = len };
	if (len > 0)
		memcpy(p->data, data, len);
	pthread_mutex_lock(&w->lock);
	if (w->queued + len > FEEDWATCH_BYTES) {
		w->state.left_out += len;
		free(p);
	} else {
		*w->tail = p;
		w->tail = &p->next;
		w->queued += len;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
}

void
feedwatch_push(struct feedwatch *w, const uint8_t *p, size_t len, int64_t now_ns)
{
	put(w, false, p, len, now_ns);
}

void
feedwatch_restart(struct feedwatch *w)
{
	put(w, true, NULL, 0, 0);
}

void
feedwatch_spare(struct feedwatch *w, bool spare)
{
	pthread_mutex_lock(&w->lock);
	w->spare = spare;
	pthread_mutex_unlock(&w->lock);
}

struct feedwatch_state
feedwatch_look(struct feedwatch *w)
{
	struct feedwatch_state now;

	pthread_mutex_lock(&w->lock);
	now = w->state;
	pthread_mutex_unlock(&w->lock);
	return now;
}

void
feedwatch_free(struct feedwatch *w)
{
	struct piece *p;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	while ((p = w->first) != NULL) {
		w->first = p->next;
		free(p);
	}
	watch_free(w->watch);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
}
